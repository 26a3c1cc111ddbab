"""Leaves out what stands on page after page: running heads, feet and page numbers, also where left and right pages differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from citewell.ingest.parsers.pdf.pieces import rows_of
from citewell.ingest.parsers.pdf.shapes import Piece, Row, Sheet

MARGIN = 0.15  # of the sheet's height: where a running head stands
FOOT = 0.25  # the same below, where some layouts leave much room
NUMBER_MARGIN = 0.14  # the same for a number that no other page confirms
APART = 1.3  # in usual distances of rows: how far what may be a row of a table stands off, to be none
FEW_ROWS = 4
FURNITURE_SHARE = 0.6  # of the characters of a page: furniture is no more
OFF = 1.7  # in type sizes: how far a running head with a number stands off the text
MAX_ROWS = 4  # furniture above or below
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(
    r"[-–—|·\[(\s]*(?:(?:page|seite|pagina|página|blatt|sheet|p\.|s\.|стр\.|صفحة|صفحه|第)\s*)?"
    r"(?:\d{1,4}|[ivxlc]{1,6}|\d{1,2}-\d{1,3}|[A-Z]-?\d{1,3})(?:\s*(?:of|von|de|di|/|из|من|از)\s*\d{1,4})?(?:\s*[页頁])?[-–—|·\])\s]*",
    re.IGNORECASE,
)
_TOLD_NUMBER = re.compile(r"\W*(?:page|seite)\s+\d{1,4}(?:\s*(?:of|von|/)\s*\d{1,4})?\W*", re.IGNORECASE)


def without_furniture(pages: Sequence[Sequence[Sheet]]) -> None:
    """Takes recurring lines and page numbers out of the sheets of all pages."""
    margins = [[_margins(sheet) for sheet in sheets] for sheets in pages]
    shapes = [
        {_shape(piece) for edges in page for rows in edges for row in rows for piece in row.pieces} for page in margins
    ]
    recurring = _recurring(shapes)
    for sheets, page in zip(pages, margins, strict=True):
        for sheet, edges in zip(sheets, page, strict=True):
            drop = {id(piece) for rows in edges for piece in _furniture(rows, sheet, recurring)}
            if _is_the_page(drop, sheet):  # pages that are alike, such as copies: all but their numbers is text
                drop = {id(piece) for rows in edges for piece in _furniture(rows, sheet, set())}
            if drop:
                sheet.pieces = [piece for piece in sheet.pieces if id(piece) not in drop]


def _is_the_page(drop: set[int], sheet: Sheet) -> bool:
    """Whether what would be left out is much of what the page says; over a picture of a page it may be, that is read then."""
    if sheet.pictured and not sheet.scanned:
        return False
    texts = [(id(piece) in drop, piece) for piece in sheet.pieces if not _NUMBER.fullmatch(piece.text)]
    chars = [(dropped, sum(len(word.text) for word in piece.words)) for dropped, piece in texts]
    return sum(n for dropped, n in chars if dropped) > FURNITURE_SHARE * sum(n for _, n in chars)


def _furniture(rows: list[Row], sheet: Sheet, recurring: set[tuple[str, int]]) -> list[Piece]:
    """The furniture of one edge of a sheet, from outside inwards as far as it goes on."""
    found: list[Piece] = []
    pitch = _pitch(sheet)
    for at, row in enumerate(rows):
        held = [piece for piece in row.pieces if _shape(piece) in recurring]
        if (len(row.pieces) > 1 or _DIGITS.search(row.pieces[0].text)) and not _stands_off(row, sheet, APART * pitch):
            held = []  # a row of a table, which begins anew on every page
        held += [piece for piece in _page_numbers(row, sheet, outermost=at == 0) if piece not in held]
        if not held:
            return found + [piece for later in rows[at:] for piece in _told_numbers(later)]
        found += held
    return found


def _told_numbers(row: Row) -> list[Piece]:
    return [piece for piece in row.pieces if _TOLD_NUMBER.fullmatch(piece.text)]


def _margins(sheet: Sheet) -> tuple[list[Row], list[Row]]:
    """The rows at the upper and at the lower edge of a sheet, each from outside inwards."""
    rows = rows_of(sheet.pieces)
    above = [row for row in rows[:MAX_ROWS] if row.base < MARGIN * sheet.height]
    below = [row for row in rows[: -MAX_ROWS - 1 : -1] if row.base > (1 - FOOT) * sheet.height]
    return above, below


def _shape(piece: Piece) -> tuple[str, int]:
    """What recurs: the text but for its numbers, about where it stands."""
    return _DIGITS.sub("#", piece.text.casefold()), round(piece.base / 12)


def _recurring(shapes: list[set[tuple[str, int]]]) -> set[tuple[str, int]]:
    """Shapes on half of all pages, or of the left or right ones, and on at least two."""
    result: set[tuple[str, int]] = set()
    for part in (shapes, shapes[::2], shapes[1::2], shapes[1:]):
        counts = Counter(shape for page in part for shape in page)
        near = {shape: max(counts[shape[0], shape[1] + step] for step in (-1, 0, 1)) for shape in counts}
        result |= {shape for shape, n in near.items() if n >= max(2, len(part) / 2)}
    return result


def _page_numbers(row: Row, sheet: Sheet, *, outermost: bool) -> list[Piece]:
    """Numbers at the outer edge of the page, alone or beside a running head."""
    told = _told_numbers(row)
    if told:
        return told
    outer = row.base < NUMBER_MARGIN * sheet.height or row.base > (1 - NUMBER_MARGIN) * sheet.height
    if not outer and not (
        outermost and len(row.pieces) == 1 and _stands_off(row, sheet, max(OFF * row.size, APART * _pitch(sheet)))
    ):
        return []
    if len(row.pieces) == 1:
        return [piece for piece in row.pieces if _NUMBER.fullmatch(piece.text)]
    ends = (
        [row.pieces[0], row.pieces[-1]]
        if len(row.pieces) < 4 and _stands_off(row, sheet, max(OFF * row.size, APART * _pitch(sheet)))
        else []
    )
    numbers = [piece for piece in ends if _NUMBER.fullmatch(piece.text)]
    return numbers if len(numbers) == 1 else []


def _stands_off(row: Row, sheet: Sheet, distance: float) -> bool:
    """Whether the next row inwards is farther than this."""
    above = row.base < sheet.height / 2
    inwards = (piece.base - row.base if above else row.base - piece.base for piece in sheet.pieces)
    return min((gap for gap in inwards if gap > 1), default=sheet.height) > distance


def _pitch(sheet: Sheet) -> float:
    """The usual distance of rows, 0.0 when there are too few to tell."""
    bases = sorted({round(piece.base) for piece in sheet.pieces})
    return median(below - above for above, below in pairwise(bases)) if len(bases) > FEW_ROWS else 0.0
