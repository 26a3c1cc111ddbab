"""Spreadsheets (XLSX, ODS, and XLS and XLSB through python-calamine): each sheet a heading, its cells as tables between blank rows.

A row says where it stands: `Prices!A5:D5`. Cells without text cost nothing, however many a sheet claims.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time

import python_calamine

from citewell.core.errors import FileBroken, FileEncrypted, FileTooLarge
from citewell.core.types import BlockKind
from citewell.ingest.parsed import Parsed, RawBlock, Reading, row
from citewell.ingest.parsers.office.grids import fits_header
from citewell.ingest.parsers.office.odfsheets import ods_sheets
from citewell.ingest.parsers.office.odftext import facts, refuse_encrypted
from citewell.ingest.parsers.office.packages import Package, properties
from citewell.ingest.parsers.office.workbook import Row, Sheet, column_letters, figure, sheets
from citewell.ingest.parsers.text.rows import names_columns

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
XLS = "application/vnd.ms-excel"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
LOOK_ROWS = 200  # so many rows tell whether the first one names the columns
SPARSE = 4  # a row whose extent is over so many times its cells is told without the blank ones


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a workbook. Raises FileBroken, FileEncrypted, FileTooLarge or FileUnsafe."""
    if not data.startswith(b"PK"):
        return Parsed(_blocks(_calamine_sheets(data), reading), XLS)
    package = Package(data, reading)
    warnings: list[str] = []
    if "content.xml" in package:
        refuse_encrypted(package)
        title, language, metadata = facts(package, warnings)
        return Parsed(_blocks(ods_sheets(package), reading), ODS, title, language, metadata, warnings=tuple(warnings))
    title, language, metadata = properties(package, warnings)
    if "xl/workbook.bin" in package:
        for name in package.names():
            package.read(name)  # counted here, for the library unpacks without a bound
        blocks, media_type = _blocks(_calamine_sheets(data), reading), XLSB
    else:
        blocks, media_type = _blocks(sheets(package, warnings), reading), XLSX
    return Parsed(blocks, media_type, title, language, metadata, warnings=tuple(warnings))


def _blocks(found: Iterable[Sheet], reading: Reading) -> list[RawBlock]:
    """The blocks of all sheets that hold text; a text that cells share counts each time against the bound."""
    made: list[RawBlock] = []
    chars = 0
    for sheet in found:
        begun = len(made)
        for block in _sheet_blocks(sheet):
            made.append(block)
            chars += len(block.text)
            if chars > reading.max_unpacked_bytes:
                raise FileTooLarge(f"the text of its cells is over {reading.max_unpacked_bytes} characters")
        if len(made) == begun + 1:
            made.pop()  # the name of a sheet that holds nothing
    return made


def _sheet_blocks(sheet: Sheet) -> Iterator[RawBlock]:
    yield RawBlock("heading", sheet.name, level=1, place=f"hidden sheet {sheet.name}" if sheet.hidden else "")
    columns: set[int] = set()
    for island in _islands(sheet.rows):
        yield from _table(sheet.name, island, columns)
    for cell, author, text in sheet.comments:
        by = f" by {author}" if author else ""
        yield RawBlock("paragraph", text, place=f"comment on {sheet.name}!{cell}{by}")
    for text in sheet.drawn:
        yield RawBlock("paragraph", text, place=f"drawing on {sheet.name}")


def _islands(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The runs of rows between blank ones."""
    island: list[Row] = []
    for at, cells in rows:
        if island and at != island[-1][0] + 1:
            yield island
            island = []
        island.append((at, cells))
    if island:
        yield island


def _table(sheet: str, rows: list[Row], columns: set[int]) -> Iterator[RawBlock]:
    """The blocks of a run of rows. Lines of one cell above a table are paragraphs, and so is every run of single cells.

    `columns` holds those of the table right before, and then those of this one: after a blank row a table goes on, unless there are
    other columns or a row that names them.
    """
    wide = max(len(cells) for _, cells in rows)
    captions = next((at for at, (_, cells) in enumerate(rows) if len(cells) > 1), len(rows))
    for at, cells in rows[:captions]:
        columns.clear()
        yield RawBlock("paragraph", next(iter(cells.values())), place=_place(sheet, at, cells))
    rows = rows[captions:]
    if wide == 1:
        return
    spread = {column for _, cells in rows for column in cells}
    named = _names_columns(rows, spread)
    if columns and not named and not spread <= columns:
        named = len(rows) > 1
        if not named:
            columns.clear()
            yield RawBlock("paragraph", _text(rows[0][1], spread), place=_place(sheet, *rows[0]))
            return
    for number, (at, cells) in enumerate(rows):
        kind: BlockKind = "table_header" if named and number == 0 else "table_row"
        yield RawBlock(kind, _text(cells, spread), place=_place(sheet, at, cells))
    columns.update(spread)


def _names_columns(rows: Sequence[Row], spread: set[int]) -> bool:
    """Whether the first row names the columns: by the figures below, or as short words above a table of words."""
    look = [[cells.get(column, "") for column in sorted(spread)] for _, cells in rows[:LOOK_ROWS]]
    return names_columns(look) or (len(rows) > 2 and fits_header(look[0]) and not _holds_figures(look))


def _holds_figures(rows: Iterable[Sequence[str]]) -> bool:
    return any(cell[:1].isdigit() for cells in rows for cell in cells)


def _text(cells: dict[int, str], spread: set[int]) -> str:
    """The text of a row; blank cells of the table's columns before the last stand as such unless they are most of it."""
    if len(spread) > SPARSE * len(cells):
        return row(cells.values())
    last = max(cells)
    return row(cells.get(column, "") for column in sorted(spread) if column <= last)


def _place(sheet: str, at: int, cells: dict[int, str]) -> str:
    """Where a row stands, as spreadsheets write it: `Sheet!A5:D5`."""
    first, last = column_letters(min(cells)), column_letters(max(cells))
    return f"{sheet}!{first}{at}" if first == last else f"{sheet}!{first}{at}:{last}{at}"


def _calamine_sheets(data: bytes) -> Iterator[Sheet]:
    """The sheets of a binary workbook. Raises FileEncrypted or FileBroken."""
    try:
        workbook = python_calamine.CalamineWorkbook.from_object(io.BytesIO(data))
        for about in workbook.sheets_metadata:
            sheet = workbook.get_sheet_by_name(about.name)
            hidden = about.visible != python_calamine.SheetVisibleEnum.Visible
            yield Sheet(about.name, _calamine_rows(sheet), hidden)
    except python_calamine.PasswordError:
        raise FileEncrypted("it is protected by a password") from None
    except python_calamine.CalamineError as error:
        raise FileBroken(f"it is damaged or cut off: {error}") from None


def _calamine_rows(sheet: python_calamine.CalamineSheet) -> Iterator[Row]:
    if sheet.start is None:
        return
    top, left = sheet.start
    for number, values in enumerate(sheet.to_python(skip_empty_area=True), start=top + 1):
        told = ((column, _shown(value)) for column, value in enumerate(values, start=left + 1))
        cells = {column: text for column, text in told if text.strip()}
        if cells:
            yield number, cells


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return figure(value)
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return value.isoformat() if isinstance(value, date | time) else str(value)
