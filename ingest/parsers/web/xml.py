"""XML: items of a feed as headings with their text, records as rows of a table, any other XML as its text by element."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from html.entities import html5
from itertools import groupby
from typing import Any

from lxml import etree

from citewell.core.errors import FileBroken, FileUnsafe
from citewell.ingest.parsed import Parsed, RawBlock, Reading, row
from citewell.ingest.parsers.text.rows import table
from citewell.ingest.parsers.web import body, html
from citewell.ingest.parsers.web.layout import name_of

MAX_ENTITY_CHARS = 500  # of one that a document declares; those that stand for a name or a notice are shorter
MAX_FIELD_CHARS = 300  # of a record's field; what is longer is text
MAX_LEVEL = 6
_REFERENCE = re.compile(r"&(\w+);")
_TITLES = frozenset(["title", "head", "heading", "titel"])
_ROWS = frozenset(["row", "tr"])
_PROSE = frozenset(["p", "para", "simpara", "li", "item", "listitem", "entry", "line", "l"]) | _TITLES
_CONTENT = ("encoded", "content", "description", "summary")
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of an XML file. Raises FileUnsafe when it declares entities that name other files or entities, FileBroken."""
    root = read_tree(data, reading.max_unpacked_bytes)
    name = name_of(root)
    if name == "html":
        return html.parse(data, reading)
    reader = _Elements(_entities(root))
    if name in {"rss", "rdf", "feed"}:
        return _feed(root, reader)
    reader.take(root, 1)
    language = root.get(_LANG) or root.get("lang") or ""
    return Parsed(reader.blocks, "application/xml", language=language.split("-")[0].lower() or "und")


def read_tree(data: bytes, max_unpacked_bytes: int) -> Any:
    """The root element of XML with nothing resolved. Raises FileUnsafe for entities that do harm, FileBroken for what is no XML."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data.lstrip(), parser)
    except etree.XMLSyntaxError as error:
        told = str(error)
        if "ntity" in told and re.search("amplification|loop|recursi", told):
            raise FileUnsafe("its entities unpack to far more than they are") from None
        if "xcessive depth" in told:
            raise FileBroken("it is nested too deeply") from None
        raise FileBroken(f"its XML is damaged or cut off: {told[:200]}") from None
    longest = max((len(value) for value in _entities(root).values()), default=0)
    if data.count(b"&") * longest > max_unpacked_bytes:
        raise FileUnsafe("its entities unpack to far more than they are")
    return root


def _entities(root: Any) -> dict[str, str]:
    """The entities that the document declares, by name; raises FileUnsafe for one that names a file or other entities, or is long."""
    declared = root.getroottree().docinfo.internalDTD
    found: dict[str, str] = {}
    for entity in declared.iterentities() if declared is not None else ():
        if entity.content is None or entity.system_url is not None:
            raise FileUnsafe(f"its entity {str(entity.name)[:80]!r} names another file")
        if re.search(r"[&%<]", entity.content) or len(entity.content) > MAX_ENTITY_CHARS:
            raise FileUnsafe(f"its entity {str(entity.name)[:80]!r} holds other entities, markup or a long text")
        found[str(entity.name)] = entity.content
    return found


class _Elements:
    """Collects the blocks of elements."""

    def __init__(self, entities: Mapping[str, str]) -> None:
        self.blocks: list[RawBlock] = []
        self._entities = entities

    def text(self, element: Any) -> str:
        """The text within an element, folded."""
        told = "".join(element.itertext())
        if "&" in told:
            told = _REFERENCE.sub(self._meaning, told)
        return " ".join(told.split())

    def take(self, element: Any, level: int) -> None:
        """Adds what an element says; `level` is that of a title in it."""
        name, children, place = name_of(element), _children(element), _place(element)
        mixed = bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)
        if name in _ROWS and children:
            head = name_of(element.getparent()) == "thead" if element.getparent() is not None else False
            told = row(self.text(child) for child in children)
            self.blocks.append(RawBlock("table_header" if head else "table_row", told, place=place))
        elif mixed or not children:
            self._leaf(element, name, level, place)
        elif fields := self._fields(element):
            told = "; ".join(f"{label}: {value}" for label, value in fields if value)
            self.blocks.append(RawBlock("paragraph", told, place=place))
        else:
            self._group(children, level + 1)

    def _leaf(self, element: Any, name: str, level: int, place: str) -> None:
        text = self.text(element)
        if name in _TITLES:
            self.blocks.append(RawBlock("heading", text, level=min(max(1, level - 1), MAX_LEVEL), place=place))
        elif text:
            self.blocks.append(RawBlock("paragraph", text, place=place))
        elif fields := self._fields(element):
            told = "; ".join(f"{label}: {value}" for label, value in fields)
            self.blocks.append(RawBlock("paragraph", told, place=place))

    def _group(self, children: Sequence[Any], level: int) -> None:
        """Adds elements one after the other; records of the same shape as a table."""
        for labels, group in groupby(children, key=self._shape):
            members = list(group)
            if not labels or len(members) < 2:
                for member in members:
                    self.take(member, level)
                continue
            rows = [list(labels[1:])] + [[value for _, value in self._fields(member)] for member in members]
            last = self.blocks[-1] if self.blocks else None
            self.blocks.extend(table(rows, headers=1, place=_place(members[0]), after=last))

    def _shape(self, element: Any) -> tuple[str, ...]:
        """The element's name and those of its fields; empty when it is no record."""
        fields = self._fields(element)
        return (name_of(element), *(label for label, _ in fields)) if fields else ()

    def _fields(self, element: Any) -> list[tuple[str, str]]:
        """The fields of a record: its attributes and elements by name; none when it is text or holds more than fields."""
        children = _children(element)
        names = [name_of(child) for child in children]
        told = [(key, value.strip()) for key, value in element.attrib.items() if "}" not in key]
        if not children:
            return [] if self.text(element) or name_of(element) in _PROSE else told
        if len(set(names)) < 2 or not _PROSE.isdisjoint(set(names) - _TITLES) or (element.text or "").strip():
            return []
        for name, child in zip(names, children, strict=True):
            value = self.text(child)
            if len(child) or (child.tail or "").strip() or len(value) > MAX_FIELD_CHARS:
                return []
            told.append((name, value))
        return told

    def _meaning(self, match: re.Match[str]) -> str:
        name = match.group(1)
        return self._entities.get(name) or html5.get(f"{name};") or match.group()


