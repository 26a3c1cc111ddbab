"""The order of reading: cuts a sheet into bands and columns, and tells columns of text from those of a table.

Going down the rows, a band lasts as long as some gutter (an interval without text, with text on both sides) goes through all of its
rows. A gutter between columns of text is cut, and each side is read by itself; the others are those of a table.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from citewell.ingest.parsers.pdf.pieces import rows_of
from citewell.ingest.parsers.pdf.ruled import take_ruled_tables
from citewell.ingest.parsers.pdf.shapes import Column, Piece, Row, Sheet, Table, around
from citewell.ingest.parsers.pdf.tables import table_parts

MAX_DEPTH = 12
MAX_PIECES = 8_000  # of a sheet, and
MAX_ROW_PIECES = 200  # of a row; a sheet with more is given line by line
MAX_ABOVE = 100  # rows that are tried as the beginning of a band
GUTTER = 0.5  # in type sizes: no gutter is narrower
PROSE_CHARS = 18  # a line of a column of text holds as many, on the average
FULL_SHARE = 0.7  # of a column's width: a line that is longer is full
ALIGNED_SHARE = 0.6  # of lines that stand level with one beyond the gutter, in a table

Interval = tuple[float, float]
EVERYWHERE: Interval = (float("-inf"), float("inf"))
Part = Column | Table


@dataclass(slots=True)
class Band:
    """Rows that share gutters."""

    rows: list[Row]
    gutters: list[Interval]


def parts_of(sheet: Sheet) -> list[Part]:
    """The columns and tables of a sheet in reading order."""
    if not sheet.pieces:
        return []
    rows = rows_of(sheet.pieces) if len(sheet.pieces) <= MAX_PIECES else []
    if not rows or any(len(row.pieces) > MAX_ROW_PIECES for row in rows):
        return [_column(sheet.pieces)]
    return _read(take_ruled_tables(sheet), sheet.rtl, 0)


def _read(pieces: list[Piece], rtl: bool, depth: int) -> list[Part]:
    parts: list[Part] = []
    for band in bands_of(rows_of(pieces)):
        inside = [piece for row in band.rows for piece in row.pieces]
        cuts = _column_gutters(inside, band.gutters) if depth < MAX_DEPTH else []
        if cuts:
            sides = _split(inside, cuts)
            for side in reversed(sides) if rtl else sides:
                parts += _read(side, rtl, depth + 1)
        elif band.gutters:
            for part in table_parts(band.rows, rtl):
                if isinstance(part, Table):
                    parts.append(part)
                elif depth < MAX_DEPTH and len(part) < len(inside):
                    parts += _read(part, rtl, depth + 1)
                else:
                    parts += _plain(rows_of(part), rtl)
        else:
            parts += _plain(band.rows, rtl)
    return _together(parts)


def _plain(rows: list[Row], rtl: bool) -> list[Part]:
    """Rows without gutters: the lines of a column, with the tables that stand between."""
    parts: list[Part] = []
    lines: list[Piece] = []
    for row in rows:
        for piece in reversed(row.pieces) if rtl else row.pieces:
            if piece.table is None:
                lines.append(piece)
                continue
            if lines:
                parts.append(_column(lines))
                lines = []
            parts.append(piece.table)
    if lines:
        parts.append(_column(lines))
    return parts


def _column(pieces: list[Piece]) -> Column:
    left, _, right, _ = around(pieces)
    return Column(pieces, left, right)


def _together(parts: list[Part]) -> list[Part]:
    """Columns under each other that share their width are one: a band ends at every heading."""
    result: list[Part] = []
    for part in parts:
        last = result[-1] if result else None
        if isinstance(part, Column) and isinstance(last, Column) and _continues(last, part):
            result[-1] = Column([*last.pieces, *part.pieces], min(last.left, part.left), max(last.right, part.right))
        else:
            result.append(part)
    return result


def _continues(last: Column, part: Column) -> bool:
    overlap = min(last.right, part.right) - max(last.left, part.left)
    below = part.pieces[0].base > last.pieces[-1].base
    return below and overlap > 0.5 * min(last.right - last.left, part.right - part.left)


class _Growing:
    """Rows as they are added to a band: what they leave free, and between which edges."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows: list[Row] = []
        self.free = [EVERYWHERE]
        self.left, self.right, self.size = float("inf"), float("-inf"), float("inf")
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Adds a row below the others."""
        self.rows.append(row)
        self.free = _without(self.free, row)
        self.left = min(self.left, row.pieces[0].left)
        self.right = max(self.right, *(piece.right for piece in row.pieces))
        self.size = min(self.size, row.size)

    def gutters(self) -> list[Interval]:
        """The intervals that are wide enough and have text on both sides."""
        least = GUTTER * self.size
        return [gap for gap in self.free if gap[0] > self.left and gap[1] < self.right and gap[1] - gap[0] >= least]


def bands_of(rows: list[Row]) -> list[Band]:
    """The bands from top to bottom; every row is in one."""
    bands: list[Band] = []
    held = _Growing()
    for row in rows:
        gutters = held.gutters()
        count = len(held.rows)
        held.add(row)
        inner = held.gutters()
        if count > 1 and not gutters and not inner and _stand_beside(held.rows[-2], row):
            bands.append(Band(held.rows[:-2], gutters))
            held = _Growing(held.rows[-2:])
            continue
        if count and (bool(inner) != bool(gutters) or (not inner and len(row.pieces) > 1)):
            keep = _begins(held.rows) if inner else 0
            if keep < count:
                bands.append(Band(held.rows[: count - keep], gutters))
                held = _Growing(held.rows[count - keep :])
    if held.rows:
        bands.append(Band(held.rows, held.gutters()))
    _raise(bands)
    return [band for band in bands if band.rows]


def _stand_beside(above: Row, row: Row) -> bool:
    """Whether two lines are of two columns whose lines do not stand level."""
    if len(above.pieces) > 1 or len(row.pieces) > 1 or row.pieces[0].table or above.pieces[0].table:
        return False
    size = min(above.size, row.size)
    one, other = above.pieces[0], row.pieces[0]
    apart = max(one.left, other.left) - min(one.right, other.right)
    return row.base - above.base < 0.95 * size and apart >= GUTTER * size


def _begins(rows: list[Row]) -> int:
    """With how few of the rows right above it the last row has a gutter; those farther up leave it free by accident."""
    tried = _Growing()
    for count, row in enumerate(rows[: -MAX_ABOVE - 1 : -1]):
        tried.add(row)
        if tried.gutters():
            return count
    return len(rows) - 1


def _raise(bands: list[Band]) -> None:
    """Gives each band with gutters the rows right above it that leave its gutters free: one column may begin before the other."""
    for above, band in pairwise(bands):
        while band.gutters and not above.gutters and above.rows:
            row = above.rows[-1]
            crossed = any(p.left < right and p.right > left for p in row.pieces for left, right in band.gutters)
            if crossed or row.pieces[0].table is not None:
                break
            band.rows.insert(0, above.rows.pop())


def _without(free: list[Interval], row: Row) -> list[Interval]:
    """The parts of `free` that no piece of the row covers."""
    for piece in row.pieces:
        free = [
            part
            for left, right in free
            for part in ((left, min(right, piece.left)), (max(left, piece.right), right))
            if part[1] > part[0]
        ]
    return free


def _split(pieces: list[Piece], gutters: list[Interval]) -> list[list[Piece]]:
    sides: list[list[Piece]] = [[] for _ in range(len(gutters) + 1)]
    for piece in pieces:
        sides[sum(1 for left, _ in gutters if piece.left >= left)].append(piece)
    return [side for side in sides if side]


def _column_gutters(pieces: list[Piece], gutters: list[Interval]) -> list[Interval]:
    """The gutters between columns of text."""
    if not gutters:
        return []
    sides: list[list[Piece]] = [[] for _ in range(len(gutters) + 1)]
    for piece in pieces:
        sides[sum(1 for left, _ in gutters if piece.left >= left)].append(piece)
    cuts = []
    for at, gutter in enumerate(gutters, 1):
        before = [piece for side in sides[:at] for piece in side]
        after = [piece for side in sides[at:] for piece in side]
        if sides[at - 1] and sides[at] and _parts_text(sides[at - 1], sides[at], before, after):
            cuts.append(gutter)
    return cuts


def _parts_text(left: list[Piece], right: list[Piece], before: list[Piece], after: list[Piece]) -> bool:
    """Whether two neighbouring columns, and all `before` and `after` their gutter, are read one after the other."""
    _, left_top, _, left_bottom = around(left)
    _, right_top, _, right_bottom = around(right)
    shared = min(left_bottom, right_bottom) - max(left_top, right_top)
    if shared < 0.5 * min(left_bottom - left_top, right_bottom - right_top):
        return False
    few, many = sorted((rows_of(before), rows_of(after)), key=len)
    if len(few) < 2:
        return any(piece.table is not None for piece in (*left, *right)) and len(many) > 2
    bases = [row.base for row in many]
    aligned = sum(1 for row in few if _is_near(bases, row.base, 0.25 * row.size)) / len(few)
    if _is_prose(left) and _is_prose(right):
        return len(few) > 3 or aligned < ALIGNED_SHARE
    return aligned < ALIGNED_SHARE and len(few) > 2


def _is_near(bases: list[float], base: float, distance: float) -> bool:
    at = bisect_left(bases, base)
    return any(abs(other - base) <= distance for other in bases[max(0, at - 1) : at + 1])


def _is_prose(pieces: list[Piece]) -> bool:
    lines = [piece for piece in pieces if piece.table is None]
    if not lines:
        return False
    left, _, right, _ = around(lines)
    chars = median(sum(len(word.text) + 1 for word in piece.words) for piece in lines)
    full = sum(1 for piece in lines if piece.right - piece.left >= FULL_SHARE * (right - left))
    return chars >= PROSE_CHARS and full >= 0.5 * len(lines)
