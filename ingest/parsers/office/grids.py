"""Tables of office formats as blocks: a page beside each row, and what the format itself hints of a first row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from citewell.core.types import TABLE
from citewell.ingest.parsed import RawBlock, row
from citewell.ingest.parsers.text.rows import table

MAX_NAME_CHARS = 80  # a cell of a header names a column; longer ones say something
_NAME = re.compile(r"(?:19|20)\d\d|[^\d$€£¥+-].*|", re.DOTALL)  # a word or a year, no amount


def fits_header(cells: Sequence[str]) -> bool:
    """Whether a row that looks different can name columns: short texts or years, no amounts, each once, the first
    one perhaps blank, and so those at the end."""
    told = [cell.strip() for cell in cells]
    while told and not told[-1]:
        told.pop()
    short = all(len(cell) <= MAX_NAME_CHARS and _NAME.fullmatch(cell) for cell in told)
    return len(told) > 1 and all(told[1:]) and len(set(told)) == len(told) and short


def table_blocks(
    rows: Sequence[Sequence[str]],
    *,
    headers: int = 0,
    hinted: bool = False,
    page: int | None = None,
    place: str = "",
    after: RawBlock | None = None,
) -> list[RawBlock]:
    """Blocks of a table whose first `headers` rows name its columns; `hinted` says that the first row looks as if it did.

    `after` is the block before the table. A table right after another begins with a header row or is a paragraph, so that it never
    borrows the other's header.
    """
    told = [cells for cells in rows if any(cell.strip() for cell in cells)]
    if len(told) == 1 and after is not None and after.kind in TABLE:
        return [RawBlock("paragraph", row(told[0]), page=page, place=place)]
    if not headers and hinted and told and fits_header(told[0]):
        rows, headers = told, 1
    return [replace(block, page=page) for block in table(rows, headers=headers, place=place, after=after)]
