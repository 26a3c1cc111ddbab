"""What the stages of reading a page hand to each other: words, pieces, rows, tables.

All coordinates are in points from the upper left corner of a sheet: the page turned so that its text is upright.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from citewell.core.types import Box
from citewell.ingest.parsers.pdf.direction import Glyph, in_logical_order

TOUCHING = 0.15  # in type sizes: a smaller gap between two words that are drawn apart is none


class Placed(Protocol):
    """What has a place on a sheet."""

    @property
    def left(self) -> float:
        """Its left edge."""

    @property
    def top(self) -> float:
        """Its upper edge."""

    @property
    def right(self) -> float:
        """Its right edge."""

    @property
    def bottom(self) -> float:
        """Its lower edge."""


@dataclass(slots=True)
class Word:
    """Characters without a space; `base` is the line that they stand on, `glyphs` are kept where the order of writing matters."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    base: float
    size: float
    bold: bool = False
    mono: bool = False
    spaced: bool = True  # a space stands before it, however small the gap
    glyphs: tuple[Glyph, ...] = ()


@dataclass(slots=True)
class Piece:
    """Words of a line that no wide gap parts: a line of a column or a cell's line. `table` stands for one that is drawn with rules."""

    words: list[Word]
    left: float
    top: float
    right: float
    bottom: float
    base: float
    size: float
    bold: bool
    mono: bool
    table: Table | None = None

    @classmethod
    def of(cls, words: list[Word]) -> Piece:
        """The piece of some words from left to right."""
        longest = max(words, key=lambda word: (len(word.text), word.size))
        size = longest.size
        letters = sum(len(word.text) for word in words)
        bold = 2 * sum(len(word.text) for word in words if word.bold) > 1.6 * letters
        mono = all(word.mono for word in words)
        return cls(words, *around(words), longest.base, size, bold, mono)

    @property
    def text(self) -> str:
        """The words in the order in which they are read."""
        if any(word.glyphs for word in self.words):
            return in_logical_order([word.glyphs or (Glyph(word.text, word.left, word.right),) for word in self.words])
        return joined_words(self.words)


@dataclass(slots=True)
class Row:
    """The pieces that stand on one line, from left to right."""

    pieces: list[Piece]

    @property
    def base(self) -> float:
        """The line that the first piece stands on."""
        return self.pieces[0].base

    @property
    def size(self) -> float:
        """The largest type size in it."""
        return max(piece.size for piece in self.pieces)


@dataclass(slots=True)
class TableRow:
    """The cells of a row in reading order, with the box over them."""

    cells: list[str]
    box: Box
    bold: bool = False
    header: bool = False


@dataclass(slots=True)
class Table:
    """Rows with the same columns; `header` are the cells that name them, also where a page goes on without naming them."""

    rows: list[TableRow]
    columns: int
    box: Box
    header: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.header = self.header or next((row.cells for row in self.rows if row.header), [])


@dataclass(slots=True)
class Column:
    """Lines under each other."""

    pieces: list[Piece]
    left: float
    right: float


@dataclass(slots=True)
class Sheet:
    """The text of a page that stands in one direction, as `turn` quarter turns clockwise against the page as shown."""

    page: int
    turn: int
    width: float
    height: float
    pieces: list[Piece] = field(default_factory=list)
    across: list[tuple[float, float, float]] = field(default_factory=list)  # rules as (y, left, right)
    down: list[tuple[float, float, float]] = field(default_factory=list)  # rules as (x, top, bottom)
    rtl: bool = False
    scanned: bool = False  # its words were read from a picture
    pictured: bool = False  # a picture covers most of the page, whose words may be all that counts

    def shown(self, box: Box) -> Box:
        """`box` on the page as shown, rounded to a tenth of a point."""
        left, top, right, bottom = box
        if self.turn == 1:
            left, top, right, bottom = self.height - bottom, left, self.height - top, right
        elif self.turn == 2:
            left, top, right, bottom = self.width - right, self.height - bottom, self.width - left, self.height - top
        elif self.turn == 3:
            left, top, right, bottom = top, self.width - right, bottom, self.width - left
        return round(left, 1), round(top, 1), round(right, 1), round(bottom, 1)


def turned(box: Box, turn: int, width: float, height: float) -> Box:
    """A box of a page shown in `width` by `height`, on the sheet that has `turn`: the reverse of `Sheet.shown`."""
    left, top, right, bottom = box
    if turn == 1:
        return top, width - right, bottom, width - left
    if turn == 2:
        return width - right, height - bottom, width - left, height - top
    if turn == 3:
        return height - bottom, left, height - top, right
    return box


def around(placed: Sequence[Placed]) -> Box:
    """The smallest box around all."""
    return (
        min(one.left for one in placed),
        min(one.top for one in placed),
        max(one.right for one in placed),
        max(one.bottom for one in placed),
    )


def joined_words(words: list[Word]) -> str:
    """The words with spaces where the page has them."""
    parts = [words[0].text]
    for before, word in pairwise(words):
        apart = word.spaced or word.left - before.right > TOUCHING * word.size
        parts.append(f" {word.text}" if apart else word.text)
    return "".join(parts)
