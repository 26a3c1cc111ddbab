"""HTML: the main content (not navigation, header or footer) with its headings, lists and tables, through trafilatura."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import trafilatura
from lxml import etree
from lxml import html as lxml_html

from citewell.core.errors import FileWithoutText
from citewell.ingest.normalise import Parsed, RawBlock

# What trafilatura says about pages it cannot use is said by our own errors.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def parse(data: bytes, max_unpacked_bytes: int) -> Parsed:
    """Blocks of the main content of an HTML page; of its whole body when no main content is found."""
    del max_unpacked_bytes
    tree = trafilatura.load_html(data)
    if tree is None:
        raise FileWithoutText("it holds no readable HTML")
    title = " ".join((tree.findtext(".//title") or "").split())
    language = (tree.get("lang") or "und").split("-")[0].lower()
    blocks = _main_blocks(tree) or _body_blocks(data)
    return Parsed(blocks, "text/html", title=_heading_title(tree) or title, language=language)


def _heading_title(tree: etree._Element) -> str:
    headings = tree.findall(".//h1")
    return " ".join("".join(headings[0].itertext()).split()) if len(headings) == 1 else ""


def _main_blocks(tree: etree._Element) -> list[RawBlock]:
    xml = trafilatura.extract(
        tree, output_format="xml", include_tables=True, include_comments=False, include_formatting=False, favor_recall=True,
        deduplicate=False,
    )  # fmt: skip
    if not xml:
        return []
    blocks: list[RawBlock] = []
    main = etree.fromstring(xml.encode(), etree.XMLParser(resolve_entities=False, no_network=True)).find(".//main")
    for element in main if main is not None else []:
        _append(element, blocks)
    return blocks


def _append(element: etree._Element, blocks: list[RawBlock]) -> None:
    if element.tag == "head":
        rend = element.get("rend", "h2")
        blocks.append(RawBlock("heading", _text(element), level=int(rend[1:]) if rend[1:].isdigit() else 2))
    elif element.tag == "list":
        blocks.extend(RawBlock("list_item", _own_text(item)) for item in element.iter("item"))
    elif element.tag == "table":
        blocks.extend(
            RawBlock("table_row", " | ".join(_text(cell) for cell in row.iter("cell"))) for row in element.iter("row")
        )
    elif element.tag == "code":
        blocks.append(RawBlock("code", "".join(element.itertext())))
    elif element.tag == "div" and len(element):
        for child in element:
            _append(child, blocks)
    else:
        blocks.append(RawBlock("paragraph", _text(element)))


def _text(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _own_text(item: etree._Element) -> str:
    """The text of a list item without that of the lists inside it, which are items of their own."""

    def gather(element: etree._Element) -> Iterator[str]:
        yield element.text or ""
        for child in element:
            if child.tag not in _LISTS:
                yield from gather(child)
            yield child.tail or ""

    return " ".join(" ".join(gather(item)).split())


_LISTS = frozenset({"list", "ul", "ol"})
_BLOCK_TAGS = {
    "p": "paragraph",
    "li": "list_item",
    "tr": "table_row",
    "pre": "code",
    "blockquote": "paragraph",
    "dd": "paragraph",
}


def _body_blocks(data: bytes) -> list[RawBlock]:
    body = lxml_html.document_fromstring(data).find("body")
    if body is None:
        return []
    for element in list(body.iter("script", "style", "nav", "header", "footer", "template")):
        element.drop_tree()
    blocks: list[RawBlock] = []
    for element in body.iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            blocks.append(RawBlock("heading", _text(element), level=int(element.tag[1])))
        elif element.tag == "tr":
            blocks.append(RawBlock("table_row", " | ".join(_text(cell) for cell in element)))
        elif element.tag in _BLOCK_TAGS and element.find(".//p") is None:
            item = element.tag == "li"
            blocks.append(
                RawBlock("list_item" if item else "paragraph", _own_text(element) if item else _text(element))
            )
    return blocks or [RawBlock("paragraph", _text(body))]
