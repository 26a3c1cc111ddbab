"""The sentences of a context that may be quoted."""

from __future__ import annotations

from collections.abc import Sequence

from citewell.core.evidence import Quotable
from citewell.core.sentences import sentence_spans
from citewell.core.types import TABLE, Block, Passage

MIN_SENTENCE_WORDS = 3


def quotable_sentences(passage: Passage) -> list[Quotable]:
    """The sentences of a passage as quotations; headings, column names and scraps are left out."""
    offset = passage.start_char
    found: list[Quotable] = []
    for start, end in sentence_spans(passage.text):
        text = passage.text[start:end]
        block = passage.stored.block_at(offset + start)
        if block is not None and (block.kind == "heading" or _is_table_head(passage.stored.blocks, block)):
            continue
        if len(text.split()) >= MIN_SENTENCE_WORDS or (block is not None and block.kind == "table_row"):
            found.append(Quotable(passage, offset + start, offset + end, text))
    return found


def _is_table_head(blocks: Sequence[Block], block: Block) -> bool:
    """Whether `block` is the first row of a table that begins in this passage: it names the columns and answers nothing."""
    if block.kind == "table_header":
        return True
    at = blocks.index(block)
    followed = at + 1 < len(blocks) and blocks[at + 1].kind == "table_row"
    return block.kind == "table_row" and followed and at > 0 and blocks[at - 1].kind not in TABLE
