"""A feed: many documents in one file, a JSON object a line.

    {"id": "kb/42", "text": "# Leave\\n\\n28 days a year.", "format": "md", "groups": ["hr"], "tags": ["policy"], "date": "2024-03-01"}
    {"id": "kb/43", "deleted": true}

`id` is the document's path within its source and `text` its content, in the `format` md, html or txt (the default). The other names are
facts (ingest/facts.py). A line with `deleted` removes the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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
    format it is to be removed. `start_byte` and `size_bytes` say where it stands in the file."""

    path: str
    data: bytes = b""
    format: str | None = None
    facts: Facts = field(default_factory=Facts)
    error: FileRejected | None = None
    start_byte: int = 0
    size_bytes: int = 0


def is_feed(path: Path) -> bool:
    """Whether a path that was named is a feed."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def read_feed(path: Path, max_bytes: int, *, keep_content: bool = True) -> Iterator[FeedLine]:
    """The lines of a feed, one at a time; what is wrong with one is in its `error`. Without `keep_content` their bytes are left out.

    Raises FileUnreadable.
    """
    try:
        with path.open("rb") as stream:
            number = start = 0
            while line := stream.readline(max_bytes + 1):
                number += 1
                size = len(line)
                if size > max_bytes:
                    yield FeedLine(
                        f"line {number}", error=FileTooLarge(f"line {number} has more than {max_bytes} bytes")
                    )
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(max_bytes + 1)
                        size += len(line)
                elif line.strip():
                    read = replace(_read_line(line, f"line {number}"), start_byte=start, size_bytes=size)
                    yield read if keep_content else replace(read, data=b"", facts=Facts())
                start += size
    except OSError as error:
        raise FileUnreadable(f"it cannot be read: {error.strerror or error}") from error


def read_line_at(path: Path, start_byte: int, size_bytes: int) -> FeedLine:
    """One line of a feed. Raises FileUnreadable, or FileBroken when the feed has changed since its lines were counted."""
    try:
        with path.open("rb") as stream:
            stream.seek(start_byte)
            line = stream.read(size_bytes)
    except OSError as error:
        raise FileUnreadable(f"it cannot be read: {error.strerror or error}") from error
    read = _read_line(line, f"the line at byte {start_byte}")
    if read.error is not None:
        raise read.error
    return read


def _read_line(line: bytes, where: str) -> FeedLine:
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
