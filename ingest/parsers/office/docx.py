"""DOCX: what a reader of a Word document sees, in reading order: headings, paragraphs, lists with their numbers, tables, boxes, notes.

The parts are read as XML, both variants of the format alike. Tracked deletions, hidden text, tables of contents, and running heads and
feet are left out; notes and comments follow the paragraph that they hang on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from lxml import etree

from citewell.core.types import BlockKind
from citewell.ingest.parsed import Parsed, RawBlock, Reading, row
from citewell.ingest.parsers.office.graphics import graphic_blocks
from citewell.ingest.parsers.office.grids import table_blocks
from citewell.ingest.parsers.office.numbering import Numbering
from citewell.ingest.parsers.office.packages import Package, attribute, below, child, properties, short
from citewell.ingest.parsers.office.wordstyles import Styles
from citewell.ingest.parsers.office.wordtext import Run, chosen, gather

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MAX_HEADING_CHARS = 400  # a longer paragraph is text that somebody gave the look of a heading
_THROUGH = frozenset(["w:sdt", "w:sdtContent", "w:ins", "w:moveTo", "w:customXml", "w:smartTag", "mc:Choice", "mc:Fallback"])  # fmt: skip
FIRST_ROW = 0x0020  # in w:tblLook (ECMA-376, part 1, 17.4.55)
OFF = frozenset(["0", "false", "off"])


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a Word document. Raises FileBroken, FileEncrypted, FileTooLarge or FileUnsafe."""
    package = Package(data, reading)
    main = package.linked("", "officeDocument") or "word/document.xml"
    root = package.xml(main)
    warnings: list[str] = []
    document = _Document(package, main, warnings)
    body = child(root, "w:body")
    blocks = _joined_code(document.blocks(body)) if body is not None else []
    if not any(block.text.strip() for block in blocks):
        blocks = list(document.running())
    title, language, metadata = properties(package, warnings)
    if not title:
        title = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "")
    return Parsed(blocks, MEDIA_TYPE, title, language, metadata, warnings=tuple(warnings))


@dataclass(slots=True)
class _Document:
    package: Package
    main: str
    warnings: list[str]
    styles: Styles = field(init=False)
    numbering: Numbering = field(init=False)
    links: dict[str, str] = field(init=False)
    notes: dict[tuple[str, str], etree._Element] = field(init=False)
    told: set[tuple[str, str]] = field(default_factory=set)  # each note once, however often it is referred to
    counts: Counter[str] = field(default_factory=Counter)
    last: RawBlock | None = None

    def __post_init__(self) -> None:
        relations = self.package.relations(self.main)
        kinds = {relation.kind: relation.target for relation in relations}
        self.links = {relation.id: relation.target for relation in relations}
        self.styles = Styles.of(self._part(kinds.get("styles", "")))
        self.numbering = Numbering.of(self._part(kinds.get("numbering", "")))
        self.notes = {}
        for kind in ("footnote", "endnote", "comment"):
            part = self._part(kinds.get(f"{kind}s", ""))
            for note in below(part, f"w:{kind}"):
                self.notes[kind, attribute(note, "id")] = note

    def _part(self, name: str) -> etree._Element | None:
        return self.package.optional(name, self.warnings)

    def blocks(self, container: etree._Element) -> Iterator[RawBlock]:
        """The blocks of a body, a text box, a note or a table cell."""
        for element in container:
            name = short(element)
            if name == "w:p":
                made: Iterator[RawBlock] = self._paragraph(element)
            elif name == "w:tbl":
                made = self._table(element)
            elif name in {"m:oMathPara", "m:oMath"}:
                made = iter([RawBlock("paragraph", gather(_alone(element), Run()).text)])
            elif name == "mc:AlternateContent":
                variant = chosen(element)
                made = self.blocks(variant) if variant is not None else iter(())
            elif name in _THROUGH:
                made = self.blocks(element)
            elif name == "w:altChunk":
                self.warnings.append("a document of another format that is set into the text was not read")
                continue
            else:
                continue
            for block in made:
                self.last = block if block.text.strip() else self.last
                yield block

    def running(self) -> Iterator[RawBlock]:
        """The blocks of running heads and feet: for a document that has no other text."""
        for name in sorted(set(self.links.values())):
            if "/header" in name or "/footer" in name:
                root = self._part(name)
                if root is not None:
                    yield from self.blocks(root)

    def _paragraph(self, paragraph: etree._Element) -> Iterator[RawBlock]:
        run = gather(paragraph, Run())
        settings = child(paragraph, "w:pPr")
        style = attribute(child(settings, "w:pStyle"), "val")
        if run.text.strip() and self.styles.says(style) != "contents":
            yield self._block(run.text, settings, style)
        yield from self._hung(run)

    def _block(self, text: str, settings: etree._Element | None, style: str) -> RawBlock:
        level = self.styles.heading(settings, style)
        list_id, depth = self.styles.numbering(settings, style)
        mark = self.numbering.next(list_id, depth) if list_id else ""
        whole = f"{mark} {text}" if mark else text
        if level and len(text) <= MAX_HEADING_CHARS:
            return RawBlock("heading", whole, level=level)
        said = self.styles.says(style)
        if said == "code":
            return RawBlock("code", text)
        listed = said == "list" or self.numbering.holds(list_id)
        kind: BlockKind = "list_item" if listed and not level else "paragraph"
        return RawBlock(kind, whole)

    def _hung(self, run: Run) -> Iterator[RawBlock]:
        """The blocks of what hangs on a paragraph."""
        for box in run.boxes:
            yield from self.blocks(box)
        for _, link in run.graphics:
            yield from graphic_blocks(self.package, self.links.get(link, ""), self.warnings)
        for key in run.notes:
            note = self.notes.get(key)
            if note is None or key in self.told:
                continue
            self.told.add(key)
            yield from self._note(key[0], note)

    def _note(self, kind: str, note: etree._Element) -> Iterator[RawBlock]:
        self.counts[kind] += 1
        author = attribute(note, "author")
        place = f"comment by {author}" if kind == "comment" and author else f"{kind} {self.counts[kind]}"
        for block in self.blocks(note):
            kind_of: BlockKind = "paragraph" if block.kind == "heading" else block.kind
            yield RawBlock(kind_of, block.text, place=block.place or place)

    def _table(self, table: etree._Element) -> Iterator[RawBlock]:
        rows = [(line, list(_cells(line))) for line in _rows(table)]
        if len(rows) == 1 and len(rows[0][1]) == 1:  # a frame around text, not a table
            yield from self.blocks(rows[0][1][0])
            return
        before, run = self.last, Run()
        texts = [[self._cell(cell, run) for cell in cells] for _, cells in rows]
        headers = 0
        for line, _ in rows:
            if not _is_on(child(line, "w:trPr", "w:tblHeader")):
                break
            headers += 1
        hinted = bool(rows) and (_bold(rows[0][0]) or (_looks(table) and len(rows[0][1]) > 2))
        hinted = hinted and not (len(rows) > 1 and _bold(rows[1][0]))
        yield from table_blocks(texts, headers=headers, hinted=hinted, after=before)
        yield from self._hung(run)

    def _cell(self, cell: etree._Element, run: Run) -> str:
        """The text of a cell in one line; a table within it as its rows, separated by semicolons."""
        merge = child(cell, "w:tcPr", "w:vMerge")
        if merge is not None and attribute(merge, "val", "continue") == "continue":
            return ""
        parts: list[str] = []
        for element in _within(cell):
            if short(element) == "w:tbl":
                lines = ([self._cell(inner, run) for inner in _cells(line)] for line in _rows(element))
                parts.append("; ".join(", ".join(part for part in line if part) for line in lines))
                continue
            own = gather(element, Run())
            settings = child(element, "w:pPr")
            list_id, depth = self.styles.numbering(settings, attribute(child(settings, "w:pStyle"), "val"))
            mark = self.numbering.next(list_id, depth) if list_id and own.text.strip() else ""
            parts.append(f"{mark} {own.text}" if mark else own.text)
            run.boxes += own.boxes
            run.notes += own.notes
            run.graphics += own.graphics
        return row([" ".join(part for part in parts if part.strip())])


