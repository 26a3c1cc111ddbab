"""The sheets of an XLSX workbook, a row at a time and only the cells that hold something, whatever extent a sheet claims.

Values are told as the sheet shows them where that is certain: dates in ISO, percent with its sign, numbers without the noise of
their binary form.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from lxml import etree

from citewell.core.errors import FileBroken
from citewell.ingest.parsers.office.graphics import chart_titles
from citewell.ingest.parsers.office.packages import (
    Package,
    Relation,
    attribute,
    below,
    child,
    number,
    refuse_entities,
    short,
)

Row = tuple[int, dict[int, str]]  # its number from 1, and the text of its cells by column from 1
MAX_COLUMN = 16_384
# Formats that have no code of their own (ECMA-376, part 1, 18.8.30), with those of East Asian versions.
_DATES = frozenset([*range(14, 18), *range(27, 32), 34, 35, 36, *range(50, 59)])
_TIMES = frozenset([18, 19, 20, 21, 32, 33, 45, 46, 47])
_PERCENTS = frozenset([9, 10])
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
EPOCH_1900 = datetime(1899, 12, 30)  # serial 60 is a day that never was, so later days count from here
EPOCH_1904 = datetime(1904, 1, 1)
LEAP_SERIAL = 60
MAX_SERIAL = 2_958_466  # the last day of the year 9999
THREADED = "[Threaded comment]"  # how a comment begins that stands elsewhere as a thread


@dataclass(slots=True)
class Sheet:
    """A sheet: its rows in order, and beside them comments by cell and the texts of its drawings."""

    name: str
    rows: Iterator[Row]
    hidden: bool = False
    comments: list[tuple[str, str, str]] = field(default_factory=list)  # cell, author, text
    drawn: list[str] = field(default_factory=list)


def sheets(package: Package, warnings: list[str]) -> Iterator[Sheet]:
    """The sheets of a workbook in its order, hidden ones too."""
    main = package.linked("", "officeDocument") or "xl/workbook.xml"
    root = package.xml(main)
    relations = package.relations(main)
    links = {relation.id: relation for relation in relations}
    values = _Values(
        _strings(_part(package, relations, "sharedStrings", warnings)),
        _formats(_part(package, relations, "styles", warnings)),
        EPOCH_1904 if attribute(child(root, "x:workbookPr"), "date1904") in {"1", "true"} else EPOCH_1900,
    )
    people = {attribute(one, "id"): attribute(one, "displayName") for one in _people(package, relations, warnings)}
    for entry in below(child(root, "x:sheets"), "x:sheet"):
        link = links.get(next((str(value) for key, value in entry.attrib.items() if key.endswith("}id")), ""))
        if link is None or link.target not in package:
            warnings.append(f"the sheet {attribute(entry, 'name')} is missing")
            continue
        hidden = attribute(entry, "state", "visible") != "visible"
        rows = values.rows(package.read(link.target), link.target) if link.kind == "worksheet" else iter(())
        sheet = Sheet(attribute(entry, "name"), rows, hidden)
        _beside(package, link.target, sheet, people, warnings)
        yield sheet


@lru_cache(maxsize=MAX_COLUMN)
def column_number(letters: str) -> int:
    """The number of a column by its letters: A is 1."""
    made = 0
    for letter in letters:
        made = made * 26 + ord(letter) - 64
    return made


def column_letters(column: int) -> str:
    """The letters of a column by its number from 1."""
    made = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        made = chr(65 + rest) + made
    return made


def figure(value: float) -> str:
    """A number with the fifteen digits that spreadsheets keep, whole ones without a point."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"


def _part(package: Package, relations: list[Relation], kind: str, warnings: list[str]) -> etree._Element | None:
    return package.optional(next((link.target for link in relations if link.kind == kind), ""), warnings)


def _people(package: Package, relations: list[Relation], warnings: list[str]) -> Iterator[etree._Element]:
    root = _part(package, relations, "person", warnings)
    yield from root if root is not None else ()


def _strings(root: etree._Element | None) -> list[str]:
    return [_rich(entry) for entry in below(root, "x:si")]


def _rich(entry: etree._Element) -> str:
    """The text of a string or comment, without the phonetic guides of East Asian text."""
    pieces = []
    for part in entry:
        name = short(part)
        if name == "x:t":
            pieces.append(part.text or "")
        elif name == "x:r":
            pieces += [t.text or "" for t in part if short(t) == "x:t"]
    return "".join(pieces)


def _formats(root: etree._Element | None) -> list[str]:
    """For each cell style what its number is: `date`, `time`, `percent` or nothing special."""
    codes = {number(attribute(f, "numFmtId"), -1): attribute(f, "formatCode") for f in below(child(root, "x:numFmts"), "x:numFmt")}  # fmt: skip
    made = []
    for style in below(child(root, "x:cellXfs"), "x:xf"):
        key = number(attribute(style, "numFmtId"), -1)
        made.append(_meaning(codes[key]) if key in codes else _built_in(key))
    return made


def _built_in(key: int) -> str:
    if key in _DATES or key == 22:
        return "date"
    return "time" if key in _TIMES else "percent" if key in _PERCENTS else ""


