"""PPTX: each slide a page with its title as heading, its texts in the order in which eyes meet them, tables, charts, notes and comments.

Footers, dates and slide numbers are left out; pictures are not opened, so a damaged one does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from lxml import etree

from citewell.core.types import BlockKind
from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.office.graphics import graphic_blocks
from citewell.ingest.parsers.office.grids import table_blocks
from citewell.ingest.parsers.office.numbering import numeral
from citewell.ingest.parsers.office.packages import (
    Package,
    Relation,
    attribute,
    below,
    child,
    number,
    properties,
    short,
)
from citewell.ingest.parsers.office.slides import UNIT, Shape, in_reading_order, placed
from citewell.ingest.parsers.office.wordtext import Run, chosen, gather

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
Frames = dict[str, dict[str, etree._Element]]  # of a layout's placeholders by what they are found by, for each layout
TITLES = frozenset(["title", "ctrTitle"])
FURNITURE = frozenset(["dt", "ftr", "sldNum", "hdr", "sldImg"])
OFF = frozenset(["0", "false", "off"])
_AUTHORS = ("commentAuthors", "authors")


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a presentation. Raises FileBroken, FileEncrypted, FileTooLarge or FileUnsafe."""
    package = Package(data, reading)
    main = package.linked("", "officeDocument") or "ppt/presentation.xml"
    root = package.xml(main)
    warnings: list[str] = []
    links = {relation.id: relation for relation in package.relations(main)}
    authors = _authors(package, links.values(), warnings)
    blocks: list[RawBlock] = []
    frames: Frames = {}
    shown = [links[key] for key in _slide_ids(root) if key in links and links[key].target in package]
    first, titled = "", False
    for page, relation in enumerate(shown, start=1):
        slide = _Slide(package, relation.target, page, authors, frames, warnings)
        made = list(slide.blocks())
        first = first or (slide.title if page == 1 else "")
        if titled and made and not slide.title:  # lest it stand under the title of the slide before
            made.insert(0, RawBlock("heading", f"Slide {page}", level=2, page=page))
        titled = titled or bool(slide.title)
        blocks += made
    title, language, metadata = properties(package, warnings)
    return Parsed(blocks, MEDIA_TYPE, title or first, language, metadata, warnings=tuple(warnings))


def _slide_ids(root: etree._Element) -> Iterator[str]:
    for entry in below(child(root, "p:sldIdLst"), "p:sldId"):
        # `id` stands twice here, once as the link: the one in a namespace.
        yield next((str(value) for key, value in entry.attrib.items() if key.endswith("}id")), "")


def _authors(package: Package, links: Iterable[Relation], warnings: list[str]) -> dict[str, str]:
    made: dict[str, str] = {}
    for relation in links:
        root = package.optional(relation.target, warnings) if relation.kind in _AUTHORS else None
        for author in root if root is not None else ():
            made[attribute(author, "id")] = attribute(author, "name")
    return made


