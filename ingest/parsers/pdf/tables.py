"""Tables without rules: rows whose cells stand under each other, lines that go on with a cell, rows that name the columns."""

from __future__ import annotations

import re
from itertools import pairwise
from statistics import median

from citewell.ingest.parsers.pdf.shapes import Piece, Row, Table, TableRow, around

Interval = tuple[float, float]
FAR = 3.5  # in type sizes: the same, when the rows above it stand farther apart than usual
WORD_GAP = 0.55  # in type sizes: words that stand closer are in one cell
MIN_GUTTER = 0.4  # in type sizes
STRAY_ROWS = 9  # one of so many rows may reach over a gutter
APART = 2.2  # in usual distances of rows: what stands farther below is another table
HEADING_APART = 1.6  # the same for a line with one cell, which is a heading then
WRAP_GAP = 1.5  # in type sizes: a line that goes on with a cell stands no farther below
_NUMERIC = re.compile(r"[^\w]*\d[\d.,:/%\s-]*\w{0,3}[^\w]*")
_DIGIT = re.compile(r"\d")


def table_parts(rows: list[Row], rtl: bool) -> list[Table | list[Piece]]:
    """The tables of a band, with the pieces that stand before, between and after them, which are to be read by themselves."""
    runs = _runs(rows)
    if len(runs) > 1:
        return [[piece for row in run for piece in row.pieces] for run in runs]
    if all(len(row.pieces) == 1 for row in rows):
        return [[row.pieces[0] for row in rows]]
    if len(rows) == 1 and _differ(rows[0]):
        pieces = rows[0].pieces
        return [[piece] for piece in (reversed(pieces) if rtl else pieces)]
    return [table_of(rows, rtl)]


def _differ(row: Row) -> bool:
    """Whether what stands on one line is set so differently that it is no row: a title, and a date beside it."""
    sizes = [piece.size for piece in row.pieces]
    return max(sizes) > 1.15 * min(sizes)


def _runs(rows: list[Row]) -> list[list[Row]]:
    """Rows parted at wide gaps and at headings; lines before or after a table are a run by themselves."""
    gaps = [below.base - above.base for above, below in pairwise(rows)]
    usual = median(gaps) if gaps else 0.0
    bold = 2 * sum(1 for row in rows if row.pieces[0].bold) > len(rows)
    size = median(piece.size for row in rows for piece in row.pieces)
    left = min(row.pieces[0].left for row in rows)
    runs: list[list[Row]] = [[rows[0]]]
    for row, gap in zip(rows[1:], gaps, strict=True):
        piece = row.pieces[0]
        alone = len(row.pieces) == 1 and piece.left <= left + piece.size
        stands_out = piece.size > 1.1 * size or (piece.bold and not bold)
        far = gap > APART * usual or (gap > 1.5 * usual and gap > FAR * size)
        if far or (alone and (stands_out or gap > HEADING_APART * usual)):
            runs.append([row])
        else:
            runs[-1].append(row)
    return [part for run in runs for part in _peeled(run, left)]


def _peeled(run: list[Row], left: float) -> list[list[Row]]:
    """A run without the lines of one piece at its start, and at its end those that are no cell of it."""
    start, end = 0, len(run)
    while start < end and len(run[start].pieces) == 1:
        start += 1
    if start == end:
        return [run]
    while len(run[end - 1].pieces) == 1 and run[end - 1].pieces[0].left <= left + 1:
        end -= 1
    return [part for part in (run[:start], run[start:end], run[end:]) if part]


def table_of(rows: list[Row], rtl: bool) -> Table:
    """The table of some rows."""
    gutters = gutters_of(rows)
    lines = [_cells(row, gutters) for row in rows]
    bases = [row.base for row, cells in zip(rows, lines, strict=True) if cells[0]]
    pitch = median(below - above for above, below in pairwise(bases)) if len(bases) > 2 else 0.0
    grouped: list[list[list[list[Piece]]]] = []
    for cells in lines:
        if grouped and _goes_on(grouped[-1], cells, pitch):
            grouped[-1].append(cells)
        else:
            grouped.append([cells])
    made = [_row(group, rtl) for group in grouped]
    return Table(mark_header(made), len(gutters) + 1, around([piece for row in rows for piece in row.pieces]))


def gutters_of(rows: list[Row]) -> list[Interval]:
    """The intervals that no cell covers, or hardly any; rows of one cell, which may stand across, do not count."""
    full = [row for row in rows if len(row.pieces) > 1] or rows
    edges: list[tuple[float, int]] = []
    for row in full:
        for left, right in _inked(row):
            edges += [(left, 1), (right, -1)]
    edges.sort(key=lambda edge: (edge[0], -edge[1]))
    least = MIN_GUTTER * median(row.size for row in full)
    stray = len(full) // STRAY_ROWS
    found: list[Interval] = []
    depth, begin = 0, None
    last = edges[-1][0]
    for where, step in edges:
        depth += step
        if depth <= stray and begin is None:
            begin = where
        elif depth > stray and begin is not None:
            if where - begin >= least and begin > edges[0][0]:
                found.append((begin, where))
            begin = None
    return [gutter for gutter in found if gutter[1] <= last]


