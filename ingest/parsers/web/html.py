"""HTML: what a reader of the page came for, with its headings, lists and tables; menus, headers and footers left out.

The page's own structure is kept (ingest/parsers/body). A page with furniture is also given to trafilatura, whose word settles which part
of it is the main content; a page without, and a small one, is kept whole.
"""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import trafilatura

from citewell.core.errors import FileWithoutText
from citewell.core.types import TABLE
from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.text.plain import decode
from citewell.ingest.parsers.web.body import AROUND, NAMED, NAVIGATION, Piece, tree_of, walk
from citewell.ingest.parsers.web.layout import name_of

# What trafilatura says about pages it cannot use is said by our own errors.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)

MIN_CHROME_WORDS = 150  # a page of fewer words has no furniture that is worth a guess
MIN_LINK_SHARE = 0.25  # of a page's text: more is found on pages with menus that no class names
KNOWN_SHARE = 0.25  # of a list or table must be known for all of it to be content
LINKED = 0.6  # of a text: it leads elsewhere rather than says something
MAX_LOST_SHARE = 0.3  # of the page's unlinked text: when more would be left out, the choice is not trusted
MAX_CHOOSING_CHARS = 5_000_000  # of a page; the structure of a longer one is not weighed, only walked
DECLARED_WITHIN = 4096  # bytes in which a page names its encoding
_CHARSET = re.compile(rb"""(?:<meta[^>]{0,200}?charset\s*=\s*["']?|<\?xml[^>]{0,100}?encoding\s*=\s*["'])\s*([\w.:-]+)""", re.IGNORECASE)  # fmt: skip
# Names that stand for more than they say: https://encoding.spec.whatwg.org/#names-and-labels
_WIDER = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "tis-620": "cp874"}  # fmt: skip
_WORD = re.compile(r"\w+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_META = {"author": "author", "dc.creator": "author", "dcterms.creator": "author", "article:author": "author", "description": "description", "og:description": "description", "dc.description": "description", "keywords": "keywords", "subject": "subject", "dc.subject": "subject", "date": "date", "dc.date": "date", "dcterms.date": "date", "dcterms.created": "date", "article:published_time": "date", "datepublished": "date", "pubdate": "date", "last-modified": "date"}  # fmt: skip


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of the main content of an HTML page; of its whole body when it has no furniture. Raises FileWithoutText, FileBroken."""
    del reading
    text = decode_markup(data)
    tree = tree_of(text)
    if tree is None:
        raise FileWithoutText("it holds no readable HTML")
    pieces = walk(tree)
    blocks = [piece.block for piece in _main(pieces, text)]
    title, language, metadata = page_facts(tree)
    names = [block.text for block in blocks if block.kind == "heading" and block.level == 1]
    return Parsed(
        blocks, "text/html", title=names[0] if len(names) == 1 else title, language=language, metadata=metadata
    )


def decode_markup(data: bytes) -> str:
    """The text of a page in the encoding that it declares, when it is one and fits; else as any text is decoded."""
    if not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        declared = _CHARSET.search(data[:DECLARED_WITHIN])
        name = _codec(declared.group(1).decode("ascii", "replace")) if declared else ""
        if name and name != "utf-8":
            return data.decode(name, "replace")
    return decode(data)


def page_facts(tree: Any) -> tuple[str, str, dict[str, str]]:
    """Title, language and metadata from the head of a page."""
    title, language = "", ""
    metadata: dict[str, str] = {}
    for element in tree.iter():
        name = name_of(element) if isinstance(element.tag, str) else ""
        if name in {"html", "body"}:
            language = (
                language or element.get("lang") or element.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
            )
        elif name == "title" and not title and name_of(element.getparent()) != "svg":
            title = " ".join("".join(element.itertext()).split())
        elif name == "meta":
            told = (element.get("name") or element.get("property") or element.get("itemprop") or "").lower()
            value = " ".join((element.get("content") or "").split())
            if (element.get("http-equiv") or "").lower() == "content-language":
                language = language or value
            elif told in _META and (found := _meta_value(_META[told], value)):
                metadata.setdefault(_META[told], found)
    return title, re.split("[-_,]", language.strip())[0].lower() or "und", metadata


def _meta_value(name: str, value: str) -> str:
    if name == "author" and "://" in value:
        return ""
    if name != "date":
        return value
    found = _DATE.match(value)
    try:
        return date.fromisoformat(found.group()).isoformat() if found else ""
    except ValueError:
        return ""


def _codec(name: str) -> str:
    """The codec of a declared encoding; empty when it is unknown, or cannot be the one in which the declaration was read."""
    try:
        told = codecs.lookup(name).name
        "a".encode(told)
    except (LookupError, ValueError, TypeError):
        return ""
    if told.startswith(("utf-16", "utf-32", "utf_7", "utf-7", "punycode", "idna", "unicode", "raw", "mbcs", "cp65001")):
        return ""
    return _WIDER.get(told, told)


def _main(pieces: Sequence[Piece], text: str) -> Sequence[Piece]:
    """The pieces that are content: all when the page is nothing but furniture."""
    body = [piece for piece in pieces if piece.furniture < AROUND]
    if not any(piece.block.level == 1 for piece in body):
        body = [p for p in pieces if p.furniture < AROUND or (p.furniture == AROUND and p.block.level == 1)]
    body = body or [piece for piece in pieces if piece.furniture < NAVIGATION] or list(pieces)
    chars = sum(len(piece.block.text) for piece in body)
    words = sum(len(piece.block.text.split()) for piece in body)
    links = sum(piece.link_chars for piece in body)
    plain = len(body) == len(pieces) and links < chars * MIN_LINK_SHARE and all(p.furniture < NAMED for p in body)
    if plain or words < MIN_CHROME_WORDS or len(text) > MAX_CHOOSING_CHARS:
        return body
    return _chosen(body, text)


def _chosen(body: Sequence[Piece], text: str) -> Sequence[Piece]:
    """The pieces that trafilatura takes for content, and between them those that say something; all when too much would be lost."""
    told = _Said(trafilatura.extract(text, include_comments=False, include_tables=True, favor_recall=True) or "")
    known = [told.holds(piece.block.text) for piece in body]
    if not any(known):
        return body
    first, last = known.index(True), len(known) - 1 - known[::-1].index(True)
    while first and body[first - 1].block.kind == "heading" and body[first - 1].furniture < NAMED:
        first -= 1
    kept: list[Piece] = []
    for start, end in _runs_of_pieces(body):
        run = body[start:end]
        linked = sum(piece.link_chars for piece in run) >= LINKED * sum(len(piece.block.text) for piece in run)
        if run[0].furniture == NAMED and linked:
            continue
        is_known = sum(known[start:end]) > len(run) * KNOWN_SHARE
        if is_known or (first <= start <= last and run[0].furniture < NAMED and not linked):
            kept.extend(run)
    whole, left = _unlinked(body), _unlinked(kept)
    return kept if left >= whole * (1 - MAX_LOST_SHARE) else body


def _runs_of_pieces(pieces: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """Where each piece begins and ends, tables and lists as wholes."""
    start = 0
    for at in range(1, len(pieces) + 1):
        before = pieces[at - 1]
        if at < len(pieces) and pieces[at].furniture == before.furniture and _together(before.block, pieces[at].block):
            continue
        yield start, at
        start = at


def _together(block: RawBlock, following: RawBlock) -> bool:
    in_table = block.kind in TABLE and following.kind == "table_row"
    return in_table or (block.kind == following.kind == "list_item")


def _unlinked(pieces: Sequence[Piece]) -> int:
    return sum(max(0, len(piece.block.text) - piece.link_chars) for piece in pieces if piece.furniture < NAMED)


class _Said:
    """What a text says, asked by runs of three words: in time that grows with the question, not with the text."""

    def __init__(self, text: str) -> None:
        self._runs = set(_runs(text))
        self._lines = {" ".join(_WORD.findall(line.lower())) for line in text.splitlines()}

    def holds(self, text: str) -> bool:
        """Whether most of `text` is in it; a text of one or two words must be a line of it."""
        runs = list(_runs(text))
        if not runs:
            return " ".join(_WORD.findall(text.lower())) in self._lines
        return sum(run in self._runs for run in runs) >= 0.6 * len(runs)


def _runs(text: str) -> Iterator[tuple[str, str, str]]:
    words = _WORD.findall(text.lower())
    return zip(words, words[1:], words[2:], strict=False)
