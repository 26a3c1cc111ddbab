"""What passages are put together from, each within the limit: words, sentences or blocks, and rows of tables; and the packing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from citewell.core.sentences import Span, sentence_spans
from citewell.ingest.chunking.layout import Layout

Limit = Callable[[int], int]  # the tokens that a passage may have that begins at a character
_WORD = re.compile(r"\S+")
WORD_TOKENS = 8  # a longer word, as in scripts without spaces, is packed in pieces


def sentence_units(layout: Layout, start: int, end: int, limit: Limit) -> list[Span]:
    """Sentences, and rows of tables, of `[start, end)`; what is over the limit is cut, a row at the ends of its sentences first."""
    return _with_rows(layout, start, end, limit, lambda a, b: _sentences(layout, a, b, limit))


def block_units(layout: Layout, start: int, end: int, limit: Limit) -> list[Span]:
    """Blocks; one that is over the limit gives its sentences."""

    def blocks(a: int, b: int) -> Iterator[Span]:
        for block in layout.blocks_between(a, b):
            start, end = block.start_char, block.end_char
            yield from (
                [(start, end)] if layout.cost(start, end) <= limit(start) else _sentences(layout, start, end, limit)
            )

    return _with_rows(layout, start, end, limit, blocks)


def word_units(layout: Layout, start: int, end: int, limit: Limit) -> list[Span]:
    """Words."""

    def words(a: int, b: int) -> Iterator[Span]:
        for match in _WORD.finditer(layout.text, a, b):
            yield from _pieces(layout, *match.span(), lambda at: min(WORD_TOKENS, limit(at)))

    return _with_rows(layout, start, end, limit, words)


def packed(units: Sequence[Span], layout: Layout, limit: Limit, overlap: int = 0) -> list[Span]:
    """Units one after another, as many as fit; a part begins with what fits into `overlap` tokens of the end of the one before."""
    parts: list[Span] = []
    first = 0
    while True:
        following = first + 1
        while following < len(units) and _fits(units, first, following, layout, limit):
            following += 1
        parts.append((units[first][0], units[following - 1][1]))
        if following == len(units):
            return parts
        again = following
        while (
            overlap
            and again - 1 > first
            and layout.cost(units[again - 1][0], units[following - 1][1]) <= overlap
            and _fits(units, again - 1, following, layout, limit)
        ):
            again -= 1
        first = again


def _fits(units: Sequence[Span], first: int, last: int, layout: Layout, limit: Limit) -> bool:
    start, end = units[first][0], units[last][1]
    return layout.cost(start, end) <= limit(start)


def _with_rows(
    layout: Layout, start: int, end: int, limit: Limit, split: Callable[[int, int], Iterator[Span]]
) -> list[Span]:
    """The units of `split` outside tables; in tables the rows, header rows in one unit with the row below them where both fit."""
    units: list[Span] = []
    heads = 0  # so many of the last units are header rows
    for a, b, is_row in layout.stretches(start, end):
        if not is_row:
            units += split(a, b)
            heads = 0
            continue
        row = [(a, b)] if layout.cost(a, b) <= limit(a) else list(_sentences(layout, a, b, limit))
        block = layout.block_at(a)
        if block is not None and block.kind == "table_header":
            heads += len(row)
        else:
            while heads and layout.cost(units[-1][0], row[0][1]) <= limit(units[-1][0]):
                row[0] = (units.pop()[0], row[0][1])
                heads -= 1
            heads = 0
        units += row
    return units


def _sentences(layout: Layout, start: int, end: int, limit: Limit) -> Iterator[Span]:
    for sentence in sentence_spans(layout.text, start, end):
        yield from _pieces(layout, *sentence, limit)


def _pieces(layout: Layout, start: int, end: int, limit: Limit) -> Iterator[Span]:
    """The span, cut between tokens where it is over the limit, without white space at the ends."""
    text = layout.text
    while start < end:
        after = layout.longest_end(start, end, limit(start))
        piece_end = after
        while piece_end > start and text[piece_end - 1].isspace():
            piece_end -= 1
        if piece_end > start:
            yield start, piece_end
        start = after
        while start < end and text[start].isspace():
            start += 1
