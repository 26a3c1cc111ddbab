"""Composes what a parser read into one normalised text whose blocks have exact spans, pages, regions and heading paths."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from citewell.core.errors import FileWithoutText
from citewell.core.languages import LIKELY, UNKNOWN, language_of
from citewell.core.types import TABLE, Block, BlockKind, Document, Region, document_id, text_version
from citewell.ingest.parsed import Parsed, RawBlock

SOFT_HYPHEN = "\u00ad"
# Controls that carry no text, with the marks of writing direction; tab and line feed stay for code blocks.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufffe\uffff]"
)
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
# Shapes that stand for letters: Latin ligatures, and the joined forms of Arabic and Hebrew letters that a PDF's fonts name.
_SHAPES = re.compile(r"[\ufb00-\ufb4f\ufb50-\ufdc7\ufdf0-\ufdfb\ufe70-\ufefc]")
MAX_TITLE_CHARS = 300
MAX_PLACE_CHARS = 200
MAX_LANGUAGE_CHARS = 35  # the longest language tag that RFC 5646 asks programs to hold


def normalise_text(text: str, *, keep_lines: bool = False) -> str:
    """`text` in NFC, ligatures as letters, without control characters and soft hyphens; white space folded unless `keep_lines`."""
    clean = _SURROGATES.sub("\ufffd", text).replace(SOFT_HYPHEN, "")
    clean = _SHAPES.sub(lambda match: unicodedata.normalize("NFKC", match.group()), clean)
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
        text, starts = _block_text(raw)
        if not text.strip():
            continue
        if previous is not None:
            glue = "\n" if _tight(previous, raw.kind) else "\n\n"
            pieces.append(glue)
            at += len(glue)
        if raw.kind == "heading":
            while headings and headings[-1][0] >= raw.level:
                headings.pop()
            headings.append((raw.level, text))
        regions = tuple(Region(at + start, raw.lines[n].page, raw.lines[n].box) for n, start in starts)
        page = regions[0].page if regions else raw.page
        path_of_headings = tuple(heading for _, heading in headings)
        place = normalise_text(raw.place)[:MAX_PLACE_CHARS]
        blocks.append(Block(at, at + len(text), raw.kind, page, path_of_headings, place, regions))
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


def _tight(previous: BlockKind, kind: BlockKind) -> bool:
    """Whether two blocks stand under each other without a blank line."""
    return (previous == kind == "list_item") or (previous in TABLE and kind == "table_row")


def _block_text(raw: RawBlock) -> tuple[str, list[tuple[int, int]]]:
    """The normalised text of a block, and of each of its lines that holds text the number and where it begins in it."""
    keep = raw.kind == "code"
    if not raw.lines:
        return normalise_text(raw.text, keep_lines=keep), []
    between = "\n" if keep else " "
    text = ""
    starts: list[tuple[int, int]] = []
    for number, line in enumerate(raw.lines):
        told = normalise_text(line.text, keep_lines=keep)
        if not told.strip():
            continue
        glue = "" if line.glued or not text else between
        whole = text + glue + told
        # A line that begins with a mark for the letter before it would change that letter: the block is normalised whole then.
        if unicodedata.normalize("NFC", whole) != whole:
            return normalise_text(
                between.join([text, *(later.text for later in raw.lines[number:])]), keep_lines=keep
            ), starts
        starts.append((number, len(text) + len(glue)))
        text = whole
    return text, starts


def _language(parsed: Parsed, text: str) -> str:
    """What the document says of its language, else what its words tell."""
    declared = normalise_text(parsed.language)[:MAX_LANGUAGE_CHARS]
    return declared if declared not in {"", UNKNOWN} else language_of(text, least=LIKELY)


def _title(parsed: Parsed, path: str) -> str:
    first_heading = next((b.whole for b in parsed.blocks if b.kind == "heading"), "")
    title = normalise_text(parsed.title) or normalise_text(first_heading) or PurePosixPath(path).stem
    return title[:MAX_TITLE_CHARS]
