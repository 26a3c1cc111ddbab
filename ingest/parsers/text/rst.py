"""reStructuredText through docutils: no file is included, no raw output passed on, and no settings are read from the text."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree
from docutils.utils import SystemMessage

from citewell.core.errors import FileBroken
from citewell.core.types import BlockKind
from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.text.plain import decode, lines_place
from citewell.ingest.parsers.text.rows import table
from citewell.ingest.parsers.web import body

_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": "",
    "line_length_limit": 10_000_000,
}
MAX_UNKNOWN_DEPTH = 4  # of directives that docutils does not know, one in another
_ROLE = re.compile(r":[\w:.+-]{1,60}:`([^`]*)`")
_TARGET = re.compile(r"\s*<[^<>]*>\s*\Z")
_DIRECTIVE = re.compile(r"\s*\.\.\s+(?:\|[^|\n]*\|\s+)?([\w:.+-]+)::[ \t]*(.*)")
_OPTION = re.compile(r"\s*:[\w-]+:.*")
# Directives without a text of their own: what they name stands elsewhere.
_EMPTY = frozenset(["toctree", "include", "literalinclude", "index", "highlight", "currentmodule", "image", "contents", "tabularcolumns", "csv-table"])  # fmt: skip
_PARAGRAPHS = (nodes.paragraph, nodes.caption, nodes.attribution, nodes.subtitle, nodes.rubric, nodes.line_block)
_SILENT = (nodes.comment, nodes.substitution_definition, nodes.target, nodes.meta, nodes.pending, nodes.Text)
_META = frozenset(["author", "date", "version", "organization", "keywords", "description", "subject", "lang", "language"])  # fmt: skip


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a reStructuredText file; title, author and date from its head."""
    del reading
    text = decode(data).replace("\r\n", "\n")
    reader = _Blocks()
    tree = _tree(text)
    reader.take(tree, 0)
    return Parsed(reader.blocks, "text/x-rst", title=str(tree.get("title", "")), metadata=reader.metadata)


def _tree(text: str) -> Any:
    try:
        return publish_doctree(text, settings_overrides=dict(_SETTINGS))
    except SystemMessage as error:
        raise FileBroken(f"it cannot be read: {str(error)[:200]}") from None