@dataclass(slots=True)
class _Slide:
    package: Package
    part: str
    page: int
    authors: dict[str, str]
    frames: Frames
    warnings: list[str]
    title: str = ""
    relations: list[Relation] = field(init=False)
    links: dict[str, str] = field(init=False)
    _inherited: list[dict[str, etree._Element]] = field(init=False)

    def __post_init__(self) -> None:
        self.relations = self.package.relations(self.part)
        self.links = {relation.id: relation.target for relation in self.relations}
        layout = self._of("slideLayout")
        master = self.package.linked(layout, "slideMaster") if layout else ""
        for part in (layout, master):
            if part not in self.frames:
                self.frames[part] = _frames(self.package.optional(part, self.warnings))
        self._inherited = [self.frames[layout], self.frames[master]]

    def _of(self, kind: str) -> str:
        return next((relation.target for relation in self.relations if relation.kind == kind), "")

    def blocks(self) -> Iterator[RawBlock]:
        """The slide's own blocks, then its notes and comments."""
        root = self.package.optional(self.part, self.warnings)
        tree = child(root, "p:cSld", "p:spTree")
        hidden = f"hidden slide {self.page}" if attribute(root, "show", "1") in OFF else ""
        shapes = list(self._shapes(tree, UNIT)) if tree is not None else []
        titles = [shape for shape in shapes if _kind(shape.element) in TITLES]
        for shape in titles:
            text = " ".join(block.text for block in self._frame(shape.element) if block.text.strip())
            if text:
                self.title = self.title or " ".join(text.split())
                yield RawBlock("heading", text, level=2, page=self.page, place=hidden)
        last: RawBlock | None = None
        for shape in in_reading_order([shape for shape in shapes if shape not in titles]):
            for block in self._shape(shape.element, last):
                yield (last := replace(block, page=self.page, place=block.place or hidden))
        yield from self._notes()
        yield from self._comments()

    def _shapes(self, tree: etree._Element, space: tuple[float, float, float, float]) -> Iterator[Shape]:
        """The shapes of a slide or group with where they lie on the slide, groups opened."""
        for element in tree:
            name = short(element)
            if name == "mc:AlternateContent":
                variant = chosen(element)
                if variant is not None:
                    yield from self._shapes(variant, space)
            elif name == "p:grpSp":
                yield from self._shapes(element, placed(child(element, "p:grpSpPr", "a:xfrm"), space))
            elif (
                name in {"p:sp", "p:graphicFrame", "p:pic", "p:cxnSp", "p:contentPart"}
                and _kind(element) not in FURNITURE
            ):
                left, top = self._corner(element, space)
                yield Shape(top, left, element)

    def _corner(self, element: etree._Element, space: tuple[float, float, float, float]) -> tuple[float, float]:
        frame = child(element, "p:spPr", "a:xfrm")
        frame = child(element, "p:xfrm") if frame is None else frame
        if child(frame, "a:off") is None:
            keys = _keys(element)
            frame = next((frames[key] for frames in self._inherited for key in keys if key in frames), frame)
        corner = child(frame, "a:off")
        x, y = number(attribute(corner, "x")), number(attribute(corner, "y"))
        return space[0] + x * space[2], space[1] + y * space[3]

    def _shape(self, element: etree._Element, last: RawBlock | None) -> Iterator[RawBlock]:
        table = next(below(element, "a:tbl"), None) if short(element) == "p:graphicFrame" else None
        if table is not None:
            yield from _table(table, self.page, last)
            return
        if short(element) == "p:graphicFrame":
            for name, key in (("c:chart", "id"), ("dgm:relIds", "dm")):
                for found in below(element, name):
                    part = self.links.get(attribute(found, key), "")
                    yield from graphic_blocks(self.package, part, self.warnings, page=self.page)
            return
        yield from self._frame(element)

    def _frame(self, element: etree._Element) -> list[RawBlock]:
        """The paragraphs of a shape; of several in the slide's body, each is an item of a list."""
        body = child(element, "p:txBody")
        paragraphs = [part for part in body if short(part) == "a:p"] if body is not None else []
        listed = _kind(element) in {"body", "obj"} and len(paragraphs) > 1
        return list(_paragraphs(paragraphs, self.page, listed=listed))

    def _notes(self) -> Iterator[RawBlock]:
        root = self.package.optional(self._of("notesSlide"), self.warnings)
        for shape in below(root, "p:sp"):
            if _kind(shape) not in FURNITURE:
                for block in self._frame(shape):
                    yield replace(block, place=f"notes of slide {self.page}")

    def _comments(self) -> Iterator[RawBlock]:
        for relation in self.relations:
            root = self.package.optional(relation.target, self.warnings) if relation.kind == "comments" else None
            for comment in root.iter(etree.Element) if root is not None else ():
                if not short(comment).endswith((":cm", ":reply")):
                    continue
                text = " ".join(_comment(comment))
                author = self.authors.get(attribute(comment, "authorId"), "")
                by = f" by {author}" if author else ""
                yield RawBlock("paragraph", text, page=self.page, place=f"comment on slide {self.page}{by}")


