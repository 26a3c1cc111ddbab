"""The sheets of an ODS workbook, a row at a time, with the texts that the sheet shows."""

from __future__ import annotations

import io
from collections.abc import Iterator

from lxml import etree

from citewell.core.errors import FileBroken
from citewell.ingest.parsers.office.odftext import Gathered, gather, row_cells
from citewell.ingest.parsers.office.packages import Package, attribute, child, number, refuse_entities, short
from citewell.ingest.parsers.office.workbook import Row, Sheet, column_letters

CONTENT = "content.xml"
MAX_REPEATED_ROWS = 100  # of a row with text
_TABLE, _ROW, _STYLE = "{*}table", "{*}table-row", "{*}style"


def ods_sheets(package: Package) -> Iterator[Sheet]:
    """The sheets of a workbook in its order, hidden ones too."""
    data = package.read(CONTENT)
    refuse_entities(data, CONTENT)
    events = etree.iterparse(io.BytesIO(data), events=("start", "end"), tag=(_TABLE, _ROW, _STYLE), resolve_entities=False, no_network=True, load_dtd=False)  # fmt: skip
    hidden: set[str] = set()
    try:
        for event, element in events:
            name = short(element)
            if event == "end" and name == "style:style":
                if attribute(child(element, "style:table-properties"), "display") == "false":
                    hidden.add(attribute(element, "name"))
            elif event == "start" and name == "table:table":
                sheet = Sheet(attribute(element, "name"), iter(()), attribute(element, "style-name") in hidden)
                sheet.rows = _rows(events, sheet)
                yield sheet
                for _ in sheet.rows:  # what the caller left
                    pass
    except etree.XMLSyntaxError as error:
        raise FileBroken(f"its part {CONTENT} is damaged: {error}") from None


def _rows(events: Iterator[tuple[str, etree._Element]], sheet: Sheet) -> Iterator[Row]:
    """The rows of the table that has just begun; those of a table within a cell are the cell's own."""
    at, depth, within = 1, 1, 0
    for event, element in events:
        name = short(element)
        if name == "table:table":
            depth += 1 if event == "start" else -1
            if not depth:
                element.clear()
                return
        elif name == "table:table-row" and depth == 1:
            within += 1 if event == "start" else -1
            if event == "start" or within:
                continue
            hung = Gathered()
            cells = row_cells(element, hung)
            times = max(1, number(attribute(element, "number-rows-repeated"), 1))
            if hung.hung:
                _beside(sheet, at, element, hung)
            element.clear()
            for more in range(min(times, MAX_REPEATED_ROWS) if cells else 0):
                yield at + more, cells
            at += times


def _beside(sheet: Sheet, at: int, line: etree._Element, hung: Gathered) -> None:
    """Adds the comments and shapes of a row to the sheet."""
    column = 0
    places: dict[etree._Element, str] = {}
    for cell in line:
        column += max(1, number(attribute(cell, "number-columns-repeated"), 1))
        places[cell] = f"{column_letters(min(column, 18_278))}{at}"
    for element in hung.hung:
        author = "".join(part.text or "" for part in element if short(part) == "dc:creator")
        texts = [" ".join(gather(part, Gathered()).text.split()) for part in element.iter(etree.Element) if short(part) == "text:p"]  # fmt: skip
        if short(element) == "office:annotation":
            cell = next((above for above in element.iterancestors() if above in places), None)
            sheet.comments.append((places[cell] if cell is not None else "", author, " ".join(texts)))
        else:
            sheet.drawn += texts
