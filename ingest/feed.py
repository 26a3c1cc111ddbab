"""A feed: many documents in one file, a JSON object a line.

    {"id": "kb/42", "text": "# Leave\\n\\n28 days a year.", "format": "md", "groups": ["hr"], "tags": ["policy"], "date": "2024-03-01"}
    {"id": "kb/43", "deleted": true}

`id` is the document's path within its source and `text` its content, in the `format` md, html or txt (the default). The other names are
facts (ingest/facts.py). A line with `deleted` removes the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from citewell.core.errors import FileBroken, FileRejected, FileTooLarge, FileUnreadable
from citewell.ingest.facts import Facts, read_facts
from citewell.ingest.sources import readable

SUFFIX = ".jsonl"
FORMATS = ("md", "html", "txt")
_OWN = {"id", "text", "format", "deleted"}


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One line of a feed: the document's path, its content in a format with the facts about it, or why it cannot be read; without a
    format it is to be removed."""

    path: str
    data: bytes = b""
    format: str | None = None
    facts: Facts = field(default_factory=Facts)
    error: FileRejected | None = None


def is_feed(path: Path) -> bool:
    """Whether a path that was named is a feed."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def read_feed(path: Path, max_bytes: int) -> Iterator[FeedLine]:
    """The lines of a feed, one at a time; what is wrong with one is in its `error`. Raises FileUnreadable."""
    try:
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(max_bytes + 1):
                number += 1
                if len(line) > max_bytes:
                    yield FeedLine(
                        f"line {number}", error=FileTooLarge(f"line {number} has more than {max_bytes} bytes")
                    )
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(max_bytes + 1)
                elif line.strip():
                    yield _read_line(line, number)
    except OSError as error:
        raise FileUnreadable(f"it cannot be read: {error.strerror or error}") from error


def _read_line(line: bytes, number: int) -> FeedLine:
    where = f"line {number}"
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return FeedLine(where, error=FileBroken(f"{where} is no JSON", hint="Write one JSON object a line."))
    if not isinstance(values, dict) or not isinstance(values.get("id"), str) or not values["id"].strip():
        return FeedLine(where, error=FileBroken(f"{where} has no id", hint='Each line needs an "id" that is text.'))
    path = readable(values["id"].strip())
    if values.get("deleted") is True:
        return FeedLine(path)
    form = values.get("format", "txt")
    if not isinstance(values.get("text"), str) or form not in FORMATS:
        hint = f'Each line needs a "text"; its "format" is one of {", ".join(FORMATS)}.'
        return FeedLine(path, error=FileBroken(f"{where} has no text in a known format", hint=hint))
    try:
        facts = read_facts({name: value for name, value in values.items() if name not in _OWN})
    except FileRejected as error:
        return FeedLine(path, error=error)
    return FeedLine(path, values["text"].encode("utf-8", "replace"), form, facts)
