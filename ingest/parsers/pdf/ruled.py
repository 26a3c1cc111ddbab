"""Tables drawn with rules: their cells are what the rules enclose."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from citewell.core.types import Box
from citewell.ingest.parsers.pdf.pieces import rows_of
from citewell.ingest.parsers.pdf.shapes import Piece, Sheet, Table, TableRow, Word, around
from citewell.ingest.parsers.pdf.tables import is_numeric, mark_header, without_tail

NEAR = 3.0  # points within which rules meet, and within which they are the same
MAX_RULES = 500  # of a sheet in each direction; more is a drawing
COVERED = 0.8  # of a row's height: what an upright rule covers to part its cells
MIN_ROW = 5.0  # points: no row is lower
MAX_LINES_PER_CELL = 14  # more, in the usual cell, is a frame around text

Rule = tuple[float, float, float]  # where it stands, from where, to where


def take_ruled_tables(sheet: Sheet) -> list[Piece]:
    """The pieces of a sheet, those in ruled tables replaced by one that stands for each table."""
    level, upright = _merged(sheet.across), _merged(sheet.down)
    if not (2 <= len(level) <= MAX_RULES and len(upright) <= MAX_RULES):
        return sheet.pieces
    pieces = sheet.pieces
    for across, down in _grids(level, upright):
        box = _box(across, down)
        inside = [piece for piece in pieces if _within(piece, box)]
        table = _table(inside, across, down, box, sheet.rtl) if len(inside) > 1 else None
        if table is not None:
            kept = [piece for piece in pieces if not _within(piece, box)]
            pieces = [*kept, _stand_in(table, inside, box)]
    return pieces


def _box(across: list[Rule], down: list[Rule]) -> Box:
    """What the rules enclose; the outermost may be missing at the sides, or above and below."""
    return (
        min(min(x for x, _, _ in down), min(left for _, left, _ in across)),
        min(min(y for y, _, _ in across), min(top for _, top, _ in down)),
        max(max(x for x, _, _ in down), max(right for _, _, right in across)),
        max(max(y for y, _, _ in across), max(bottom for _, _, bottom in down)),
    )


def _stand_in(table: Table, inside: list[Piece], box: Box) -> Piece:
    size = median(piece.size for piece in inside)
    return Piece([], *box, box[1] + size, size, False, False, table)


def _within(piece: Piece, box: Box) -> bool:
    left, top, right, bottom = box
    if piece.table is not None:
        return False
    return left - NEAR <= (piece.left + piece.right) / 2 <= right + NEAR and top - NEAR <= (piece.top + piece.bottom) / 2 <= bottom + NEAR  # fmt: skip


def _merged(rules: list[Rule]) -> list[Rule]:
    """Rules that lie on each other or go on with each other, as one."""
    result: list[Rule] = []
    for where, start, end in sorted(rules, key=lambda rule: (round(rule[0]), rule[1])):
        if result and abs(result[-1][0] - where) <= 1.5 and start <= result[-1][2] + NEAR:
            at, begin, last = result[-1]
            result[-1] = (at, min(begin, start), max(last, end))
        else:
            result.append((where, start, end))
    return result


def _grids(across: list[Rule], down: list[Rule]) -> list[tuple[list[Rule], list[Rule]]]:
    """The sets of rules that meet, each with at least two rows or columns inside."""
    owner = list(range(len(across) + len(down)))

    def find(at: int) -> int:
        while owner[at] != at:
            owner[at] = owner[owner[at]]
            at = owner[at]
        return at

    for i, (y, left, right) in enumerate(across):
        for j, (x, top, bottom) in enumerate(down):
            if left - NEAR <= x <= right + NEAR and top - NEAR <= y <= bottom + NEAR:
                owner[find(i)] = find(len(across) + j)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for i, rule in enumerate(across):
        groups.setdefault(find(i), ([], []))[0].append(rule)
    for j, rule in enumerate(down):
        groups.setdefault(find(len(across) + j), ([], []))[1].append(rule)
    return [(a, d) for a, d in groups.values() if len(_levels(a)) >= 2 and d and _parts_columns(_box(a, d), d)]


def _parts_columns(box: Box, down: list[Rule]) -> bool:
    """Whether an upright rule stands within, not only at the sides."""
    return any(box[0] + NEAR < x < box[2] - NEAR for x, _, _ in down)


def _levels(rules: list[Rule]) -> list[float]:
    levels: list[float] = []
    for where in sorted(rule[0] for rule in rules):
        if not levels or where - levels[-1] > NEAR:
            levels.append(where)
    return levels


def _table(inside: list[Piece], across: list[Rule], down: list[Rule], box: Box, rtl: bool) -> Table | None:
    """The table within some rules; None when they are a frame or a drawing rather than a table."""
    levels = _row_levels(across, box)
    rows: list[TableRow] = []
    lines_per_cell: list[int] = []
    parted = 0
    words = [word for piece in inside for word in piece.words]
    for top, bottom in pairwise(levels):
        held = [word for word in words if top <= (word.top + word.bottom) / 2 < bottom]
        if bottom - top < MIN_ROW or not held:
            continue
        edges = [
            x
            for x, start, end in down
            if min(end, bottom) - max(start, top) >= COVERED * (bottom - top) and box[0] + NEAR < x < box[2] - NEAR
        ]
        cells = _cells(held, _levels([(x, 0.0, 0.0) for x in edges]))
        lines_per_cell += [len(cell) for cell in cells if cell]
        parted += len(held) if len([cell for cell in cells if cell]) > 1 else 0
        rows += [_row(line, rtl) for line in _lines(cells)]
    if parted < 0.6 * len(words) or not rows or median(lines_per_cell) > MAX_LINES_PER_CELL:
        return None
    outside = sum(1 for word in words if not levels[0] <= (word.top + word.bottom) / 2 < levels[-1])
    if outside:
        return None
    return Table(mark_header(rows), max(len(row.cells) for row in rows), around(inside))


def _row_levels(across: list[Rule], box: Box) -> list[float]:
    """Where rows end: the levels at which rules go over half of the width; shorter ones stand within a header."""
    width = box[2] - box[0]
    levels = _levels(across)
    covered = dict.fromkeys(levels, 0.0)
    for y, left, right in across:
        near = min(levels, key=lambda level: abs(level - y))
        covered[near] += right - left
    kept = [level for level in levels if covered[level] >= 0.5 * width]
    outer = [edge for edge in (box[1], box[3]) if not any(abs(edge - level) < MIN_ROW for level in kept)]
    return sorted([*kept, *outer])


def _cells(words: list[Word], edges: list[float]) -> list[list[Piece]]:
    """For each cell of a row its lines, from left to right."""
    held: list[list[Word]] = [[] for _ in range(len(edges) + 1)]
    for word in words:
        held[sum(1 for edge in edges if (word.left + word.right) / 2 >= edge)].append(word)
    return [_cell_lines(cell) for cell in held]


def _cell_lines(words: list[Word]) -> list[Piece]:
    rows = rows_of([Piece.of([word]) for word in words])
    return [Piece.of([word for piece in row.pieces for word in piece.words]) for row in rows]


def _lines(cells: list[list[Piece]]) -> list[list[list[Piece]]]:
    """The rows within rules: several, when the lines of most cells stand level, as in a table ruled only around its groups."""
    counts = sorted((len(cell) for cell in cells if cell), reverse=True)
    most = counts[0]
    full = [cell for cell in cells if len(cell) == most]
    if most < 2 or len(full) < max(2, 0.6 * len(counts)) or not _level(full):
        return [cells]
    if most < 4 and not any(all(is_numeric(line.text) for line in cell) for cell in full):
        return [cells]
    if any(len(line.text) > 30 for cell in full for line in cell):
        return [cells]
    rows: list[list[list[Piece]]] = [[[] for _ in cells] for _ in range(most)]
    bases = [line.base for line in full[0]]
    for at, cell in enumerate(cells):
        for number, line in enumerate(cell):
            near = min(range(most), key=lambda n: abs(bases[n] - line.base)) if len(cell) == most else number
            rows[near][at].append(line)
    return rows


def _level(cells: list[list[Piece]]) -> bool:
    first = cells[0]
    return all(
        abs(one.base - other.base) <= 0.3 * one.size
        for cell in cells[1:]
        for one, other in zip(first, cell, strict=True)
    )


def _row(cells: list[list[Piece]], rtl: bool) -> TableRow:
    texts = [" ".join(line.text for line in cell) for cell in cells]
    if rtl:
        texts.reverse()
    lines = [line for cell in cells for line in cell]
    return TableRow(without_tail(texts), around(lines), all(line.bold for line in lines))
