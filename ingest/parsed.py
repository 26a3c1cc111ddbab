"""What a parser is told and what it returns: blocks in reading order, and the files that lie in the file.

A parser is a module of `ingest/parsers` with `parse(data, reading) -> Parsed`. It runs in a child process (ingest/isolation), so it may
crash or run away, and imports no model library. It raises a FileRejected that names the cause.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from citewell.core.types import BlockKind, Box

CELLS = " | "  # between the cells of a table row


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read: its name, which settles what its bytes leave open, and what it may cost."""

    name: str = ""
    max_unpacked_bytes: int = 200_000_000
    max_members: int = 10_000
    max_ratio: int = 200  # of unpacked to packed bytes, for an archive over a megabyte unpacked
    ocr: Literal["auto", "off"] = "auto"
    ocr_languages: str = "eng"
    ocr_max_pages: int = 500
    redact: tuple[str, ...] = ()
    phone_regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text where a page shows it; `glued` when it goes on with the last word of the line before."""

    text: str
    page: int
    box: Box
    glued: bool = False


@dataclass(frozen=True, slots=True)
class RawBlock:
    """A block as a parser read it.

    `level` is the depth of a heading from 1. `place` says where it stands when that is no page, in words that a reader can follow:
    `Prices!A5:D5`, `lines 10-14`. With `lines`, these are the text and `text` stays empty.
    The rows of a table follow one another; `table_header` marks those that name its columns.
    """

    kind: BlockKind
    text: str = ""
    level: int = 0
    page: int | None = None
    place: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def whole(self) -> str:
        """The text, also when it is given by lines."""
        if not self.lines:
            return self.text
        glue = ("" if line.glued or not at else " " for at, line in enumerate(self.lines))
        return "".join(part for pair in zip(glue, (line.text for line in self.lines), strict=True) for part in pair)


@dataclass(frozen=True, slots=True)
class Member:
    """A file within a file: an attachment, or an entry of an archive by its path with forward slashes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser read of one file.

    `members` are read as documents of their own; they may be made while they are asked for, so that an archive is never whole in memory.
    `container` says that the file is nothing but its members. `warnings` say what of the file could not be read.
    """

    blocks: list[RawBlock]
    media_type: str
    title: str = ""
    language: str = "und"
    metadata: dict[str, str] = field(default_factory=dict)
    members: Iterable[Member] = ()
    container: bool = False
    warnings: tuple[str, ...] = ()

    def with_facts(self, title: str, language: str, metadata: dict[str, str]) -> Parsed:
        """The same with other facts."""
        return replace(self, title=title, language=language, metadata=metadata)


def row(cells: Iterable[str]) -> str:
    """The text of a table row."""
    return CELLS.join(" ".join(cell.split()) for cell in cells)