def _children(element: Any) -> list[Any]:
    return [child for child in element if isinstance(child.tag, str)]


def _place(element: Any) -> str:
    line = element.sourceline or 0
    return f"line {line}" if 0 < line < 65_535 else ""  # higher ones are not told apart


def _feed(root: Any, reader: _Elements) -> Parsed:
    """The blocks of RSS or Atom: what the feed is, then each item."""
    channel = next((child for child in _children(root) if name_of(child) == "channel"), root)
    items = [e for e in root.iter(etree.Element) if name_of(e) in {"item", "entry"} and e.getparent() in (channel, root)]  # fmt: skip
    head = {name_of(child): child for child in reversed(_children(channel))}
    title = _said(head, reader, "title")
    blocks = [RawBlock("heading", title, level=1)]
    about = _said(head, reader, "description", "subtitle", "tagline")
    blocks.append(RawBlock("paragraph", about))
    for number, item in enumerate(items, 1):
        blocks.extend(_item(item, reader, f"item {number}"))
    told = {"date": _date(_said(head, reader, "lastbuilddate", "pubdate", "updated", "date")), "author": _said(head, reader, "managingeditor", "author", "creator")}  # fmt: skip
    language = _said(head, reader, "language") or root.get(_LANG) or ""
    media_type = "application/atom+xml" if name_of(root) == "feed" else "application/rss+xml"
    return Parsed(blocks, media_type, title=title, language=language.split("-")[0].lower() or "und",
                  metadata={name: value for name, value in told.items() if value})  # fmt: skip


def _item(item: Any, reader: _Elements, place: str) -> list[RawBlock]:
    head = {name_of(child): child for child in reversed(_children(item))}
    title = _plain(_said(head, reader, "title"))
    byline = [_said(head, reader, "creator", "author"), _said(head, reader, "pubdate", "published", "updated", "date")]
    blocks = [RawBlock("heading", title, level=2, place=place)]
    blocks.append(RawBlock("paragraph", ", ".join(part for part in byline if part), place=place))
    told = ""
    for name in _CONTENT:
        if name in head:
            found = body.blocks_of(_html(head[name], reader))
            words = " ".join(block.text for block in found)
            # A summary that only begins the text is said already.
            if words.rstrip(" .…[]")[:80] in told:
                continue
            told += f" {words}"
            blocks.extend(RawBlock(b.kind, b.text, level=min(b.level + 2, 9) if b.level else 0, place=place) for b in found)  # fmt: skip
    return blocks


def _said(head: Mapping[str, Any], reader: _Elements, *names: str) -> str:
    """The text of the first of these elements that says something; of a person the name."""
    for name in names:
        element = head.get(name)
        if element is None:
            continue
        people = [child for child in _children(element) if name_of(child) == "name"]
        if text := reader.text(people[0] if people else element):
            return text
    return ""


def _html(element: Any, reader: _Elements) -> str:
    """The HTML that an element of a feed holds, as markup of its own or in an escaped form."""
    if _children(element):
        return str(etree.tostring(element, encoding="unicode", method="html", with_tail=False))
    told = "".join(element.itertext())
    return told if "<" in told or "&" in told else reader.text(element)


def _plain(text: str) -> str:
    """A title without the markup that some feeds escape in it."""
    if "<" not in text and "&" not in text:
        return text
    return " ".join(block.text for block in body.blocks_of(text)) or text


def _date(text: str) -> str:
    """A feed's date in ISO form, empty when it cannot be read."""
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (ValueError, TypeError, IndexError):
        return ""
