"""A document as the chunker sees it: what spans of it cost, what stands at a place, and what the columns of a table are called."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from citewell.core.sentences import Span
from citewell.core.tokens import ModelTokenizer, TokenMap
from citewell.core.types import TABLE, Block, Document

SPECIAL_TOKENS = 2  # [CLS] and [SEP] around what the embedder reads
MAX_HEADER_SHARE = 0.25  # of the limit: a longer header is shortened when it is embedded, not charged to the passage
MAX_HEADER_ROWS = 8  # of a table, repeated: tables have one or two
MAX_NAME_CHARS = 16  # for each token of the header's share: what is beyond is not even counted
LEAST_COLUMNS_SHARE = 0.5  # of the header's share, for the names of columns under long headings


class Layout:
    """One document with its token costs and limits. `max_tokens` is that of a passage with its header."""

    def __init__(self, document: Document, tokenizer: ModelTokenizer, max_tokens: int) -> None:
        self.text = document.text
        self.blocks: Sequence[Block] = document.blocks or (Block(0, len(document.text), "paragraph"),)
        self._tokens = TokenMap(tokenizer, document.text)
        self._title = document.title
        self._tokenizer = tokenizer
        self._available = max_tokens - SPECIAL_TOKENS
        self._starts = [block.start_char for block in self.blocks]
        self._headers = _column_headers(self.blocks)
        self._openings = _openings(self.blocks)
        self._paths: dict[tuple[tuple[str, ...], Span], tuple[str, ...]] = {}
        self._limits: dict[tuple[str, ...], int] = {}

    def cost(self, start: int, end: int) -> int:
        """Tokens of a span."""
        return self._tokens.cost(start, end)

    def longest_end(self, start: int, end: int, budget: int) -> int:
        """Where a span from `start` must end, at `end` at the latest, to have at most `budget` tokens."""
        return self._tokens.longest_end(start, end, budget)

    def block_at(self, char: int) -> Block | None:
        """The block in which the character `char` lies."""
        at = bisect_right(self._starts, char) - 1
        return self.blocks[at] if at >= 0 and char < self.blocks[at].end_char else None

    def blocks_between(self, start: int, end: int) -> Sequence[Block]:
        """The blocks that begin in a span."""
        return self.blocks[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def opens(self, char: int) -> bool:
        """Whether a block begins here that is not the next row of a table."""
        return char in self._openings

    def divides_table(self, char: int) -> bool:
        """Whether a cut here would leave rows of one table on both sides."""
        block = self.block_at(char)
        return block is not None and block.kind in TABLE and not self.opens(char)

    def begins_block(self, char: int) -> bool:
        """Whether a block begins here."""
        at = bisect_left(self._starts, char)
        return at < len(self._starts) and self._starts[at] == char

    def path_at(self, start: int, headings: tuple[str, ...]) -> tuple[str, ...]:
        """What stands above a passage that begins at `start`: its headings and, inside a table, the names of the columns."""
        header = self._header_above(start)
        if header is None:
            return headings
        key = (headings, header)
        if key not in self._paths:
            names = self._names(header)
            named = any(char.isalnum() for char in names)
            self._paths[key] = (*headings, self._shortened(names, headings)) if named else headings
        return self._paths[key]

    def limit_at(self, start: int, headings: tuple[str, ...]) -> int:
        """Tokens left for the text of a passage that begins at `start`, once its header and the special tokens are counted."""
        path = self.path_at(start, headings)
        if path not in self._limits:
            self._limits[path] = self._available - min(self._header_cost(path), self._header_share)
        return self._limits[path]

    def stretches(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """The parts of a span of whole blocks in order: each row of a table, with True, and what lies between tables, with False."""
        at = start
        for block in self.blocks_between(start, end):
            if block.kind in TABLE:
                if self.text[at : block.start_char].strip():
                    yield at, block.start_char, False
                yield block.start_char, block.end_char, True
                at = block.end_char
        if at < end:
            yield at, end, False

    @property
    def _header_share(self) -> int:
        return int(self._available * MAX_HEADER_SHARE)

    def _header_cost(self, path: Sequence[str]) -> int:
        return self._tokenizer.count(" › ".join([self._title, *path])) + 1

    def _header_above(self, start: int) -> Span | None:
        """The header rows of the table in which `start` lies, as far as they begin before it."""
        at = bisect_right(self._starts, start) - 1
        rows = self._headers[at] if at >= 0 and start < self.blocks[at].end_char else None
        if rows is None:
            return None
        first, last = rows
        if self.blocks[last].start_char >= start:  # `start` begins a header row: only those above it
            last -= 1
        last = min(last, first + MAX_HEADER_ROWS - 1)
        return (self.blocks[first].start_char, self.blocks[last].end_char) if first <= last else None

    def _names(self, header: Span) -> str:
        """The text of header rows in one line; of a header without end its beginning."""
        start, end = header
        return " ".join(self.text[start : min(end, start + self._header_share * MAX_NAME_CHARS)].split())

    def _shortened(self, names: str, headings: tuple[str, ...]) -> str:
        """The names of columns, as many as there is room for under title and headings."""
        share = self._header_share
        room = max(share - self._header_cost((*headings, "")), int(share * LEAST_COLUMNS_SHARE))
        return names[: TokenMap(self._tokenizer, names).longest_end(0, len(names), room)].rstrip()


def _column_headers(blocks: Sequence[Block]) -> list[tuple[int, int] | None]:
    """For each block of a table the first and the last of the header rows that name its columns, as far as they are known there."""
    found: list[tuple[int, int] | None] = []
    above: tuple[int, int] | None = None
    for at, block in enumerate(blocks):
        if block.kind == "table_header":
            above = (above[0], at) if above is not None and above[1] == at - 1 else (at, at)
        elif block.kind != "table_row":
            above = None
        found.append(above)
    return found


def _openings(blocks: Sequence[Block]) -> frozenset[int]:
    """Where blocks begin that do not go on with a table."""
    starts = []
    previous = ""
    for block in blocks:
        goes_on = previous in TABLE and (block.kind == "table_row" or block.kind == previous == "table_header")
        if not goes_on:
            starts.append(block.start_char)
        previous = block.kind
    return frozenset(starts)
