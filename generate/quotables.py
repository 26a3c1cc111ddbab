"""The sentences of a context that may be quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from citewell.core.evidence import Quotable
from citewell.core.sentences import Span, is_question, sentence_spans
from citewell.core.types import TABLE, Block, Passage
from citewell.core.words import count_words, word_spans

MIN_SENTENCE_WORDS = 3
_RESTRICTS = re.compile(
    r"\b(?:not|no|never|nor|neither|none|nobody|nothing|cannot|hardly|false|wrong|untrue|unless|except|only|if|provided|until|without|before|nicht|kein\w*|nie|niemals|nur|au(?:ß|ss)er|wenn|falls|sofern|ohne|bis)\b|n['’]t\b",
    re.I,
)
_CLAUSE = re.compile(r"(?<=[;:؛])\s+|(?<=[,)،])\s+|\s+(?=[–—(])|(?<=[，、；：])")


def quotable_sentences(passage: Passage) -> list[Quotable]:
    """The sentences of a passage as quotations; headings, column names, scraps and questions that the passage answers itself are left out."""
    offset = passage.start_char
    spans = sentence_spans(passage.text)
    found: list[Quotable] = []
    for (start, end), asked in zip(spans, _questions_above(passage, spans), strict=True):
        text = passage.text[start:end]
        block = passage.stored.block_at(offset + start)
        kind = block.kind if block else "paragraph"
        if asked is None or kind in {"heading", "table_header"}:
            continue
        if count_words(text) >= MIN_SENTENCE_WORDS or kind == "table_row":
            columns = _columns(passage, block) if block and kind == "table_row" else ""
            question = asked or _asked_by_heading(passage, block)
            found.append(Quotable(passage, offset + start, offset + end, text, question, columns))
    return found


def _questions_above(passage: Passage, spans: Sequence[Span]) -> list[str | None]:
    """For each sentence the question of the passage that it answers, as in lists of questions and answers; None for such a question.

    What follows a question in its block answers it, and where the block holds nothing else, what follows up to the next question or heading.
    A question in the midst of a text is left out as well, and one that is followed by another, or by nothing, is none of these.
    """
    texts = [passage.text[start:end] for start, end in spans]
    above: list[str | None] = []
    asked, ends = "", 0
    for at, (start, end) in enumerate(spans):
        block = passage.stored.block_at(passage.start_char + start)
        first, last = _bounds(passage, block) if block else (start, end)
        if is_question(texts[at]) and at + 1 < len(texts) and not is_question(texts[at + 1]):
            asked = texts[at] if start <= max(first, 0) and texts[at] not in passage.chunk.heading_path else ""
            ends = last if passage.text[end:last].strip() else len(passage.text)
            above.append(None)
            continue
        if start >= ends or is_question(texts[at]) or (block and block.kind == "heading"):
            asked = ""
        above.append(asked)
    return above


def _bounds(passage: Passage, block: Block) -> Span:
    """Where a block lies in the text of a passage, which may hold a part of it."""
    return block.start_char - passage.start_char, block.end_char - passage.start_char


def _asked_by_heading(passage: Passage, block: Block | None) -> str:
    """The nearest heading within the passage that is a question. Others name a subject that its sentences share, and tell none from another."""
    known = {passage.chunk.title, *passage.chunk.heading_path}
    headings = [part for part in (block.heading_path if block else ()) if part not in known and is_question(part)]
    return headings[-1] if headings else ""


def _columns(passage: Passage, row: Block) -> str:
    """The row that names the columns of this one, where the passage holds it; what does not, has it among its headings."""
    blocks = passage.stored.blocks
    first = blocks.index(row)
    while first > 0 and blocks[first - 1].kind in TABLE:
        first -= 1
    head, chunk = blocks[first], passage.chunk
    if head.kind != "table_header" or head.start_char < chunk.start_char:
        return ""
    return " ".join(chunk.text[head.start_char - chunk.start_char : head.end_char - chunk.start_char].split())


def restricting(whole: Quotable, part: Quotable) -> list[Span]:
    """The clauses of a sentence that were cut off and without which the rest may mislead: they deny it, or say under what condition it holds.

    As spans of the document.
    """
    text, offset = whole.text, whole.start_char
    start, end = part.start_char - offset, part.end_char - offset
    bounds = [0, *(match.end() for match in _CLAUSE.finditer(text)), len(text)]
    beside = [(a, min(b, start)) for a, b in pairwise(bounds) if a < start]
    beside += [(max(a, end), b) for a, b in pairwise(bounds) if b > end]
    return [(offset + a, offset + b) for a, b in beside if _RESTRICTS.search(text[a:b])]


def shortened(quotable: Quotable, at: int, most: int) -> Quotable:
    """The same where it has at most so many words; else the clauses around the character `at` of its text, as many as fit."""
    text = quotable.text
    if count_words(text) <= most:
        return quotable
    bounds = [0, *(match.end() for match in _CLAUSE.finditer(text)), len(text)]
    clauses = [(a, b) for a, b in pairwise(bounds) if text[a:b].strip()]
    first = last = next((i for i, (a, b) in enumerate(clauses) if a <= at < b), 0)

    def words(one: int, other: int) -> int:
        return count_words(text[clauses[one][0] : clauses[other][1]])

    while True:  # what follows explains more often than what stands before
        if last + 1 < len(clauses) and words(first, last + 1) <= most:
            last += 1
        elif first > 0 and words(first - 1, last) <= most:
            first -= 1
        else:
            break
    start, end = clauses[first][0], clauses[last][1]
    if words(first, last) > most:  # a single clause: its words from the place on
        places = word_spans(text[start:end])
        begin = max(0, min(sum(b <= at - start for _, b in places) - most // 2, len(places) - most))
        start, end = start + places[begin][0], start + places[begin + most - 1][1]
    end = start + len(text[start:end].rstrip())
    offset = quotable.start_char
    return replace(quotable, start_char=offset + start, end_char=offset + end, text=text[start:end])
