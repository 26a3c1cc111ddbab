"""Markdown (CommonMark with tables): headings, paragraphs, list items, table rows, code, without the marks."""

from __future__ import annotations

import re
from dataclasses import replace

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from citewell.core.errors import FileRejected
from citewell.ingest.normalise import metadata_text
from citewell.ingest.parsed import Parsed, RawBlock, Reading, row
from citewell.ingest.parsers.text.plain import decode, lines_place
from citewell.ingest.parsers.web import body

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
# Linear in the text: a comment that is not closed ends with the text, and a tag holds no further bracket.
_TAGS = re.compile(r"<!--.*?(?:-->|\Z)|</?[a-zA-Z][^<>]*>", re.DOTALL)
_FOOTNOTE = re.compile(r"^( {0,3})\[\^([^\]\s\[]{1,80})\]:", re.MULTILINE)
_LINE_BREAK = re.compile(r"<(?:br|p|/p|div|/div|li|td)\b", re.IGNORECASE)
MAX_NESTING = 60  # of lists and quotations; markdown-it leaves out what lies deeper


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a Markdown file; title and language from its front matter where it has one."""
    del reading
    text = decode(data).replace("\r\n", "\n")
    front, rest = _front_matter(text)
    language = front.get("lang") or front.get("language") or "und"
    blocks = blocks_of(rest, first_line=text[: len(text) - len(rest)].count("\n") + 1)
    return Parsed(blocks, "text/markdown", title=front.get("title", ""), language=language, metadata=front)


def blocks_of(text: str, first_line: int | None = 1) -> list[RawBlock]:
    """The blocks of a Markdown text that begins in line `first_line` of its file; without places when that is None."""
    # A footnote of one word looks like the target of a link, which is shown nowhere.
    shown = _FOOTNOTE.sub(r"\1\\[^\2]:", text)
    reader = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])
    return _Blocks(first_line).read(reader.parse(shown))


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, text
    try:
        values = yaml.safe_load(match.group(1))
    except yaml.YAMLError:
        return {}, text
    if not isinstance(values, dict):
        return {}, text
    told = {str(name): metadata_text(value) for name, value in values.items()}
    return {name: value for name, value in told.items() if value is not None}, text[match.end() :]


class _Blocks:
    def __init__(self, first_line: int | None) -> None:
        self._first_line = first_line
        self._blocks: list[RawBlock] = []
        self._row: list[str] | None = None
        self._in_head = False
        self._item_depth = 0
        self._place = ""

    def read(self, tokens: list[Token]) -> list[RawBlock]:
        """The blocks of the tokens."""
        before: Token | None = None
        for token in tokens:
            self._take_place(token)
            if token.type in {"list_item_open", "list_item_close"}:
                self._item_depth += token.nesting
            elif token.type in {"thead_open", "thead_close"}:
                self._in_head = token.nesting > 0
            elif token.type in {"tr_open", "tr_close"}:
                self._take_row(token)
            elif token.type == "table_close":
                self._end_table()
            elif token.type in {"fence", "code_block"}:
                self._add(RawBlock("code", token.content))
            elif token.type == "html_block":
                for block in _html(token.content):
                    self._add(block)
            elif token.type == "inline":
                self._take_text(_inline_text(token), before)
            before = token
        return self._blocks

    def _take_place(self, token: Token) -> None:
        if token.map and self._first_line is not None:
            first = self._first_line + token.map[0]
            self._place = lines_place(first, self._first_line + token.map[1] - 1)

    def _end_table(self) -> None:
        """A table of one row names no columns."""
        if self._blocks[-1].kind == "table_header":
            self._blocks[-1] = replace(self._blocks[-1], kind="table_row")

    def _add(self, block: RawBlock) -> None:
        self._blocks.append(replace(block, place=self._place))

    def _take_row(self, token: Token) -> None:
        if token.nesting > 0:
            self._row = []
        elif self._row is not None:
            self._add(RawBlock("table_header" if self._in_head else "table_row", row(self._row)))
            self._row = None

    def _take_text(self, text: str, before: Token | None) -> None:
        if self._row is not None:
            self._row.append(text)
        elif before is not None and before.type == "heading_open":
            self._add(RawBlock("heading", text, level=int(before.tag[1:])))
        else:
            self._add(RawBlock("list_item" if self._item_depth else "paragraph", text))


def _html(content: str) -> list[RawBlock]:
    """The blocks of HTML between the Markdown: a comment holds none."""
    try:
        return body.blocks_of(content)
    except FileRejected:
        return [RawBlock("paragraph", _TAGS.sub(" ", content))]


def _inline_text(token: Token) -> str:
    parts: list[str] = []
    for child in token.children or []:
        if child.type in {"softbreak", "hardbreak"} or (
            child.type == "html_inline" and _LINE_BREAK.match(child.content)
        ):
            parts.append(" ")
        elif child.type in {"text", "code_inline", "image"}:
            parts.append(child.content)
    return "".join(parts)
