"""CSV, TSV and their like: what separates the cells is told by the content, and so is whether the first row names the columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence

from citewell.ingest.parsed import Parsed, RawBlock, Reading, row
from citewell.ingest.parsers.text.plain import decode

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 200
MAX_TITLE_ROWS = 5
MAX_HEADER_CELL_CHARS = 100
_END = "\x01"  # put after the last line; what does not come back alone was within quotation marks
_DECLARED = re.compile(r"\A\ufeff?sep=([,;\t|:^~ ])\n", re.IGNORECASE)  # as spreadsheets write it
_FIGURE = re.compile(r"[-+(]?[$€£¥]?\s?\d[\d\s.,:/'%T+Z-]*[%€)]?")


def parse(data: bytes, reading: Reading) -> Parsed:
    """A table: titles above it as paragraphs, its header row, its rows with their numbers as places."""
    del reading
    text = decode(data).replace("\r\n", "\n").replace("\r", "\n")
    declared = _DECLARED.match(text)
    delimiter = declared.group(1) if declared else _delimiter(text)
    body = text[declared.end() :] if declared else text
    rows, warnings = _rows(body, delimiter)
    filled = [(number, cells) for number, cells in enumerate(rows, start=1) if any(cell.strip() for cell in cells)]
    titles = _titles([cells for _, cells in filled])
    blocks = [RawBlock("paragraph", " ".join(cells), place=f"row {number}") for number, cells in filled[:titles]]
    table = filled[titles:]
    header = _names_columns([cells for _, cells in table])
    blocks += [
        RawBlock("table_header" if header and not at else "table_row", row(cells), place=f"row {number}")
        for at, (number, cells) in enumerate(table)
    ]
    media_type = "text/tab-separated-values" if delimiter == "\t" else "text/csv"
    return Parsed(blocks, media_type, warnings=warnings)


def _delimiter(text: str) -> str:
    """What divides most of the first lines into the same number of cells, more than one; a comma when nothing does."""
    sample = text.split("\n", SAMPLE_LINES)[:SAMPLE_LINES]

    def fitness(delimiter: str) -> tuple[float, int]:
        rows, _ = _rows("\n".join(sample), delimiter)
        widths = Counter(len(cells) for cells in rows if any(cells))
        width, times = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        return (times / max(1, sum(widths.values())), width) if width > 1 else (0.0, 0)

    return max(DELIMITERS, key=fitness)


def _rows(text: str, delimiter: str) -> tuple[list[list[str]], tuple[str, ...]]:
    """The rows; divided without regard to quotation marks when one of them is never closed and would swallow the rest."""
    # Lines keep their ends, which belong to the cells that go over several lines.
    lines = [f"{line}\n" for line in text.split("\n")]
    try:
        rows = list(csv.reader([*lines, _END], delimiter=delimiter))
    except csv.Error:  # a cell over the library's limit
        rows = []
    if rows and rows[-1] == [_END]:
        return rows[:-1], ()
    rows = [line.split(delimiter) if line else [] for line in text.split("\n")]
    return rows, ("a quotation mark is not closed: quotation marks were taken as they stand",)


def _titles(rows: Sequence[Sequence[str]]) -> int:
    """How many rows above the table hold one cell only, where the table has more."""
    widths = Counter(len(cells) for cells in rows)
    if not rows or max(widths, key=lambda width: (widths[width], width)) < 2:
        return 0
    for at, cells in enumerate(rows[: MAX_TITLE_ROWS + 1]):
        if sum(1 for cell in cells if cell.strip()) > 1:
            return at
    return 0


def _names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: words, each another, of which none comes again in its column."""
    if len(rows) < 2:
        return False
    first = [cell.strip() for cell in rows[0]]
    named = first[1:] if not first[0] else first  # the column of row numbers often has no name
    if not named or not all(named) or len(set(named)) < len(named):
        return False
    if any(len(cell) > MAX_HEADER_CELL_CHARS or _FIGURE.fullmatch(cell) for cell in named):
        return False
    return not any(cells[at].strip() == name for cells in rows[1:] for at, name in enumerate(first[: len(cells)]) if name)  # fmt: skip
