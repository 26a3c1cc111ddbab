"""The sentences of a context that may be quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from citewell.core.evidence import Quotable
from citewell.core.sentences import sentence_spans
from citewell.core.types import TABLE, Block, Passage

MIN_SENTENCE_WORDS = 3
_CLAUSE = re.compile(r"(?<=[;:])\s+|(?<=[,)])\s+|\s+(?=[–—(])")


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
            columns = _columns(passage, block) if block is not None and block.kind == "table_row" else ""
            found.append(Quotable(passage, offset + start, offset + end, text, columns))
    return found


def _columns(passage: Passage, row: Block) -> str:
    """The row that names the columns of this one, where the passage holds it; what does not, has it among its headings."""
    blocks = passage.stored.blocks
    first = blocks.index(row)
    while first > 0 and blocks[first - 1].kind in TABLE:
        first -= 1
    head, chunk = blocks[first], passage.chunk
    if head is row or head.start_char < chunk.start_char:
        return ""
    return " ".join(chunk.text[head.start_char - chunk.start_char : head.end_char - chunk.start_char].split())


def _is_table_head(blocks: Sequence[Block], block: Block) -> bool:
    """Whether `block` is the first row of a table that begins in this passage: it names the columns and answers nothing."""
    if block.kind == "table_header":
        return True
    at = blocks.index(block)
    followed = at + 1 < len(blocks) and blocks[at + 1].kind == "table_row"
    return block.kind == "table_row" and followed and at > 0 and blocks[at - 1].kind not in TABLE


def shortened(quotable: Quotable, at: int, most: int) -> Quotable:
    """The same where it has at most so many words; else the clauses around the character `at` of its text, as many as fit."""
    text = quotable.text
    if len(text.split()) <= most:
        return quotable
    bounds = [0, *(match.end() for match in _CLAUSE.finditer(text)), len(text)]
    clauses = [(a, b) for a, b in pairwise(bounds) if text[a:b].strip()]
    first = last = next((i for i, (a, b) in enumerate(clauses) if a <= at < b), 0)

    def words(one: int, other: int) -> int:
        return len(text[clauses[one][0] : clauses[other][1]].split())

    while True:  # what follows explains more often than what stands before
        if last + 1 < len(clauses) and words(first, last + 1) <= most:
            last += 1
        elif first > 0 and words(first - 1, last) <= most:
            first -= 1
        else:
            break
    start, end = clauses[first][0], clauses[last][1]
    if words(first, last) > most:  # a single clause: its words from the place on
        places = [match.span() for match in re.finditer(r"\S+", text[start:end])]
        begin = max(0, min(sum(b <= at - start for _, b in places) - most // 2, len(places) - most))
        start, end = start + places[begin][0], start + places[begin + most - 1][1]
    end = start + len(text[start:end].rstrip())
    offset = quotable.start_char
    return replace(quotable, start_char=offset + start, end_char=offset + end, text=text[start:end])
