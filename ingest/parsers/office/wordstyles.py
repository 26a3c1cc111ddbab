"""What the styles of a Word document say of a paragraph: heading and its level, title, list, code, or an entry of a table of contents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from citewell.ingest.parsers.office.packages import attribute, child, number, short

MAX_CHAIN = 20  # of styles based on one another; a circle ends here
# Word writes the English names of its own styles whatever its language; other programs write their language's.
_HEADING = re.compile(
    r"(?:heading|überschrift|titre|título|titulo|titolo|kop|rubrik|overskrift|otsikko|nadpis|nagłówek|címsor|başlık|заголовок"
    r"|επικεφαλίδα|標題|标题|見出し|제목)\s*([1-9])",
    re.IGNORECASE,
)
_TITLES = frozenset(["title", "titel", "titre", "título", "titulo", "titolo", "otsikko", "tytuł", "cím", "název", "название", "τίτλος", "表題", "标题", "제목"])  # fmt: skip
_CODE = re.compile(r"(?:source )?code(?: block)?|html preformatted|preformatted text|quellcode|listing|verbatim", re.IGNORECASE)  # fmt: skip
_CONTENTS = re.compile(r"(?:toc|verzeichnis|tm|tdc|sommario|inhopg|contents)\s*[1-9]", re.IGNORECASE)
BODY_LEVEL = 9  # the outline level that says: no heading (ECMA-376, part 1, 17.3.1.20)


@dataclass(frozen=True, slots=True)
class Style:
    """What a style says itself, and the style it is based on."""

    name: str = ""
    base: str = ""
    outline: int | None = None
    list_id: str = ""
    list_level: int | None = None


@dataclass(slots=True)
class Styles:
    """The paragraph styles of a document by their ids."""

    _styles: dict[str, Style] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element | None) -> Styles:
        """The styles that `styles.xml` defines."""
        made = cls()
        for entry in root if root is not None else ():
            if short(entry) == "w:style":
                made._styles[attribute(entry, "styleId")] = _style(entry)
        return made

    def chain(self, style_id: str) -> list[Style]:
        """The style, and those it is based on."""
        made: list[Style] = []
        while style_id in self._styles and len(made) < MAX_CHAIN:
            made.append(self._styles[style_id])
            style_id = made[-1].base
        return made

    def numbering(self, properties: etree._Element | None, style_id: str) -> tuple[str, int]:
        """The list a paragraph belongs to and its level in it from 0, by itself or by its style; an empty id for none."""
        own = child(properties, "w:numPr")
        list_id = attribute(child(own, "w:numId"), "val")
        told = attribute(child(own, "w:ilvl"), "val")
        level = number(told) if told else None
        for style in self.chain(style_id):
            list_id = list_id or style.list_id
            level = style.list_level if level is None else level
        return ("" if list_id == "0" else list_id), level or 0

    def heading(self, properties: etree._Element | None, style_id: str) -> int:
        """The level of a heading, 1 for the document's title; 0 for what is no heading."""
        own = attribute(child(properties, "w:outlineLvl"), "val")
        if own:
            return _outline(number(own))
        return next(
            (level for style in self.chain(style_id) if (level := _told_level(style.name, style.outline)) >= 0), 0
        )

    def says(self, style_id: str) -> str:
        """`list`, `code` or `contents` when the style's name says so, else nothing."""
        for style in self.chain(style_id):
            if _CONTENTS.fullmatch(style.name):
                return "contents"
            if _CODE.fullmatch(style.name):
                return "code"
            if re.match(r"list(?!ing)", style.name, re.IGNORECASE):
                return "list"
        return ""


def heading_level(name: str, outline: int | None) -> int:
    """The level of a heading by its style's name or its outline level from 0, 1 for the document's title; 0 for what is none."""
    return max(_told_level(name, outline), 0)


def _told_level(name: str, outline: int | None) -> int:
    """The same, and -1 where neither tells."""
    named = _HEADING.fullmatch(name)
    if named:
        return int(named.group(1)) + 1
    if name.lower() in _TITLES:
        return 1
    return -1 if outline is None else _outline(outline)


def _outline(level: int) -> int:
    return level + 2 if 0 <= level < BODY_LEVEL else 0


def _style(entry: etree._Element) -> Style:
    properties = child(entry, "w:pPr")
    outline = attribute(child(properties, "w:outlineLvl"), "val")
    level = attribute(child(properties, "w:numPr", "w:ilvl"), "val")
    return Style(
        name=" ".join(attribute(child(entry, "w:name"), "val").split()),
        base=attribute(child(entry, "w:basedOn"), "val"),
        outline=number(outline) if outline else None,
        list_id=attribute(child(properties, "w:numPr", "w:numId"), "val"),
        list_level=number(level) if level else None,
    )
