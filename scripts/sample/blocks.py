"""Parser for the small Markdown dialect of the sample sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_ITEM = re.compile(r"^(?:[-*]|\d+\.) +(.*)$")


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 3."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of running text."""

    text: str


@dataclass(frozen=True)
class ItemList:
    """A bullet list, or a numbered list if ``ordered``."""

    ordered: bool
    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table; the first row is its header."""

    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | ItemList | Table


@dataclass(frozen=True)
class Source:
    """A parsed source: its front matter and its blocks."""

    meta: dict[str, str]
    blocks: tuple[Block, ...]


def _table(lines: list[str]) -> Table:
    rows = [tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in lines]
    return Table(tuple(row for index, row in enumerate(rows) if index != 1))


def _chunk(lines: list[str]) -> Block:
    """Turn the lines between two blank lines into one block."""
    first = lines[0]
    if first.startswith("#"):
        marks, _, text = first.partition(" ")
        return Heading(len(marks), text)
    if first.startswith("|"):
        return _table(lines)
    matches = [_ITEM.match(line) for line in lines]
    if matches[0]:
        return ItemList(first[0].isdigit(), tuple(match.group(1) for match in matches if match))
    return Paragraph(" ".join(lines))


def read_source(path: Path) -> Source:
    """Parse the front matter and the body of one source file."""
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    pairs = (line.partition(":") for line in front.strip().splitlines())
    meta = {key.strip(): value.strip() for key, _, value in pairs}
    chunks = [chunk.strip("\n").splitlines() for chunk in re.split(r"\n\s*\n", body) if chunk.strip()]
    return Source(meta, tuple(_chunk(chunk) for chunk in chunks))