def _meaning(code: str) -> str:
    bare = _QUOTED.sub("", code[:500]).split(";")[0].lower()
    if bare == "general":
        return ""
    if re.search("[dy]", bare) or ("m" in bare and not re.search("[hs]", bare)):
        return "date"
    return "time" if re.search("[hs]", bare) else "percent" if "%" in bare else ""


@dataclass(frozen=True, slots=True)
class _Values:
    strings: list[str]
    formats: list[str]
    epoch: datetime

    def rows(self, data: bytes, name: str) -> Iterator[Row]:
        """The rows of a sheet that hold text."""
        refuse_entities(data, name)
        at = 0
        try:
            for _, row in etree.iterparse(io.BytesIO(data), tag="{*}row", resolve_entities=False, no_network=True, load_dtd=False):  # fmt: skip
                at = number(row.get("r", ""), at + 1)
                cells = self._cells(row)
                _forget(row)
                if cells:
                    yield at, cells
        except etree.XMLSyntaxError as error:
            raise FileBroken(f"its part {name} is damaged: {error}") from None

    def _cells(self, row: etree._Element) -> dict[int, str]:
        made: dict[int, str] = {}
        column = 0
        for cell in row:
            column += 1
            reference = _REFERENCE.fullmatch(cell.get("r", ""))
            if reference:
                column = column_number(reference.group(1))
            if len(cell) and column <= MAX_COLUMN:
                text = self._text(cell)
                if text and not text.isspace():
                    made[column] = text
        return made

    def _text(self, cell: etree._Element) -> str:
        kind = cell.get("t", "n")
        for part in cell:
            local = part.tag.rpartition("}")[2] if isinstance(part.tag, str) else ""
            if local == "is":
                return _rich(part)
            if local == "v":
                told = part.text or ""
                if kind == "s":
                    index = number(told, -1)
                    return self.strings[index] if 0 <= index < len(self.strings) else ""
                if kind == "b":
                    return "TRUE" if told.strip() == "1" else "FALSE"
                if kind == "d":  # the strict variant writes dates as such
                    return told.removesuffix("T00:00:00").replace("T", " ")
                return self._number(told, number(cell.get("s", "0"))) if kind == "n" else told
        return ""

    def _number(self, told: str, style: int) -> str:
        try:
            value = float(told)
        except ValueError:
            return told
        if not abs(value) < 1e300:  # infinite, or no number
            return told
        kind = self.formats[style] if 0 <= style < len(self.formats) else ""
        if kind == "percent":
            return f"{value * 100:.10g}%"
        if kind in {"date", "time"} and 0 <= value < MAX_SERIAL:
            return self._moment(value, kind)
        return figure(value)

    def _moment(self, serial: float, kind: str) -> str:
        if kind == "time" and serial >= 1:  # a span of hours
            minutes, seconds = divmod(round(serial * 86_400), 60)
            return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
        early = self.epoch == EPOCH_1900 and serial < LEAP_SERIAL
        try:
            moment = self.epoch + timedelta(days=int(serial) + early, seconds=round(serial % 1 * 86_400))
        except OverflowError:
            return figure(serial)
        if kind == "time":
            return moment.strftime("%H:%M:%S")
        return moment.date().isoformat() if not serial % 1 else moment.isoformat(" ")


def _forget(row: etree._Element) -> None:
    """Frees a row that was read, and those before it."""
    row.clear()
    parent = row.getparent()
    while parent is not None and row.getprevious() is not None:
        del parent[0]


def _beside(package: Package, part: str, sheet: Sheet, people: dict[str, str], warnings: list[str]) -> None:
    """Adds to a sheet its comments and what its drawings say."""
    relations = package.relations(part)
    threads = [link for link in relations if link.kind.lower() == "threadedcomment"]
    for link in threads:
        root = package.optional(link.target, warnings)
        for comment in root if root is not None else ():
            text = " ".join(part.text or "" for part in comment if short(part).endswith(":text"))
            sheet.comments.append((attribute(comment, "ref"), people.get(attribute(comment, "personId"), ""), text))
    for link in relations:
        if link.kind == "comments":
            sheet.comments += _comments(package.optional(link.target, warnings), told=bool(threads))
        elif link.kind == "drawing":
            sheet.drawn += _drawn(package, link.target, warnings)


def _comments(root: etree._Element | None, *, told: bool) -> Iterator[tuple[str, str, str]]:
    authors = [author.text or "" for author in below(child(root, "x:authors"), "x:author")]
    for comment in below(root, "x:comment"):
        body = child(comment, "x:text")
        text = _rich(body) if body is not None else ""
        at = number(attribute(comment, "authorId"), -1)
        if not (told and text.startswith(THREADED)):
            yield attribute(comment, "ref"), authors[at] if 0 <= at < len(authors) else "", text


def _drawn(package: Package, part: str, warnings: list[str]) -> Iterator[str]:
    """The texts of the shapes of a drawing and the titles of its charts and their axes; their values are cells of the workbook."""
    root = package.optional(part, warnings)
    links = {link.id: link.target for link in package.relations(part)}
    for found in below(root, "xdr:txBody", "c:chart"):
        if short(found) == "c:chart":
            chart = package.optional(links.get(attribute(found, "id"), ""), warnings)
            yield from chart_titles(chart) if chart is not None else ()
        else:
            for paragraph in below(found, "a:p"):
                yield "".join(t.text or "" for t in below(paragraph, "a:t"))
