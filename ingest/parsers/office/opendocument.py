"""ODT and ODP: headings, paragraphs, lists, tables and text boxes in reading order; each slide a page, with its notes.

The content is read as XML. Tracked deletions lie apart in the file and are left out, tables of contents too; notes and comments follow
the paragraph that they hang on.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from lxml import etree

from citewell.core.types import BlockKind
from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.office.grids import table_blocks
from citewell.ingest.parsers.office.numbering import numeral
from citewell.ingest.parsers.office.odftext import SHAPES, Gathered, facts, gather, refuse_encrypted, table_rows
from citewell.ingest.parsers.office.packages import Package, attribute, below, child, number, short
from citewell.ingest.parsers.office.slides import Shape, in_reading_order

CONTENT = "content.xml"
ODT = "application/vnd.oasis.opendocument.text"
ODP = "application/vnd.oasis.opendocument.presentation"
_LEFT_OUT = frozenset(["text:tracked-changes", "text:table-of-content", "office:forms", "text:sequence-decls", "text:variable-decls", "text:user-field-decls", "svg:title", "svg:desc", "presentation:notes"])  # fmt: skip
_FURNITURE = frozenset(["header", "footer", "date-time", "page-number", "page"])
_FORMS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_LENGTH = re.compile(r"(-?[0-9]{1,6}(?:\.[0-9]{1,9})?)(cm|mm|in|pt|pc|px)?")
_UNITS = {"cm": 360_000.0, "mm": 36_000.0, "in": 914_400.0, "pt": 12_700.0, "pc": 152_400.0, "px": 9_525.0}
_MOVED = re.compile(r"translate\s*\(\s*([^\s,)]+)[\s,]*([^\s,)]*)")


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a text or presentation. Raises FileBroken, FileEncrypted, FileTooLarge or FileUnsafe."""
    package = Package(data, reading)
    refuse_encrypted(package)
    root = package.xml(CONTENT)
    warnings: list[str] = []
    body = child(root, "office:body")
    text = _Text(package, root, warnings)
    slides = child(body, "office:presentation")
    if slides is not None:
        blocks, media_type = list(_slides(text, slides)), ODP
    else:
        inner = child(body, "office:text")
        blocks, media_type = list(text.blocks(inner)) if inner is not None else [], ODT
    title, language, metadata = facts(package, warnings)
    if not title:
        title = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "")
        title = title or next((b.text for b in blocks if b.kind == "heading" and b.page == 1), "")
    return Parsed(blocks, media_type, title, language, metadata, warnings=tuple(warnings))


