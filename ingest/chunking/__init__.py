"""Splits a document into passages within a token limit.

By structure: a section is what stands under one heading path. Sections that fit stay whole, small neighbours under a common
heading are joined, and longer ones are cut at sentence ends: where a paragraph or a table begins if that is in reach, else before
a row, else before the sentence whose hash is smallest. So a cut depends on the words around it and not on what stands far before:
after an edit the cuts soon fall where they fell, and only the passages around the edit are embedded anew. What is left in the end
is cut into halves, not scraps.

By sentences, paragraphs or words, passages are filled up one after another and may overlap; an edit moves all that follow.

With every method a row of a table stays whole where it fits, header rows stay with the row below them, and a passage that begins
inside a table has the names of its columns as the last heading above it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import reduce

from citewell.core.settings import ChunkingSettings
from citewell.core.tokens import ModelTokenizer
from citewell.core.types import Chunk, Document, passage_id
from citewell.ingest.chunking.cuts import cut_by_content
from citewell.ingest.chunking.layout import MAX_HEADER_SHARE, Layout
from citewell.ingest.chunking.sections import common_path, sections
from citewell.ingest.chunking.units import block_units, packed, sentence_units, word_units

__all__ = ["CHUNKER_VERSION", "MAX_HEADER_SHARE", "Chunker"]

CHUNKER_VERSION = "4"
_UNITS = {"sentences": sentence_units, "paragraphs": block_units, "fixed": word_units}

Part = tuple[int, int, tuple[str, ...]]  # start, end, headings


class Chunker:
    """Splits documents by its settings, counting with the embedder's tokenizer."""

    def __init__(self, settings: ChunkingSettings, tokenizer: ModelTokenizer, tokenizer_fingerprint: str) -> None:
        self._settings = settings
        self._tokenizer = tokenizer
        key = f"{CHUNKER_VERSION}\0{settings.model_dump_json()}\0{tokenizer_fingerprint}"
        self.fingerprint = hashlib.sha256(key.encode()).hexdigest()[:16]

    def split(self, document: Document) -> list[Chunk]:
        """The passages of `document`, in order; every solid character lies in exactly one, or in more where passages overlap."""
        layout = Layout(document, self._tokenizer, self._settings.max_tokens)
        return [self._chunk(document, layout, *part) for part in self._parts(layout)]

    def _parts(self, layout: Layout) -> Iterator[Part]:
        if self._settings.method == "none":
            yield 0, len(layout.text), ()
        elif self._settings.method == "structure":
            yield from self._by_structure(layout)
        else:
            yield from self._by_filling(layout)

    def _by_structure(self, layout: Layout) -> Iterator[Part]:
        for section in sections(layout, self._settings.min_tokens):
            headings = section.heading_path

            def limit(start: int, headings: tuple[str, ...] = headings) -> int:
                return layout.limit_at(start, headings)

            for start, end in cut_by_content(layout, section.start, section.end, limit):
                yield start, end, headings

    def _by_filling(self, layout: Layout) -> Iterator[Part]:
        """Parts under the headings that all of their blocks have in common."""

        def limit(start: int) -> int:
            block = layout.block_at(start)
            return layout.limit_at(start, block.heading_path if block else ())

        units = _UNITS[self._settings.method](layout, 0, len(layout.text), limit)
        for start, end in packed(units, layout, limit, self._settings.overlap_tokens):
            first = layout.block_at(start)
            paths = [block.heading_path for block in layout.blocks_between(start, end)]
            yield start, end, reduce(common_path, paths, first.heading_path if first else ())

    def _chunk(self, document: Document, layout: Layout, start: int, end: int, headings: tuple[str, ...]) -> Chunk:
        return Chunk(
            chunk_id=passage_id(document.doc_id, document.version, start, end, self.fingerprint),
            doc_id=document.doc_id,
            version=document.version,
            start_char=start,
            end_char=end,
            text=document.text[start:end],
            token_count=layout.cost(start, end),
            heading_path=layout.path_at(start, headings),
            title=document.title,
        )
