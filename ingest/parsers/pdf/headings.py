"""Which lines are headings, and how deep: by type size and weight, by their numbers, and by the bookmarks that name them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from citewell.ingest.parsers.pdf.shapes import Piece

if TYPE_CHECKING:
    from citewell.ingest.parsers.pdf.blocks import TextLine

HEADING_SCALE = 1.12  # a heading's type size, at least, in sizes of the body
MAX_HEADING_CHARS = 140
MAX_HEADING_LINES = 3
MAX_LEVEL = 6
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*)\.?\s")
_WORDS = re.compile(r"\w+")


def could_head(piece: Piece, body: float) -> bool:
    """Whether a line is larger than the body, or bold."""
    return piece.size >= HEADING_SCALE * body or piece.bold


@dataclass(slots=True)
class Styles:
    """The type sizes and distances of lines of a document; `has_code` when type of one width is the exception in it."""

    body: float
    usual_gap: float
    gaps: dict[int, float]
    has_code: bool

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> Styles:
        """The styles of all lines, each line counted with its length."""
        sizes: Counter[float] = Counter()
        gaps: dict[int, Counter[float]] = {}
        mono = total = 0
        for piece in pieces:
            chars = sum(len(word.text) for word in piece.words)
            sizes[round(piece.size, 1)] += chars
            total += chars
            mono += chars if piece.mono else 0
        for above, below in pairwise(pieces):
            gap = below.base - above.base
            if abs(above.size - below.size) < 0.6 and 0.5 * below.size < gap < 3 * below.size:
                gaps.setdefault(round(below.size), Counter())[round(gap * 2) / 2] += 1
        usual = {size: _most(counter) for size, counter in gaps.items()}
        body = _most(sizes)
        return cls(body, usual.get(round(body), 1.2 * body), usual, 2 * mono < total)

    def gap_of(self, size: float) -> float:
        """The usual distance of lines of this type size, 0.0 when it is not known."""
        return self.gaps.get(round(size), 0.0)

    def key(self, piece: Piece) -> tuple[float, int]:
        """What headings of one depth share: the size, and how deep their numbers go."""
        numbered = _NUMBERED.match(f"{piece.text} ")
        depth = numbered.group(1).count(".") + 1 if numbered else 1
        large = piece.size >= HEADING_SCALE * self.body
        return (-round(piece.size) if large else 0.0, depth)

    def levels(self, headings: Sequence[Piece]) -> dict[tuple[float, int], int]:
        """The level of each key, from 1 for the largest."""
        keys = sorted({self.key(piece) for piece in headings})
        return {key: min(MAX_LEVEL, at) for at, key in enumerate(keys, 1)}


def _most(counter: Counter[float]) -> float:
    """The most frequent value, the smallest of those that are equally frequent; 0.0 of nothing."""
    return min(counter, key=lambda value: (-counter[value], value), default=0.0)


@dataclass(slots=True)
class Bookmark:
    """An entry of the outline: its title, its depth from 1, and its page from 1 or None."""

    title: str
    level: int
    page: int | None


@dataclass(slots=True)
class Outline:
    """The bookmarks of a document. One that names no line says nothing."""

    bookmarks: Sequence[Bookmark] = ()
    known: dict[tuple[int, bool], int] = field(default_factory=dict)  # level by size and weight of matched lines
    by_page: dict[int | None, dict[tuple[str, ...], int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for bookmark in self.bookmarks:
            words = _words(bookmark.title)
            if words:
                self.by_page.setdefault(bookmark.page, {}).setdefault(words, bookmark.level)

    def marks(self, lines: Sequence[TextLine]) -> dict[int, tuple[int, int]]:
        """For each line at which a title stands: the level, and how many lines the title takes."""
        found: dict[int, tuple[int, int]] = {}
        if not lines or not self.by_page:
            return found
        page = lines[0].page
        titles = {**self.by_page.get(None, {}), **self.by_page.get(page, {})}
        if not titles:
            return found
        words = [_words(line.text) for line in lines]
        for at in range(len(lines)):
            for count in range(1, min(MAX_HEADING_LINES, len(lines) - at) + 1):
                held = tuple(word for part in words[at : at + count] for word in part)
                level = titles.get(held) or titles.get(_unnumbered(held), 0)
                if held and level:
                    found[at] = (min(level, MAX_LEVEL), count)
                    piece = lines[at].piece
                    self.known.setdefault((round(piece.size), piece.bold), min(level, MAX_LEVEL))
                    break
        return found

    def level_like(self, piece: Piece) -> int:
        """The level of lines that look the same and that a bookmark names; 0 when there are none."""
        return self.known.get((round(piece.size), piece.bold), 0)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORDS.findall(text.casefold()))


def _unnumbered(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a heading without the numbers at its start, which bookmarks leave out."""
    at = 0
    while at < len(words) and words[at].isdigit():
        at += 1
    return words[at:]