@dataclass(slots=True)
class _Text:
    package: Package
    root: etree._Element
    warnings: list[str]
    parents: dict[str, str] = field(default_factory=dict)  # style to the style it is based on
    hidden: set[str] = field(default_factory=set)  # styles of slides that are not shown
    forms: dict[tuple[str, int], tuple[str, str, str]] = field(
        default_factory=dict
    )  # of numbered lists: prefix, form, suffix
    counts: dict[tuple[str, int], int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)  # notes by kind
    last: RawBlock | None = None

    def __post_init__(self) -> None:
        for root in (self.root, self.package.optional("styles.xml", self.warnings)):
            for style in below(root, "style:style"):
                name = attribute(style, "name")
                self.parents[name] = attribute(style, "parent-style-name")
                if attribute(child(style, "style:drawing-page-properties"), "visibility") == "hidden":
                    self.hidden.add(name)
            for listed in below(root, "text:list-style"):
                for level in below(listed, "text:list-level-style-number"):
                    key = attribute(listed, "name"), number(attribute(level, "level"), 1)
                    form = _FORMS.get(attribute(level, "num-format"), "")
                    self.forms[key] = attribute(level, "num-prefix"), form, attribute(level, "num-suffix", ".")

    def blocks(self, container: etree._Element) -> Iterator[RawBlock]:
        """The blocks of a text, section, text box or note."""
        for element in container:
            for block in self._element(element):
                self.last = block if block.text.strip() else self.last
                yield block

    def _element(self, element: etree._Element) -> Iterator[RawBlock]:
        name = short(element)
        if name in _LEFT_OUT:
            return
        if name in {"text:p", "text:h"}:
            yield from self._paragraph(element)
        elif name == "text:list":
            yield from self._list(element, attribute(element, "style-name"), 1)
        elif name == "table:table":
            yield from self._table(element)
        elif name in {"text:note", "office:annotation"}:
            yield from self._note(element)
        elif name == "draw:object":
            yield from self._object(element)
        else:
            yield from self.blocks(element)

    def _paragraph(self, element: etree._Element, kind: BlockKind = "paragraph", mark: str = "") -> Iterator[RawBlock]:
        own = gather(element, Gathered())
        style = self._style(attribute(element, "style-name"))
        text = f"{mark} {own.text}" if mark else own.text
        if not own.text.strip():
            pass
        elif short(element) == "text:h":
            yield RawBlock("heading", text, level=min(max(number(attribute(element, "outline-level"), 1), 1), 10) + 1)
        elif style == "Title":
            yield RawBlock("heading", text, level=1)
        elif not style.startswith("Contents_20_"):
            yield RawBlock("code" if style == "Preformatted_20_Text" else kind, text)
        for hung in own.hung:
            yield from self._element(hung)

    def _style(self, name: str) -> str:
        """The style as its user chose it, beneath the ones that programs make."""
        return self.parents.get(name) or name if re.fullmatch(r"P\d+", name) else name

    def _list(self, element: etree._Element, style: str, level: int) -> Iterator[RawBlock]:
        key = style, level
        if attribute(element, "continue-numbering") != "true" and not attribute(element, "continue-list"):
            self.counts[key] = 0
        for item in element:
            counted = short(item) == "text:list-item"
            if counted:
                start = attribute(item, "start-value")
                self.counts[key] = number(start, 1) if start else self.counts.get(key, 0) + 1
            mark = self._mark(key) if counted else ""
            for part in item:
                if short(part) == "text:list":
                    yield from self._list(part, attribute(part, "style-name") or style, level + 1)
                elif short(part) in {"text:p", "text:h"}:
                    yield from self._paragraph(part, "list_item", mark)
                    mark = ""
                else:
                    yield from self._element(part)

    def _mark(self, key: tuple[str, int]) -> str:
        before, form, after = self.forms.get(key, ("", "", ""))
        return f"{before}{numeral(self.counts[key], form)}{after}".strip() if form else ""

    def _table(self, table: etree._Element) -> Iterator[RawBlock]:
        hung = Gathered()
        before = self.last
        cells = list(below(table, "table:table-cell"))
        if len(cells) == 1:  # a frame around text, not a table
            yield from self.blocks(cells[0])
            return
        rows = list(table_rows(table, hung))
        headers = next((at for at, (named, _) in enumerate(rows) if not named), len(rows))
        if not headers and attribute(table, "use-first-row-styles") == "true":
            headers = 1
        yield from table_blocks([texts for _, texts in rows], headers=headers, after=before)
        for element in hung.hung:
            yield from self._element(element)

    def _note(self, element: etree._Element) -> Iterator[RawBlock]:
        comment = short(element) == "office:annotation"
        kind = "comment" if comment else attribute(element, "note-class", "footnote")
        self.told[kind] = self.told.get(kind, 0) + 1
        author = "".join(part.text or "" for part in element if short(part) == "dc:creator")
        place = f"comment by {author}" if comment and author else f"{kind} {self.told[kind]}"
        body = element if comment else child(element, "text:note-body")
        for block in self.blocks(body) if body is not None else ():
            kind_of: BlockKind = "paragraph" if block.kind == "heading" else block.kind
            yield RawBlock(kind_of, block.text, place=block.place or place)

    def _object(self, element: etree._Element) -> Iterator[RawBlock]:
        """A formula or chart, which is a document of its own within the package."""
        part = posixpath.normpath(posixpath.join(attribute(element, "href"), CONTENT))
        root = self.package.optional(part, self.warnings)
        if root is None:
            return
        if root.tag.endswith("}math"):
            hints = {id(text) for note in root.iter("{*}annotation") for text in note.iter()}
            yield RawBlock("paragraph", "".join(e.text or "" for e in root.iter(etree.Element) if id(e) not in hints))
            return
        for title in below(root, "chart:title"):
            yield RawBlock("paragraph", " ".join(gather(title, Gathered()).text.split()))
        for table in below(root, "table:table"):
            yield from table_blocks([cells for _, cells in table_rows(table, Gathered())], headers=1)


def _slides(text: _Text, slides: etree._Element) -> Iterator[RawBlock]:
    titled = False
    for page, slide in enumerate((part for part in slides if short(part) == "draw:page"), start=1):
        hidden = f"hidden slide {page}" if attribute(slide, "style-name") in text.hidden else ""
        shapes = [shape for shape in _shapes(slide) if attribute(shape.element, "class") not in _FURNITURE]
        titles = [shape for shape in shapes if attribute(shape.element, "class") == "title"]
        heading = " ".join(block.text for shape in titles for block in text.blocks(shape.element) if block.text.strip())
        rest = [block for shape in in_reading_order([s for s in shapes if s not in titles]) for block in text._element(shape.element)]  # fmt: skip
        if heading or (titled and rest):
            yield RawBlock("heading", heading or f"Slide {page}", level=2, page=page, place=hidden)
            titled = True
        for block in rest:
            yield replace(_plain(block), page=page, place=block.place or hidden)
        notes = child(slide, "presentation:notes")
        for shape in _shapes(notes) if notes is not None else ():
            if attribute(shape.element, "class") not in _FURNITURE:
                for block in text._element(shape.element):
                    yield replace(_plain(block), page=page, place=f"notes of slide {page}")
        for comment in (part for part in slide if short(part) == "office:annotation"):
            for block in text._element(comment):
                yield replace(block, page=page, place=f"{block.place} on slide {page}")


def _plain(block: RawBlock) -> RawBlock:
    """A heading within a slide's text is a paragraph: the slide's title is the heading."""
    return replace(block, kind="paragraph", level=0) if block.kind == "heading" else block


def _shapes(container: etree._Element) -> Iterable[Shape]:
    """The shapes of a slide with where they lie on it, groups opened."""
    for element in container:
        name = short(element)
        if name == "draw:g":
            yield from _shapes(element)
        elif name in SHAPES:
            moved = _MOVED.search(attribute(element, "transform"))
            left = attribute(element, "x") or (moved.group(1) if moved else "")
            top = attribute(element, "y") or (moved.group(2) if moved else "")
            yield Shape(_length(top), _length(left), element)


def _length(text: str) -> float:
    told = _LENGTH.fullmatch(text)
    return float(told.group(1)) * _UNITS.get(told.group(2) or "cm", 1.0) if told else 0.0
