"""The rows of a table as blocks, and the rule by which a first row is taken for the one that names the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from citewell.core.types import TABLE
from citewell.ingest.parsed import RawBlock, row

_FIGURE = re.compile(
    r"[-+(~<>≈±]*[$€£¥₹]?\s?[-+]?\d[\d\s.,:/'’-]*(?:%|‰|[A-Za-z°€$£]{1,4}(?:[23²³/][A-Za-z]{0,3})?)?\)?"
)
MAX_FIGURE_CHARS = 40


def names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: all its cells are words, and a column below it holds figures only."""
    if len(rows) < 2:
        return False
    first = [cell.strip() for cell in rows[0]]
    if sum(1 for cell in first if cell) < 2 or any(_is_figure(cell) for cell in first):
        return False
    for column in range(len(first)):
        below = [cells[column].strip() for cells in rows[1:] if column < len(cells) and cells[column].strip()]
        if below and all(_is_figure(cell) for cell in below):
            return True
    return False


def table(
    rows: Sequence[Sequence[str]],
    *,
    headers: int = 0,
    guess: bool = True,
    place: str = "",
    after: RawBlock | None = None,
) -> list[RawBlock]:
    """Blocks of a table whose first `headers` rows name its columns; with `guess` the first may, by `names_columns`.

    `after` is the block before the table. A table right after another begins with a header row, so that the two stay apart.
    """
    told = [cells for cells in rows if any(cell.strip() for cell in cells)]
    headers -= sum(1 for cells in rows[:headers] if not any(cell.strip() for cell in cells))
    if not headers and (
        (guess and names_columns(told)) or (after is not None and after.kind in TABLE and len(told) > 1)
    ):
        headers = 1
    headers = min(headers, len(told) - 1)
    return [
        RawBlock("table_header" if number < headers else "table_row", row(cells), place=place)
        for number, cells in enumerate(told)
    ]


def _is_figure(cell: str) -> bool:
    return len(cell) <= MAX_FIGURE_CHARS and _FIGURE.fullmatch(cell) is not None