class _Blocks:
    def __init__(self, depth: int = 0) -> None:
        self.blocks: list[RawBlock] = []
        self.metadata: dict[str, str] = {}
        self._depth = depth
        self._items = 0

    def take(self, node: Any, level: int) -> None:
        """Adds what a node says; `level` is how many sections it lies in."""
        if isinstance(node, nodes.system_message):
            self._unknown(node, level)
        elif isinstance(node, nodes.title):
            section = isinstance(node.parent, nodes.section | nodes.document)
            self._add(node, _text(node), "heading" if section else "paragraph", max(1, level) if section else 0)
        elif isinstance(node, nodes.literal_block | nodes.doctest_block | nodes.math_block):
            self._add(node, node.astext(), "code")
        elif isinstance(node, nodes.table):
            self._table(node)
        elif isinstance(node, _PARAGRAPHS):
            self._add(node, _text(node), "list_item" if self._items else "paragraph")
        elif isinstance(node, nodes.definition_list_item | nodes.option_list_item | nodes.field):
            self._named(node, level)
        elif isinstance(node, nodes.Bibliographic) and not isinstance(node, nodes.topic | nodes.authors):
            self._fact(node.tagname, _text(node))
        elif not isinstance(node, _SILENT):
            self._take_rest(node, level)

    def _take_rest(self, node: Any, level: int) -> None:
        if isinstance(node, nodes.image):
            self._add(node, str(node.get("alt", "")))
        elif isinstance(node, nodes.footnote | nodes.citation):
            label = node.children[0].astext() if node.children else ""
            self._add(node, f"[{label}] " + " ".join(_text(child) for child in node.children[1:]))
        else:
            self._inside(node, level)

    def _inside(self, node: Any, level: int) -> None:
        level += isinstance(node, nodes.section)
        items = isinstance(node, nodes.list_item)
        self._items += items
        for child in node.children:
            self.take(child, max(level, 1) if isinstance(node, nodes.document) else level)
        self._items -= items

    def _add(self, node: Any, text: str, kind: BlockKind = "paragraph", level: int = 0) -> None:
        line = next((at.line for at in (node, node.parent) if at is not None and at.line), None)
        place = lines_place(line, line) if line and not self._depth else ""
        self.blocks.append(RawBlock(kind, text, level=level, place=place))

    def _named(self, node: Any, level: int) -> None:
        """A term with its definition, an option with its description, or a field with its value."""
        option = isinstance(node, nodes.option_list_item)
        names = [child.astext() if option else _text(child) for child in node.children[:-1]]
        last = node.children[-1]
        name = ", ".join(part for part in names if part)
        first = next(iter(last.children), None)
        if isinstance(node, nodes.field) and isinstance(node.parent, nodes.docinfo):
            self._fact(name, _text(last))
        elif isinstance(first, nodes.paragraph):
            self._add(node, f"{name}: {_text(first)}", "list_item")
            for child in last.children[1:]:
                self.take(child, level)
        else:
            self._add(node, name, "list_item")
            self._inside(last, level)

    def _fact(self, name: str, value: str) -> None:
        """A field of the head of the document: a fact when its name says so, and text in any case, since a reader sees it."""
        if name.lower() in _META:
            self.metadata.setdefault(name.lower(), value)
        self.blocks.append(RawBlock("paragraph", f"{name[:1].upper()}{name[1:]}: {value}"))

    def _table(self, node: Any) -> None:
        for title in node.children:
            if isinstance(title, nodes.title):
                self._add(title, _text(title))
        heads = [r for head in node.findall(nodes.thead) for r in head.children]
        rows = [*heads, *(r for rest in node.findall(nodes.tbody) for r in rest.children)]
        told = [[_text(cell) for cell in line.children] for line in rows]
        last = self.blocks[-1] if self.blocks else None
        place = lines_place(node.line, node.line) if node.line and not self._depth else ""
        self.blocks.extend(table(told, headers=len(heads), place=place, after=last))

    def _unknown(self, node: Any, level: int) -> None:
        """The text of a directive that docutils does not know, or may not run."""
        source = next((child.astext() for child in node.children if isinstance(child, nodes.literal_block)), "")
        match = _DIRECTIVE.match(source)
        if not match or match.group(1) in _EMPTY or self._depth >= MAX_UNKNOWN_DEPTH:
            return
        rest = source[match.end() :].strip("\n").split("\n")
        while rest and _OPTION.fullmatch(rest[0]):
            rest.pop(0)
        content = dedent("\n".join(rest))
        if match.group(1) == "raw":
            self.blocks.extend(body.blocks_of(content) if "html" in match.group(2) else [])
            return
        self.blocks.append(RawBlock("list_item" if self._items else "paragraph", match.group(2)))
        if content.strip():
            inner = _Blocks(self._depth + 1)
            inner.take(_tree(content), level)
            self.blocks.extend(inner.blocks)


def _text(node: Any) -> str:
    """The text within a node; of a role that docutils does not know, what it says."""
    parts: list[str] = []
    for part in node.findall(nodes.Text):
        told = part.astext()
        if isinstance(part.parent, nodes.problematic):
            told = _ROLE.sub(lambda match: _TARGET.sub("", match.group(1)), told)
        elif isinstance(part.parent, nodes.footnote_reference | nodes.citation_reference):
            told = f"[{told}]"
        above = part.parent
        ends = isinstance(above, nodes.paragraph | nodes.line | nodes.term) and part is above.children[-1]
        parts.append(f"{told} " if ends else told)
    return " ".join("".join(parts).split())