def _comment(comment: etree._Element) -> Iterator[str]:
    """The text of a comment itself, without that of the replies to it."""
    for part in comment:
        local = short(part).rpartition(":")[2]
        if local == "text":
            yield part.text or ""
        elif local == "txBody":
            yield from ("".join(t.text or "" for t in below(line, "a:t")) for line in below(part, "a:p"))


def _holder(element: etree._Element) -> etree._Element | None:
    """What makes a shape a placeholder."""
    return next(below(element, "p:ph"), None)


def _kind(element: etree._Element) -> str:
    """The kind of a placeholder, empty for other shapes."""
    holder = _holder(element)
    return attribute(holder, "type", "obj") if holder is not None else ""


def _keys(element: etree._Element) -> list[str]:
    """What a placeholder is found by in its layout: its number, else its kind and what stands in for it."""
    holder = _holder(element)
    if holder is None:
        return []
    kind, index = _kind(element), attribute(holder, "idx")
    kinds = {"title": ["title", "ctrTitle"], "ctrTitle": ["ctrTitle", "title"], "subTitle": ["subTitle", "body"], "obj": ["obj", "body"]}  # fmt: skip
    return [f"#{index}"] * bool(index) + kinds.get(kind, [kind])


def _frames(root: etree._Element | None) -> dict[str, etree._Element]:
    """Where the placeholders of a layout or master lie."""
    made: dict[str, etree._Element] = {}
    for shape in below(root, "p:sp"):
        frame = child(shape, "p:spPr", "a:xfrm")
        holder = _holder(shape)
        if holder is not None and child(frame, "a:off") is not None:
            made.setdefault(_kind(shape), frame)
            made.setdefault(f"#{attribute(holder, 'idx')}", frame)
    return made


def _paragraphs(paragraphs: Iterable[etree._Element], page: int, *, listed: bool) -> Iterator[RawBlock]:
    counts: dict[int, int] = {}
    for paragraph in paragraphs:
        text = gather(paragraph, Run()).text
        settings = child(paragraph, "a:pPr")
        level = number(attribute(settings, "lvl"))
        numbered = child(settings, "a:buAutoNum")
        counts = {at: count for at, count in counts.items() if at < level or (at == level and numbered is not None)}
        if not text.strip():
            continue
        bullet = child(settings, "a:buChar") is not None
        plain = child(settings, "a:buNone") is not None
        kind: BlockKind = "list_item" if bullet or numbered is not None or (listed and not plain) else "paragraph"
        if numbered is not None:
            counts[level] = counts.get(level, number(attribute(numbered, "startAt"), 1) - 1) + 1
            text = f"{_mark(counts[level], attribute(numbered, 'type'))} {text}"
        yield RawBlock(kind, text, page=page)


def _mark(count: int, form: str) -> str:
    """The number of a paragraph in a form such as arabicPeriod, alphaLcParenR or romanUcParenBoth (ECMA-376, part 1, 20.1.10.61)."""
    case = "upper" if "Uc" in form else "lower"
    kind = "Letter" if form.startswith("alpha") else "Roman" if form.startswith("roman") else ""
    told = numeral(count, case + kind if kind else "decimal")
    if form.endswith("ParenBoth"):
        return f"({told})"
    return told + (")" if form.endswith("ParenR") else "" if form.endswith("Plain") else ".")


def _table(table: etree._Element, page: int, last: RawBlock | None) -> list[RawBlock]:
    rows = []
    for line in (part for part in table if short(part) == "a:tr"):
        cells = []
        for cell in (part for part in line if short(part) == "a:tc"):
            if attribute(cell, "hMerge", "0") not in OFF:
                continue
            merged = attribute(cell, "vMerge", "0") not in OFF
            cells.append("" if merged else " ".join(gather(cell, Run()).text.split()))
        rows.append(cells)
    first = attribute(child(table, "a:tblPr"), "firstRow", "0") not in OFF
    return table_blocks(rows, headers=int(first), page=page, after=last)
