"""Composes what a parser read into one normalised text whose blocks have exact spans, pages and heading paths."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from citewell.core.errors import FileWithoutText
from citewell.core.languages import LIKELY, UNKNOWN, language_of
from citewell.core.types import Block, BlockKind, Document, document_id, text_version

SOFT_HYPHEN = "\u00ad"
# Controls that carry no text; tab and line feed stay for code blocks.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u200b\u2060\ufffe\uffff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
_TIGHT: frozenset[BlockKind] = frozenset({"list_item", "table_row"})
MAX_TITLE_CHARS = 300
MAX_LANGUAGE_CHARS = 35  # the longest language tag that RFC 5646 asks programs to hold


@dataclass(frozen=True, slots=True)
class RawBlock:
    """A block as a parser read it; `level` is the depth of a heading from 1."""

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser read of one file."""

    blocks: list[RawBlock]
    media_type: str
    title: str = ""
    language: str = "und"
    metadata: dict[str, str] = field(default_factory=dict)


def normalise_text(text: str, *, keep_lines: bool = False) -> str:
    """`text` in NFC, without control characters and soft hyphens; white space folded unless `keep_lines`."""
    clean = _SURROGATES.sub("\ufffd", text).replace(SOFT_HYPHEN, "")
    if not keep_lines:
        solid = _CONTROLS.sub("", _SPACES.sub(" ", clean))
        return unicodedata.normalize("NFC", _SPACES.sub(" ", solid)).strip()
    lines = (_CONTROLS.sub("", line).rstrip() for line in clean.expandtabs(4).splitlines())
    return unicodedata.normalize("NFC", "\n".join(lines)).strip("\n")


def metadata_text(value: object) -> str | None:
    """A value of metadata as text; a list of such values separated by commas; None for what is nested deeper."""
    if isinstance(value, list | tuple):
        told = [metadata_text(part) for part in value if not isinstance(part, list | tuple)]
        return ", ".join(part for part in told if part is not None)
    return str(value) if isinstance(value, str | int | float) or hasattr(value, "isoformat") else None


def compose_document(parsed: Parsed, *, source: str, path: str, acl: tuple[str, ...] = ()) -> Document:
    """The Document of one parsed file; raises FileWithoutText when no block holds text.

    Blocks are joined by a blank line, list items and table rows of one run by a line break.
    """
    pieces: list[str] = []
    blocks: list[Block] = []
    headings: list[tuple[int, str]] = []
    at = 0
    previous: BlockKind | None = None
    for raw in parsed.blocks:
        text = normalise_text(raw.text, keep_lines=raw.kind == "code")
        if not text.strip():
            continue
        if previous is not None:
            glue = "\n" if raw.kind == previous and raw.kind in _TIGHT else "\n\n"
            pieces.append(glue)
            at += len(glue)
        if raw.kind == "heading":
            while headings and headings[-1][0] >= raw.level:
                headings.pop()
            headings.append((raw.level, text))
        path_of_headings = tuple(heading for _, heading in headings)
        blocks.append(Block(at, at + len(text), raw.kind, raw.page, path_of_headings))
        pieces.append(text)
        at += len(text)
        previous = raw.kind
    text = "".join(pieces)
    if not text:
        raise FileWithoutText("it holds no text")
    return Document(
        doc_id=document_id(source, path),
        version=text_version(text),
        uri=f"{source}/{path}" if source else path,
        title=_title(parsed, path),
        text=text,
        media_type=parsed.media_type,
        language=_language(parsed, text),
        metadata={normalise_text(name): normalise_text(value) for name, value in parsed.metadata.items()},
        acl=acl,
        blocks=tuple(blocks),
    )


def _language(parsed: Parsed, text: str) -> str:
    """What the document says of its language, else what its words tell."""
    declared = normalise_text(parsed.language)[:MAX_LANGUAGE_CHARS]
    return declared if declared not in {"", UNKNOWN} else language_of(text, least=LIKELY)


def _title(parsed: Parsed, path: str) -> str:
    first_heading = next((b.text for b in parsed.blocks if b.kind == "heading"), "")
    title = normalise_text(parsed.title) or normalise_text(first_heading) or PurePosixPath(path).stem
    return title[:MAX_TITLE_CHARS]
