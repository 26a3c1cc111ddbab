"""The passages of documents, and the vectors that are not stored yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from citewell.core.protocols import Vectors
from citewell.core.tracing import stage
from citewell.core.types import Chunk, Document
from citewell.index.embed import content_hash, embedding_input
from citewell.ingest.jobs import Progress
from citewell.pipeline.upkeep.runtimes import settle
from citewell.pipeline.wiring import Engine


@dataclass(frozen=True, slots=True)
class Split:
    """The passages of a document, and the key of each passage's vector."""

    chunks: Sequence[Chunk]
    hashes: Sequence[bytes]

    @property
    def tokens(self) -> int:
        """Of all passages together."""
        return sum(chunk.token_count for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of the documents of a window, in their order; the vectors that were not stored; and what was found out about models."""

    splits: list[Split]
    vectors: dict[bytes, Vectors] = field(default_factory=dict)
    measured: dict[str, str] = field(default_factory=dict)


def split_and_embed(engine: Engine, documents: Sequence[Document], progress: Progress) -> Embedded:
    """The passages of each document, and the vectors of those whose content is not stored yet."""
    inputs: dict[bytes, str] = {}
    splits: list[Split] = []
    with stage("split"):
        for document in documents:
            chunks, texts = _embedding_inputs(engine, document)
            hashes = [content_hash(text) for text in texts]
            inputs |= dict(zip(hashes, texts, strict=True))
            splits.append(Split(chunks, hashes))
    wanted = engine.catalog.missing_vectors(inputs, engine.embedder.fingerprint)
    to_embed = [key for key in inputs if key in wanted]
    measured = settle(engine, progress.tell) if to_embed else {}
    with stage("embed"):
        vectors = engine.embedder.embed([inputs[key] for key in to_embed]) if to_embed else ()
    return Embedded(splits, dict(zip(to_embed, vectors, strict=True)), dict(measured))


def _embedding_inputs(engine: Engine, document: Document) -> tuple[list[Chunk], list[str]]:
    """The passages of a document and what is embedded for each."""
    chunks = list(engine.chunker.split(document))
    embedder = engine.embedder
    return chunks, [embedding_input(c.header, c.text, embedder.tokenizer, embedder.max_tokens) for c in chunks]