def _joined_code(blocks: Iterable[RawBlock]) -> list[RawBlock]:
    """The blocks with the lines of code that follow one another as one."""
    made: list[RawBlock] = []
    for run in (list(group) for _, group in groupby(blocks, key=lambda block: (block.kind == "code", block.place))):
        if run[0].kind == "code":
            run = [RawBlock("code", "\n".join(block.text for block in run), place=run[0].place)]
        made += run
    return made


def _alone(equation: etree._Element) -> etree._Element:
    """An equation that stands between paragraphs, as the only child of an element, which `gather` asks for."""
    holder = etree.Element("holder")
    holder.append(equation.__copy__())
    return holder


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for element in table:
        if short(element) == "w:tr":
            if child(element, "w:trPr", "w:del") is None:
                yield element
        elif short(element) in _THROUGH:
            yield from _rows(element)


def _cells(line: etree._Element) -> Iterator[etree._Element]:
    for element in line:
        if short(element) == "w:tc":
            yield element
        elif short(element) in _THROUGH:
            yield from _cells(element)


def _within(cell: etree._Element) -> Iterator[etree._Element]:
    """Paragraphs, tables and equations of a cell."""
    for element in cell:
        if short(element) in {"w:p", "w:tbl"}:
            yield element
        elif short(element) in _THROUGH:
            yield from _within(element)


def _is_on(setting: etree._Element | None) -> bool:
    return setting is not None and attribute(setting, "val", "1") not in OFF


def _bold(line: etree._Element) -> bool:
    """Whether all text of a row is set in bold."""
    runs = [run for run in below(line, "w:r") if any((t.text or "").strip() for t in run if short(t) == "w:t")]
    return bool(runs) and all(_is_on(child(run, "w:rPr", "w:b")) for run in runs)


def _looks(table: etree._Element) -> bool:
    """Whether the table's style gives its first row a look of its own."""
    look = child(table, "w:tblPr", "w:tblLook")
    if attribute(look, "firstRow"):
        return attribute(look, "firstRow") not in OFF
    value = attribute(look, "val")
    return bool(re.fullmatch("[0-9A-Fa-f]{4}", value)) and bool(int(value, 16) & FIRST_ROW)
