"""In-memory twins: each passes the same conformance suite as the real implementation it stands for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from citewell.core.answers import Draft, Sufficiency
from citewell.core.evidence import Evidence, Quotable, Signals
from citewell.core.languages import MULTILINGUAL
from citewell.core.protocols import TokenCounter, Vectors
from citewell.core.settings import EncoderSettings
from citewell.core.types import (
    Block,
    Candidate,
    Chunk,
    Context,
    Passage,
    Query,
    Ranking,
    StoredPassage,
    passage_id,
    rank_by_score,
    text_version,
)
from citewell.generate.quotables import quotable_sentences

REFERENCE_ENCODERS = EncoderSettings(runtime="torch-float32")


class WordCounter:
    """Counts words."""

    def count(self, text: str) -> int:
        return len(text.split())


class Plain:
    """A generator that only renders: the question, then the passages."""

    route = "plain"
    reserve = 0

    def __init__(self, tokens: TokenCounter | None = None) -> None:
        self.tokens = tokens or WordCounter()

    def render(self, query: Query, passages: Sequence[Passage]) -> str:
        return "\n\n".join([query.text, *(f"[{p.marker}] {p.chunk.header}\n{p.text}" for p in passages)])

    def generate(self, query: Query, context: Context, evidence: Sequence[Evidence]) -> Draft:
        del query, context, evidence
        return Draft((), self.route)


class HashingEmbedder:
    """Bag of hashed words, normalised."""

    fingerprint = "hashing-64"
    dimension = 64
    runtime = "hashing"
    languages = frozenset({MULTILINGUAL})

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split() or [""]:
                vectors[row, int(hashlib.sha256(word.strip(".,?").encode()).hexdigest(), 16) % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self.embed(texts)


class OverlapReranker:
    """Scores by shared words, and counts what it has read."""

    name = "overlap"
    fingerprint = "overlap"

    def __init__(self, blend: Mapping[str, float] | None = None) -> None:
        self.blend = blend
        self.read = 0

    def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
        self.read += len(passages)
        words = set(query.text.lower().split())
        return [float(len(words & set(p.text.lower().split()))) for p in passages]


class OverlapRetriever:
    """Scores every chunk by shared words."""

    name = "overlap"

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = {chunk.chunk_id: chunk for chunk in chunks}

    def score(self, query: Query, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        words = set(query.text.lower().split())
        return {c: float(len(words & set(self._chunks[c].text.lower().split()))) for c in chunk_ids}

    def search(self, query: Query, depth: int) -> Ranking:
        scores = {c: s for c, s in self.score(query, list(self._chunks)).items() if s > 0}
        ranking = rank_by_score(self.name, scores, {c: self._chunks[c].doc_id for c in scores})
        documents: dict[str, int] = {}
        for candidate in ranking.candidates:
            documents.setdefault(candidate.doc_id, candidate.rank)
        if len(documents) <= depth:
            return ranking
        return ranking.head(sorted(documents.values())[depth] - 1)


class MemoryStore:
    """Texts in a dictionary."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)
        self.chunks = {chunk.chunk_id: chunk for chunk in (make_chunk(doc_id, text) for doc_id, text in texts.items())}

    def passages(self, candidates: Sequence[Candidate]) -> Mapping[str, StoredPassage]:
        return {
            c.chunk_id: stored(self.chunks[c.chunk_id])
            for c in candidates
            if c.doc_id in self.texts and c.chunk_id in self.chunks
        }

    def text_at(self, doc_id: str, version: str, start_char: int, end_char: int) -> str | None:
        text = self.texts.get(doc_id)
        return text[start_char:end_char] if text is not None and text_version(text) == version else None

    def delete(self, doc_id: str) -> None:
        del self.texts[doc_id]


def make_chunk(doc_id: str, text: str, *, start: int = 0, title: str = "", heading_path: tuple[str, ...] = ()) -> Chunk:
    """A chunk that holds the whole of `text`."""
    version = text_version(text)
    return Chunk(
        passage_id(doc_id, version, start, start + len(text), "twin"),
        doc_id,
        version,
        start,
        start + len(text),
        text,
        len(text.split()),
        heading_path,
        title,
    )


def stored(chunk: Chunk, uri: str = "") -> StoredPassage:
    """The chunk as a store gives it, one paragraph long."""
    return StoredPassage(chunk, uri or f"s/{chunk.doc_id}", (Block(chunk.start_char, chunk.end_char, "paragraph", 1),))


def shown(*texts: str, titles: Sequence[str] = (), documents: Sequence[str] = ()) -> Context:
    """A context that shows these texts, each a document of its own."""
    names = [*documents, *"abcdefgh"[len(documents) :]]
    chunks = [make_chunk(names[i], text, title=(titles[i] if i < len(titles) else "")) for i, text in enumerate(texts)]
    return Context(tuple(Passage(m, stored(c), 1.0, c.text) for m, c in enumerate(chunks, start=1)), 1, 10_000)


def evidence_of(context: Context, logits: Sequence[float], signals: Signals | None = None) -> Evidence:
    """The sentences of a context with these log odds, and vectors of their words."""
    quotables: tuple[Quotable, ...] = tuple(q for p in context.passages for q in quotable_sentences(p))
    vectors = HashingEmbedder().embed([q.text for q in quotables])
    sufficiency = Sufficiency(0.9, 2.0)
    return Evidence(quotables, np.array(logits, dtype=np.float64), vectors, signals or Signals(), sufficiency)