def _inked(row: Row) -> list[Interval]:
    """The intervals that the words of a row cover, those that nearly touch as one."""
    spans: list[list[float]] = []
    for word in (word for piece in row.pieces for word in piece.words):
        if spans and word.left - spans[-1][1] <= WORD_GAP * word.size:
            spans[-1][1] = max(spans[-1][1], word.right)
        else:
            spans.append([word.left, word.right])
    return [(left, right) for left, right in spans]


def _cells(row: Row, gutters: list[Interval]) -> list[list[Piece]]:
    """The pieces of a row for each column, cut where a gutter goes through them between two words."""
    cells: list[list[Piece]] = [[] for _ in range(len(gutters) + 1)]
    for piece in row.pieces:
        for part in _cut(piece, gutters):
            cells[sum(1 for left, right in gutters if part.left >= (left + right) / 2)].append(part)
    return cells


def _cut(piece: Piece, gutters: list[Interval]) -> list[Piece]:
    runs = [[piece.words[0]]]
    for before, word in pairwise(piece.words):
        through = any(before.right <= (left + right) / 2 <= word.left for left, right in gutters)
        if through and word.left - before.right > WORD_GAP * word.size:
            runs.append([word])
        else:
            runs[-1].append(word)
    return [piece] if len(runs) == 1 else [Piece.of(run) for run in runs]


def _goes_on(group: list[list[list[Piece]]], cells: list[list[Piece]], pitch: float) -> bool:
    """Whether a line goes on with cells of the row above: it begins no row, is near, and says no number of its own.

    `pitch` is the usual distance of rows, 0.0 when there are too few to tell.
    """
    last = group[-1]
    filled = [at for at, cell in enumerate(cells) if cell]
    above = {at for line in group for at, cell in enumerate(line) if cell}
    if not filled or 0 in filled or 0 not in above or not set(filled) < above or len(filled) > 2:
        return False
    piece = cells[filled[0]][0]
    other = next(cell[0] for cell in last if cell)
    gap = piece.base - other.base
    if gap > WRAP_GAP * max(piece.size, other.size):
        return False
    if all(is_numeric(one.text) for at in filled for one in cells[at]):
        return False
    closer = piece.size < 0.95 * other.size or (pitch > 0 and gap < 0.85 * pitch)
    return closer or pitch == 0 or (len(filled) == 1 and piece.text[:1].islower())


def _row(group: list[list[list[Piece]]], rtl: bool) -> TableRow:
    """One row from its lines: within a line the pieces of a column are cells, over the lines they are one text."""
    cells: list[str] = []
    for column in range(len(group[0])):
        lines = [line[column] for line in group if line[column]]
        if rtl:
            lines = [line[::-1] for line in lines]
        if len(lines) > 1:
            cells.append(" ".join(piece.text for line in lines for piece in line))
        else:
            cells += [piece.text for piece in lines[0]] if lines else [""]
    pieces = [piece for line in group for cell in line for piece in cell]
    if rtl:
        cells.reverse()
    return TableRow(without_tail(cells), around(pieces), all(piece.bold for piece in pieces))


def without_tail(cells: list[str]) -> list[str]:
    """The cells without empty ones at the end."""
    while len(cells) > 1 and not cells[-1]:
        cells = cells[:-1]
    return cells


def is_numeric(text: str) -> bool:
    """Whether a cell holds a number, a date, a sum rather than words."""
    return _NUMERIC.fullmatch(text.strip()) is not None


def mark_header(rows: list[TableRow]) -> list[TableRow]:
    """The rows, the first marked as header when it is all words and those below tell otherwise, or when it alone is bold."""
    if len(rows) < 2:
        return rows
    first, below = rows[0], rows[1:]
    words = [cell for cell in first.cells if cell]
    few_digits = 3 * sum(1 for cell in words if _DIGIT.search(cell)) <= len(words)
    plain = few_digits and not any(is_numeric(cell) or cell.endswith(":") for cell in words)
    numbers = any(
        _tells_numbers([row.cells[at] for row in below if at < len(row.cells)]) for at in range(len(first.cells))
    )
    alone = first.bold and not any(row.bold for row in below[:3])
    wide = len(words) >= 0.6 * max(len(row.cells) for row in below)
    if wide and len(words) > 1 and ((plain and numbers) or (alone and not any(cell.endswith(":") for cell in words))):
        first.header = True
    return rows


def _tells_numbers(cells: list[str]) -> bool:
    """Whether most cells of a column, below its header, hold numbers."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and 2 * sum(1 for cell in filled if _DIGIT.search(cell)) > len(filled)
