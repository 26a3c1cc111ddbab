"""The text of OpenDocument files: of a paragraph with what hangs on it, of a table's cells, and what the file says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from citewell.core.errors import FileEncrypted
from citewell.ingest.parsers.office.packages import Package, attribute, number, short

MAX_SPACES = 100
# A cell that a file repeats is told so often, and a long one less; blank ones are repeated to the edge of the sheet.
MAX_REPEATED_CELLS = 100
MAX_REPEATED_CHARS = 1000
MAX_COLUMN = 16_384
MAX_GAP = 50  # blank cells in a row of a text's table
SHAPES = frozenset(["draw:frame", "draw:text-box", "draw:custom-shape", "draw:rect", "draw:ellipse", "draw:circle", "draw:polygon", "draw:path", "draw:line", "draw:connector", "draw:caption", "draw:regular-polygon", "draw:g"])  # fmt: skip
_UNSEEN = frozenset(["text:tracked-changes", "svg:title", "svg:desc", "text:ruby-text", "text:note-citation", "office:forms", "text:index-title-template", "office:event-listeners", "text:sequence-decls", "text:variable-decls", "text:user-field-decls", "office:binary-data", "style:style"])  # fmt: skip
_ROW_GROUPS = frozenset(["table:table-rows", "table:table-row-group", "table:table-header-rows"])
_FACTS = {"initial-creator": "author", "creator": "author", "subject": "subject", "keyword": "keywords"}


@dataclass(slots=True)
class Gathered:
    """Text, and the elements that hang on it in the order of the file: notes, comments, shapes."""

    pieces: list[str] = field(default_factory=list)
    hung: list[etree._Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text gathered."""
        return "".join(self.pieces)


def gather(element: etree._Element, into: Gathered) -> Gathered:
    """Adds an element's text to `into`; the text of notes, comments and shapes stays with them."""
    into.pieces.append(element.text or "")
    for part in element:
        name = short(part)
        if name in {"text:note", "office:annotation"} or name in SHAPES:
            into.hung.append(part)
        elif name == "text:s":
            into.pieces.append(" " * min(number(attribute(part, "c"), 1), MAX_SPACES))
        elif name in {"text:tab", "text:line-break"}:
            into.pieces.append("\t" if name == "text:tab" else "\n")
        elif name not in _UNSEEN:
            gather(part, into)
        into.pieces.append(part.tail or "")
    return into


def cell_text(cell: etree._Element, into: Gathered) -> str:
    """The text of a cell in one line, that of a table within it too; what hangs on it is added to `into`."""
    lines: list[str] = []
    for part in cell:
        name = short(part)
        if name in {"text:p", "text:h"}:
            own = gather(part, Gathered())
            lines.append(own.text)
            into.hung += own.hung
        elif name == "office:annotation" or name in SHAPES:
            into.hung.append(part)
        elif name == "table:table":
            rows = (", ".join(text for text in cells if text) for _, cells in table_rows(part, into))
            lines.append("; ".join(text for text in rows if text))
        elif name not in _UNSEEN:
            lines.append(cell_text(part, into))
    return " ".join(" ".join(lines).split())


def row_cells(line: etree._Element, into: Gathered) -> dict[int, str]:
    """The texts of a row's cells by column from 1, blank ones left out; a merged cell once."""
    cells: dict[int, str] = {}
    column = 1
    for cell in line:
        name = short(cell)
        if name not in {"table:table-cell", "table:covered-table-cell"} or column > MAX_COLUMN:
            continue
        text = cell_text(cell, into) if name == "table:table-cell" else ""
        times = max(1, number(attribute(cell, "number-columns-repeated"), 1))
        if text:
            told = max(1, min(times, MAX_REPEATED_CELLS, MAX_REPEATED_CHARS // len(text)))
            cells.update(dict.fromkeys(range(column, column + told), text))
        column += times
    return cells


def in_line(cells: dict[int, str]) -> list[str]:
    """The cells of a row with the blank ones before and between them."""
    made: list[str] = []
    before = 0
    for column, text in cells.items():
        made += [""] * min(column - before - 1, MAX_GAP)
        made.append(text)
        before = column
    return made


def table_rows(table: etree._Element, into: Gathered, *, header: bool = False) -> Iterator[tuple[bool, list[str]]]:
    """The rows of a table that hold text, each with whether it is a header row."""
    for part in table:
        name = short(part)
        if name in _ROW_GROUPS:
            yield from table_rows(part, into, header=header or name == "table:table-header-rows")
        elif name == "table:table-row":
            cells = row_cells(part, into)
            if cells:
                yield header, in_line(cells)


def refuse_encrypted(package: Package) -> None:
    """Raises FileEncrypted when the package's manifest says that its parts are."""
    if "META-INF/manifest.xml" in package:
        for entry in package.xml("META-INF/manifest.xml").iter(etree.Element):
            if short(entry) == "manifest:encryption-data":
                raise FileEncrypted("it is protected by a password")


def facts(package: Package, warnings: list[str]) -> tuple[str, str, dict[str, str]]:
    """Title, language and metadata of an OpenDocument package."""
    root = package.optional("meta.xml", warnings)
    title, language = "", "und"
    metadata: dict[str, str] = {}
    dates: dict[str, str] = {}
    for entry in root.iter(etree.Element) if root is not None else ():
        local, text = short(entry).rpartition(":")[2], (entry.text or "").strip()
        if not text:
            continue
        if local == "title":
            title = title or text
        elif local == "language":
            language = text.split("-")[0].lower()
        elif local in {"date", "creation-date"} and re.match(r"\d{4}-\d\d-\d\d", text):
            dates[local] = text[:10]
        elif local == "keyword" and "keywords" in metadata:
            metadata["keywords"] += f", {text}"
        elif local in _FACTS:
            metadata.setdefault(_FACTS[local], text)
    if dates:
        metadata["date"] = dates.get("date") or dates["creation-date"]
    return title, language, metadata
