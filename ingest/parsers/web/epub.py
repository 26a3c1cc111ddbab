"""EPUB: the chapters of a book in the order of its spine, each through the walk over an HTML body."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from html.entities import html5
from typing import Any
from urllib.parse import unquote

from lxml import etree

from citewell.core.errors import FileBroken, FileEncrypted, FileUnsafe
from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.office.packages import Package
from citewell.ingest.parsers.web.body import NAVIGATION, tree_of, walk
from citewell.ingest.parsers.web.html import decode_markup
from citewell.ingest.parsers.web.layout import name_of
from citewell.ingest.parsers.web.xml import read_tree

MEDIA_TYPE = "application/epub+zip"
_CHAPTERS = frozenset(["application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"])
_FONTS = (".ttf", ".otf", ".woff", ".woff2", ".ttc", ".dfont", ".eot")
_NAMED = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z]\w{1,31};)")
_EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
MAX_CHAPTERS = 10_000


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a book, each with its chapter as its place. Raises FileEncrypted when its text is protected, FileBroken, FileTooLarge."""
    package = Package(data, reading)
    name = _root_file(package, reading)
    root = read_tree(package.read(name), reading.max_unpacked_bytes)
    manifest = {e.get("id", ""): e for e in root.iter(etree.Element) if name_of(e) == "item"}
    chapters = [manifest[ref] for ref in _spine(root) if ref in manifest and _is_chapter(manifest[ref])]
    folder = posixpath.dirname(name)
    paths = [_path(folder, chapter.get("href", "")) for chapter in chapters]
    _refuse_protected(package, reading, set(paths))
    blocks: list[RawBlock] = []
    warnings: list[str] = []
    for number, path in enumerate(paths, 1):
        if path not in package:
            warnings.append(f"chapter {number} is missing: {path}")
            continue
        blocks.extend(_chapter(package.read(path), f"chapter {number}"))
    title, language, metadata = _facts(root)
    return Parsed(blocks, MEDIA_TYPE, title=title, language=language, metadata=metadata, warnings=tuple(warnings))


def _root_file(package: Package, reading: Reading) -> str:
    """The part that describes the book."""
    if "META-INF/container.xml" in package:
        container = read_tree(package.read("META-INF/container.xml"), reading.max_unpacked_bytes)
        for element in container.iter(etree.Element):
            if name_of(element) == "rootfile" and element.get("full-path"):
                return unquote(element.get("full-path"))
    found = next((name for name in package.names() if name.endswith(".opf")), "")
    if not found:
        raise FileBroken("nothing in it says which its chapters are")
    return found


def _spine(root: Any) -> list[str]:
    """The ids of the book's parts as they are read; parts that are not read in order come where they stand."""
    found = [e.get("idref", "") for e in root.iter(etree.Element) if name_of(e) == "itemref"]
    return list(dict.fromkeys(found))[:MAX_CHAPTERS]


def _is_chapter(item: Any) -> bool:
    return item.get("media-type", "") in _CHAPTERS and "nav" not in item.get("properties", "").split()


def _path(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0]))).lstrip("/")


def _refuse_protected(package: Package, reading: Reading, chapters: set[str]) -> None:
    """Raises FileEncrypted when a chapter, or anything but fonts, is encrypted."""
    if "META-INF/encryption.xml" not in package:
        return
    root = read_tree(package.read("META-INF/encryption.xml"), reading.max_unpacked_bytes)
    covered = {_path("", e.get("URI", "")) for e in root.iter(etree.Element) if name_of(e) == "cipherreference"}
    text = {path for path in covered if not path.lower().endswith(_FONTS)}
    if text & chapters or any(path.lower().endswith((".xhtml", ".html", ".htm", ".xml")) for path in text):
        raise FileEncrypted("the book's text is encrypted", hint="Get the book without copy protection, then ingest again.")  # fmt: skip


def _chapter(data: bytes, place: str) -> Iterator[RawBlock]:
    tree = _tree(decode_markup(data))
    if tree is None:
        return
    if any(_is_contents(element) for element in tree.iter(etree.Element)):
        return
    for piece in walk(tree):
        block = piece.block
        if piece.furniture < NAVIGATION:
            yield RawBlock(block.kind, block.text, level=block.level, place=place)


def _is_contents(element: Any) -> bool:
    """Whether an element is the book's own navigation."""
    return name_of(element) == "nav" and "toc" in (element.get(_EPUB_TYPE) or element.get("epub:type") or "").split()


def _tree(text: str) -> Any:
    """The tree of a chapter: as XML, in which elements may close themselves, else as HTML. Raises FileUnsafe for entities."""
    if "<!ENTITY" in text:
        raise FileUnsafe("a chapter declares entities, which could reach for other files")
    plain = _NAMED.sub(lambda match: html5.get(match.group(1), match.group()), text)
    plain = re.sub(r"\A\s*<\?xml[^>]*\?>", "", plain)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(plain.strip().encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return tree_of(text)


def _facts(root: Any) -> tuple[str, str, dict[str, str]]:
    """Title, language and metadata of the book."""
    told: dict[str, list[str]] = {}
    for element in root.iter(etree.Element):
        text = " ".join("".join(element.itertext()).split())
        if str(element.tag).startswith("{http://purl.org/dc/elements/1.1/}") and text:
            told.setdefault(name_of(element), []).append(text)
    metadata = {"author": ", ".join(told.get("creator", [])), "subject": ", ".join(told.get("subject", [])),
                "publisher": ", ".join(told.get("publisher", [])), "description": " ".join(told.get("description", []))}  # fmt: skip
    date = told.get("date", [""])[0]
    if re.match(r"\d{4}-\d{2}-\d{2}", date):
        metadata["date"] = date[:10]
    language = told.get("language", [""])[0].split("-")[0].lower()
    return told.get("title", [""])[0], language or "und", {name: value for name, value in metadata.items() if value}
