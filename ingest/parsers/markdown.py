"""Markdown (CommonMark with tables): headings, paragraphs, list items, table rows, code, without the marks."""

from __future__ import annotations

import re

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from citewell.ingest.normalise import Parsed, RawBlock, metadata_text
from citewell.ingest.parsers.plain import decode

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
# Linear in the text: a comment that is not closed ends with the text, and a tag holds no further bracket.
_TAGS = re.compile(r"<!--.*?(?:-->|\Z)|</?[a-zA-Z][^<>]*>", re.DOTALL)


def parse(data: bytes, max_unpacked_bytes: int) -> Parsed:
    """Blocks of a Markdown file; title and language from its front matter where it has one."""
    del max_unpacked_bytes
    text = decode(data).replace("\r\n", "\n")
    front, body = _front_matter(text)
    blocks = _blocks(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body))
    return Parsed(
        blocks, "text/markdown", title=front.get("title", ""), language=front.get("lang", "und"), metadata=front
    )


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


def _blocks(tokens: list[Token]) -> list[RawBlock]:
    blocks: list[RawBlock] = []
    row: list[str] | None = None
    item_depth = 0
    for position, token in enumerate(tokens):
        if token.type in {"list_item_open", "list_item_close"}:
            item_depth += token.nesting
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            blocks.append(RawBlock("table_row", " | ".join(row)))
            row = None
        elif token.type in {"fence", "code_block"}:
            blocks.append(RawBlock("code", token.content))
        elif token.type == "html_block":
            blocks.append(RawBlock("paragraph", _TAGS.sub(" ", token.content)))
        elif token.type == "inline":
            text = _inline_text(token)
            if row is not None:
                row.append(text)
            elif tokens[position - 1].type == "heading_open":
                blocks.append(RawBlock("heading", text, level=int(tokens[position - 1].tag[1:])))
            else:
                blocks.append(RawBlock("list_item" if item_depth else "paragraph", text))
    return blocks


def _inline_text(token: Token) -> str:
    parts: list[str] = []
    for child in token.children or []:
        if child.type in {"softbreak", "hardbreak"}:
            parts.append(" ")
        elif child.type in {"text", "code_inline", "image"}:
            parts.append(child.content)
    return "".join(parts)
