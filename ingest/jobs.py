"""What an ingestion did to each source file, what it rejected and why, and where it tells how far it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

from citewell.core.errors import FileRejected, rejections
from citewell.ingest.parsers import PARSER_VERSION


def content_key(data: bytes, facts: str = "") -> str:
    """Names a file's bytes, the parser that reads them and what is said about them; the same key gives the same document."""
    key = f"{PARSER_VERSION}:{hashlib.sha256(data).hexdigest()}"
    return f"{key}:{facts}" if facts else key


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that did not become a document, and why."""

    uri: str
    code: str
    reason: str
    hint: str

    @classmethod
    def of(cls, uri: str, error: FileRejected) -> Failure:
        """The failure that `error` describes."""
        return cls(uri, error.code, error.message, error.hint)


def error_of(failure: Failure) -> FileRejected:
    """The error that a failure tells of."""
    known = {cls.code: cls for cls in rejections()}
    return known.get(failure.code, FileRejected)(failure.reason, hint=failure.hint)


@dataclass(frozen=True, slots=True)
class FileCost:
    """What a file cost to read."""

    uri: str
    media_type: str
    size_bytes: int
    pages: int
    parse_ms: float


@dataclass(slots=True)
class IngestReport:
    """What one ingestion did. `outcomes` counts files by what they came to; `failed` and `needs_ocr` say why."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    needs_ocr: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # of files of which a part could not be read
    outcomes: dict[str, int] = field(default_factory=dict)
    duplicates: list[dict[str, object]] = field(default_factory=list)  # uri, like, likeness: what says nearly the same
    redacted: dict[str, int] = field(default_factory=dict)  # personal data taken out, by kind
    pages: int = 0
    passages: int = 0
    tokens: int = 0
    chunks_embedded: int = 0
    generation: str = ""
    published: bool = False
    job: int = 0
    measured: dict[str, str] = field(
        default_factory=dict
    )  # by model, what runs it from now on and why, when that was found out
    timings_ms: dict[str, float] = field(
        default_factory=dict
    )  # by stage: read (with parsing, beside the others), split, embed, store, publish
    formats: dict[str, dict[str, int]] = field(default_factory=dict)  # by media type: files, pages, parse_ms, passages
    slowest: list[FileCost] = field(default_factory=list)
    ms: float = 0.0


class Progress(Protocol):
    """Where an ingestion tells how far it is."""

    def advance(self, done: int, total: int, what: str) -> None:
        """`done` of `total` files are dealt with; `what` is under way."""
        ...

    def tell(self, message: str) -> None:
        """Says something that is to be seen now."""
        ...


class Silent:
    """Tells nobody."""

    def advance(self, done: int, total: int, what: str) -> None:
        """Nothing."""
        del done, total, what

    def tell(self, message: str) -> None:
        """Nothing."""
        del message
