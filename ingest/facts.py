"""What is said about a document besides its content: by rules over paths in the settings, by a file beside it, by a line of a feed.

`leave.pdf.meta.json` (or `.meta.yaml`) beside `leave.pdf` may give `title`, `language`, `groups`, `tags` and any other metadata:

    {"groups": ["hr"], "tags": ["policy"], "valid_from": "2025-01-01"}

The more particular word counts: the file beside a document over the rules, a later rule over an earlier one, and both over what the document says
of itself. A document never says who may read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from citewell.core.errors import FileBroken, FileTooLarge
from citewell.core.settings import PathRule
from citewell.ingest.normalise import metadata_text, normalise_text
from citewell.ingest.parsed import Parsed

ENDINGS = (".meta.json", ".meta.yaml", ".meta.yml")
MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Facts:
    """Title, language, the groups that may read the document (None: nothing was said), and metadata as text."""

    title: str = ""
    language: str = ""
    groups: tuple[str, ...] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def over(self, other: Facts) -> Facts:
        """These facts where they say something, else the other's."""
        return Facts(
            self.title or other.title,
            self.language or other.language,
            other.groups if self.groups is None else self.groups,
            {**other.metadata, **self.metadata},
        )

    @property
    def key(self) -> str:
        """Names the facts; empty when nothing is said."""
        if self == Facts():
            return ""
        told = [self.title, self.language, self.groups, sorted(self.metadata.items())]
        return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()[:16]

    def told_of(self, parsed: Parsed) -> Parsed:
        """What a parser read, with these facts over what the document says of itself."""
        return parsed.with_facts(
            self.title or parsed.title, self.language or parsed.language, {**parsed.metadata, **self.metadata}
        )


def facts_of(path: str, location: Path | None, rules: Sequence[PathRule]) -> Facts:
    """What rules and a file beside `location` say of the document at `path` of its source. Raises FileBroken or FileTooLarge."""
    found = Facts()
    for rule in rules:
        if fnmatchcase(path, rule.path):
            found = read_facts(rule.model_dump(exclude={"path"}, exclude_none=True)).over(found)
    beside = [] if location is None else [location.with_name(location.name + ending) for ending in ENDINGS]
    for sidecar in beside:
        if sidecar.is_file():
            found = _read_file(sidecar).over(found)
    return found


def is_sidecar(location: Path) -> bool:
    """Whether a file is about the one beside it."""
    return any(
        location.name.endswith(ending) and location.with_name(location.name.removesuffix(ending)).is_file()
        for ending in ENDINGS
    )


def read_facts(values: Mapping[str, Any]) -> Facts:
    """The facts of a mapping: `title`, `language`, `groups`; everything else, `metadata` within included, is metadata.

    Raises FileBroken when groups are no list of names.
    """
    groups = values.get("groups")
    if isinstance(groups, str):
        groups = [groups]
    if groups is not None and not (isinstance(groups, list | tuple) and all(isinstance(g, str) and g for g in groups)):
        raise FileBroken("its groups are no list of names", hint='Write them as "groups": ["hr", "legal"].')
    nested = values.get("metadata")
    rest = {k: v for k, v in values.items() if k not in {"title", "language", "groups", "metadata"}}
    metadata = rest | (dict(nested) if isinstance(nested, Mapping) else {})
    told = {normalise_text(str(name)): metadata_text(value) for name, value in metadata.items()}
    return Facts(
        normalise_text(str(values.get("title") or "")),
        normalise_text(str(values.get("language") or "")),
        None if groups is None else tuple(sorted({normalise_text(group) for group in groups})),
        {name: normalise_text(value) for name, value in told.items() if value is not None},
    )


def _read_file(path: Path) -> Facts:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileBroken(f"{path.name} beside it cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise FileTooLarge(f"{path.name} beside it has more than {MAX_BYTES} bytes")
    try:
        values = json.loads(data) if path.name.endswith(".json") else yaml.safe_load(data)
    except (ValueError, yaml.YAMLError, RecursionError):
        raise FileBroken(f"{path.name} beside it cannot be read", hint="Write a JSON or YAML mapping.") from None
    if not isinstance(values, dict):
        raise FileBroken(f"{path.name} beside it holds no mapping", hint='Write for example {"groups": ["hr"]}.')
    return read_facts(values)
