"""Splits a document into passages that respect headings, paragraphs and sentences within a token limit.

A section is what stands under one heading path. Sections that fit stay whole, small neighbours under a common heading are
joined, and longer ones are cut at sentence ends: where a paragraph begins if there is one in reach, else before the sentence whose
hash is smallest. So a cut depends on the words around it and not on what stands far before: after an edit the cuts soon fall
where they fell, and only the passages around the edit are embedded anew. What is left in the end is cut into halves, not scraps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.core.sentences import Span, sentence_spans
from citewell.core.settings import ChunkingSettings
from citewell.core.tokens import ModelTokenizer, TokenMap
from citewell.core.types import Block, Chunk, Document, passage_id

CHUNKER_VERSION = "2"
LEAST = 0.6  # of the limit, at least, for a part that is not the last
REST = 1.5  # limits: what is left is cut into at most two parts
SPECIAL_TOKENS = 2  # [CLS] and [SEP] around what the embedder reads
MAX_HEADER_SHARE = 0.25  # of the limit: a longer header is shortened when it is embedded, not charged to the passage


@dataclass(frozen=True, slots=True)
class _Section:
    start: int
    end: int
    heading_path: tuple[str, ...]


class Chunker:
    """Splits documents by its settings, counting with the embedder's tokenizer."""

    def __init__(self, settings: ChunkingSettings, tokenizer: ModelTokenizer, tokenizer_fingerprint: str) -> None:
        self._settings = settings
        self._tokenizer = tokenizer
        key = f"{CHUNKER_VERSION}\0{settings.model_dump_json()}\0{tokenizer_fingerprint}"
        self.fingerprint = hashlib.sha256(key.encode()).hexdigest()[:16]

    def split(self, document: Document) -> list[Chunk]:
        """The passages of `document`, in order; every character that is not white space lies in exactly one."""
        text = document.text
        tokens = TokenMap(self._tokenizer, text)
        if self._settings.method == "none":
            return [self._chunk(document, tokens, 0, len(text), ())]
        chunks: list[Chunk] = []
        for section in self._sections(document, tokens):
            limit = self._body_limit(document.title, section.heading_path)
            for start, end in _parts(text, section, tokens, limit, document.blocks):
                chunks.append(self._chunk(document, tokens, start, end, section.heading_path))
        return chunks

    def _body_limit(self, title: str, heading_path: tuple[str, ...]) -> int:
        """Tokens left for a passage's own text once its header and the special tokens are counted."""
        available = self._settings.max_tokens - SPECIAL_TOKENS
        header = " › ".join([title, *heading_path])
        return available - min(self._tokenizer.count(header) + 1, int(available * MAX_HEADER_SHARE))

    def _sections(self, document: Document, tokens: TokenMap) -> list[_Section]:
        sections: list[_Section] = []
        for block in document.blocks or (Block(0, len(document.text), "paragraph"),):
            heading_only = (
                sections
                and sections[-1].heading_path == block.heading_path[:-1]
                and self._is_bare(document, sections[-1])
            )
            same = sections and sections[-1].heading_path == block.heading_path
            if same or (block.kind == "heading" and heading_only):
                sections[-1] = _Section(sections[-1].start, block.end_char, block.heading_path)
            else:
                sections.append(_Section(block.start_char, block.end_char, block.heading_path))
        return self._joined(document, sections, tokens)

    def _is_bare(self, document: Document, section: _Section) -> bool:
        """Whether the section is a heading and nothing else."""
        return bool(section.heading_path) and document.text[section.start : section.end] == section.heading_path[-1]

    def _joined(self, document: Document, sections: Sequence[_Section], tokens: TokenMap) -> list[_Section]:
        """Small sections joined with the one before, where both fit and stand under a common heading."""
        joined: list[_Section] = []
        for section in sections:
            if joined:
                last = joined[-1]
                common = _common(last.heading_path, section.heading_path)
                small = (
                    min(tokens.cost(last.start, last.end), tokens.cost(section.start, section.end))
                    < self._settings.min_tokens
                )
                related = len(common) >= min(len(last.heading_path), len(section.heading_path)) - 1
                if (
                    small
                    and related
                    and tokens.cost(last.start, section.end) <= self._body_limit(document.title, common)
                ):
                    joined[-1] = _Section(last.start, section.end, common)
                    continue
            joined.append(section)
        return joined

    def _chunk(
        self, document: Document, tokens: TokenMap, start: int, end: int, heading_path: tuple[str, ...]
    ) -> Chunk:
        return Chunk(
            chunk_id=passage_id(document.doc_id, document.version, start, end, self.fingerprint),
            doc_id=document.doc_id,
            version=document.version,
            start_char=start,
            end_char=end,
            text=document.text[start:end],
            token_count=tokens.cost(start, end),
            heading_path=heading_path,
            title=document.title,
        )


def _common(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return a[:length]


def _parts(text: str, section: _Section, tokens: TokenMap, limit: int, blocks: Sequence[Block]) -> list[Span]:
    """The section cut at sentence ends, each part within the limit; see the module's docstring for where."""
    if tokens.cost(section.start, section.end) <= limit:
        return [(section.start, section.end)]
    units = _units(text, section, tokens, limit)
    block_starts = {block.start_char for block in blocks}
    parts: list[Span] = []
    first = 0
    while tokens.cost(units[first][0], units[-1][1]) > REST * limit:
        following = _cut(text, units, first, tokens, limit, block_starts)
        parts.append((units[first][0], units[following - 1][1]))
        first = following
    return parts + _halves(units[first:], tokens, limit)


def _units(text: str, section: _Section, tokens: TokenMap, limit: int) -> list[Span]:
    """Sentences; one that is over the limit is cut between tokens."""
    units: list[Span] = []
    for sentence_start, sentence_end in sentence_spans(text, section.start, section.end):
        start = sentence_start
        while start < sentence_end:
            end = tokens.longest_end(start, sentence_end, limit)
            piece_end = end
            while piece_end > start and text[piece_end - 1].isspace():
                piece_end -= 1
            if piece_end > start:
                units.append((start, piece_end))
            start = end
            while start < sentence_end and text[start].isspace():
                start += 1
    return units


def _cut(text: str, units: Sequence[Span], first: int, tokens: TokenMap, limit: int, block_starts: set[int]) -> int:
    """The unit with which the next part begins: a block's start where there is one in reach, else chosen by content."""
    reach = []
    following = first + 1
    while following < len(units) and (held := tokens.cost(units[first][0], units[following - 1][1])) <= limit:
        if held >= LEAST * limit:
            reach.append(following)
        following += 1
    if not reach:
        return max(first + 1, following - 1)
    return min([u for u in reach if units[u][0] in block_starts] or reach, key=lambda u: _mark(text, units[u]))


def _mark(text: str, unit: Span) -> bytes:
    """A number that depends on the unit's own words alone."""
    return hashlib.blake2b(text[slice(*unit)].encode(), digest_size=8).digest()


def _halves(units: Sequence[Span], tokens: TokenMap, limit: int) -> list[Span]:
    """What is left of a section, whole or in two parts of like length; in more where a long sentence prevents that."""
    start, end = units[0][0], units[-1][1]
    if tokens.cost(start, end) <= limit:
        return [(start, end)]

    def longer(cut: int) -> int:
        return max(tokens.cost(start, units[cut - 1][1]), tokens.cost(units[cut][0], end))

    cut = min(range(1, len(units)), key=longer)
    if longer(cut) <= limit:
        return [(start, units[cut - 1][1]), (units[cut][0], end)]
    return list(units)
