"""Between the rows of the catalog and the words that flow: documents, passages, blocks, and the checksums that tell damage."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from citewell.core.errors import IndexCorrupt
from citewell.core.types import Block, BlockKind, Chunk, Document, Region


def text_checksum(text: str) -> bytes:
    """Eight bytes that tell a damaged text from the one that was stored."""
    return blob_checksum(text.encode())


def blob_checksum(data: bytes) -> bytes:
    """Eight bytes that tell damaged data from what was stored."""
    return hashlib.blake2b(data, digest_size=8).digest()


def dump_blocks(blocks: Sequence[Block]) -> str:
    """Blocks as the catalog stores them: a list each, at whose end place and regions stand where there are any."""
    return json.dumps([_dump_block(block) for block in blocks], ensure_ascii=False, separators=(",", ":"))


def _dump_block(b: Block) -> list[object]:
    told: list[object] = [b.start_char, b.end_char, b.kind, b.page, list(b.heading_path)]
    if b.place or b.regions:
        told.append(b.place)
    if b.regions:
        told.append([[r.start_char - b.start_char, r.page, *r.box] for r in b.regions])
    return told


def load_blocks(stored: str) -> tuple[Block, ...]:
    """Blocks as `dump_blocks` wrote them."""
    return blocks_within(json.loads(stored))


LIST_ITEM = "list_item"


def blocks_within(stored: list[Any], start_char: int = 0, end_char: int | None = None) -> tuple[Block, ...]:
    """The blocks that touch a span, of those that stand in the catalog as this."""
    return tuple(
        _load_block(*told) for told in stored if told[1] > start_char and (end_char is None or told[0] < end_char)
    )


def lead_of(stored: list[Any], blocks: Sequence[Block]) -> Block | None:
    """What introduces the list within which these blocks of a document begin: the last block before them that is no item, unless it is a heading."""
    if not blocks or blocks[0].kind != LIST_ITEM:
        return None
    before = (told for told in reversed(stored) if told[0] < blocks[0].start_char and told[2] != LIST_ITEM)
    lead = next(before, None)
    return _load_block(*lead) if lead is not None and lead[2] == "paragraph" else None


def _load_block(
    start: int,
    end: int,
    kind: BlockKind,
    page: int | None,
    heading_path: list[str],
    place: str = "",
    regions: Sequence[list[Any]] = (),
) -> Block:
    shown = tuple(Region(start + at, on, (left, top, right, bottom)) for at, on, left, top, right, bottom in regions)
    return Block(start, end, kind, page, tuple(heading_path), place, shown)


def document_of_row(row: sqlite3.Row) -> Document:
    """The Document of a row of `documents`. Raises IndexCorrupt when the row is damaged."""
    try:
        return Document(
            doc_id=row["doc_id"], version=row["version"], uri=row["uri"], title=row["title"], text=row["text"],
            media_type=row["media_type"], language=row["language"], metadata=json.loads(row["metadata"]), acl=tuple(json.loads(row["acl"])),
            blocks=load_blocks(row["blocks"]),
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        raise _damaged(row["doc_id"]) from error


def _damaged(doc_id: str) -> IndexCorrupt:
    return IndexCorrupt(
        f"the text of document {doc_id} is damaged in the catalog",
        hint="Run `citewell index repair`, then ingest the document again.",
    )


def chunk_of_row(row: sqlite3.Row) -> Chunk:
    """The Chunk of a row of `chunks` joined with its document, its text in `body`.

    Raises IndexCorrupt when the text is not the one that was stored: SQLite itself does not notice a flipped bit.
    """
    if text_checksum(row["body"]) != row["checksum"]:
        raise _damaged(row["doc_id"])
    return Chunk(
        chunk_id=row["chunk_id"], doc_id=row["doc_id"], version=row["version"], start_char=row["start_char"], end_char=row["end_char"],
        text=row["body"], token_count=row["token_count"], heading_path=tuple(json.loads(row["heading_path"])), title=row["title"],
    )  # fmt: skip
