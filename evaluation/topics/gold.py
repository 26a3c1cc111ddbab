"""Where the answer of a topic stands in the index at hand: its documents, its spans, and the passages that hold them whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from citewell.core.types import Chunk, Document
from citewell.core.words import UNSPACED
from citewell.evaluation.measures.spans import Span, overlap
from citewell.evaluation.topics.types import Evidence, Topic
from citewell.index.store.catalog import Catalog
from citewell.ingest.normalise import normalise_text

# How finely the evidence is known: exact spans, accepted answers found in the relevant documents, or documents alone.
Level = Literal["span", "answer", "document", "unknown"]
# How the evidence can be lost before anything is asked.
Lost = Literal["", "not_ingested", "split"]
_WORD = re.compile(r"\w+")
_CACHED_DOCUMENTS = 256


@dataclass(frozen=True, slots=True)
class Gold:
    """The evidence of one topic: `documents` are ids, `spans` lie in their stored text, `passages` are ids of those that hold it."""

    level: Level
    documents: frozenset[str]
    spans: tuple[Span, ...]
    passages: frozenset[str]
    lost: Lost = ""


class GoldFinder:
    """Finds the evidence of topics. `names` gives the dataset's name of each living document by its id."""

    def __init__(self, catalog: Catalog, names: Mapping[str, str]) -> None:
        self._catalog = catalog
        self._ids: dict[str, str] = {name: doc_id for doc_id, name in names.items()}
        self._document = lru_cache(_CACHED_DOCUMENTS)(catalog.document)
        self._chunks = lru_cache(_CACHED_DOCUMENTS)(catalog.chunks_of)

    def find(self, topic: Topic, grades: Mapping[str, int]) -> Gold:
        """The evidence of a topic; `grades` are its qrels, those above 0 name relevant documents."""
        named = {item.document for item in topic.evidence} | {name for name, grade in grades.items() if grade > 0}
        documents = frozenset(self._ids[name] for name in named if name in self._ids)
        if not named:
            return Gold("unknown", frozenset(), (), frozenset())
        exact = [item for item in topic.evidence if item.quote or item.start_char is not None]
        if not documents:
            return Gold("span" if exact else "document", documents, (), frozenset(), "not_ingested")
        if exact:
            spans = tuple(dict.fromkeys(span for item in exact for span in self._spans(item)))
            return self._with_spans("span", documents, spans)
        answers = tuple(dict.fromkeys(span for doc_id in documents for span in self._answers(doc_id, topic.answers)))
        if answers:
            return self._with_spans("answer", documents, answers)
        passages = frozenset(chunk.chunk_id for doc_id in documents for chunk in self._chunks(doc_id))
        return Gold("document", documents, (), passages, "" if passages else "not_ingested")

    def chunk_spans(self, doc_ids: Sequence[str]) -> dict[str, Span]:
        """The spans of all passages of these documents by passage id."""
        return {chunk.chunk_id: span_of(chunk) for doc_id in doc_ids for chunk in self._chunks(doc_id)}

    def _with_spans(self, level: Level, documents: frozenset[str], spans: tuple[Span, ...]) -> Gold:
        if not spans:
            return Gold(level, documents, spans, frozenset(), "not_ingested")
        holding = frozenset(
            chunk.chunk_id
            for doc_id in documents
            for chunk in self._chunks(doc_id)
            if any(overlap(span, span_of(chunk)) == span[2] - span[1] for span in spans)
        )
        return Gold(level, documents, spans, holding, "" if holding else "split")

    def _spans(self, item: Evidence) -> list[Span]:
        doc_id = self._ids.get(item.document)
        if doc_id is None:
            return []
        document = self._document(doc_id)
        if not item.quote:
            assert item.start_char is not None
            assert item.end_char is not None
            end = min(item.end_char, len(document.text))
            return [(doc_id, item.start_char, end)] if item.start_char < end else []
        found = [(doc_id, start, end) for start, end in locate(document.text, item.quote)]
        if item.start_char is not None and found:
            near = item.start_char
            return [min(found, key=lambda span: abs(span[1] - near))]
        return found

    def _answers(self, doc_id: str, answers: Sequence[str]) -> Iterator[Span]:
        document: Document = self._document(doc_id)
        for answer in answers:
            for start, end in locate(document.text, answer):
                yield doc_id, start, end


def span_of(chunk: Chunk) -> Span:
    """Where a passage lies."""
    return chunk.doc_id, chunk.start_char, chunk.end_char


def locate(text: str, quote: str) -> list[tuple[int, int]]:
    """Where the words of `quote` stand in `text` one after another, whatever case, white space and punctuation lie between.

    A quote of several words, or in a script without spaces, may also begin and end inside a word.
    """
    quote = normalise_text(quote, keep_lines=True)
    wanted = [match[0].casefold() for match in _WORD.finditer(quote)]
    words = list(_WORD.finditer(text))
    folded = [match[0].casefold() for match in words]
    size = len(wanted)
    if not size:
        return []
    found = [
        (words[at].start(), words[at + size - 1].end())
        for at in range(len(folded) - size + 1)
        if folded[at] == wanted[0] and folded[at : at + size] == wanted
    ]
    if found or (size == 1 and not UNSPACED.search(quote)):
        return found
    return _locate_letters(text, "".join(wanted))


def _locate_letters(text: str, letters: str) -> list[tuple[int, int]]:
    """Where these letters and digits stand one after another."""
    at = [(i, folded) for i, c in enumerate(text) if _WORD.match(c) for folded in c.casefold()]
    solid = "".join(folded for _, folded in at)
    found, start = [], solid.find(letters)
    while start >= 0:
        found.append((at[start][0], at[start + len(letters) - 1][0] + 1))
        start = solid.find(letters, start + len(letters))
    return found
