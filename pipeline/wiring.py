"""Builds the stages from the settings, each when it is first needed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from citewell.core.protocols import Generator, Reranker
from citewell.core.settings import Settings
from citewell.core.tokens import ModelTokenizer
from citewell.generate.extractive import ExtractiveGenerator
from citewell.generate.verify import AlignmentVerifier
from citewell.index.analysis import analyse
from citewell.index.catalog import Catalog
from citewell.index.embed import SentenceEmbedder
from citewell.index.generations import Fingerprints
from citewell.index.snapshot import Snapshot, SnapshotSource
from citewell.ingest.chunking import Chunker
from citewell.rerank.cross_encoder import CrossEncoderReranker


class Engine:
    """One data directory with one set of settings; safe to share between threads."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory = directory
        self.settings = settings
        self.config_hash = settings.config_hash()

    @cached_property
    def embedder(self) -> SentenceEmbedder:
        """The bi-encoder; its weights are loaded at the first text."""
        return SentenceEmbedder(self.settings.embedder)

    @property
    def tokenizer(self) -> ModelTokenizer:
        """The bi-encoder's tokenizer."""
        return self.embedder.tokenizer

    @cached_property
    def chunker(self) -> Chunker:
        """Splits documents, in the embedder's tokens."""
        return Chunker(self.settings.chunking, self.tokenizer, self.embedder.fingerprint)

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """What an index that these settings can open was built with."""
        return Fingerprints(
            embedder=self.embedder.fingerprint,
            chunker=self.chunker.fingerprint,
            lexical_engine=self.settings.lexical.engine,
        )

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog as a reader. Raises IndexMissing."""
        return Catalog(self.directory)

    @cached_property
    def _snapshots(self) -> SnapshotSource:
        return SnapshotSource(self.directory, self.catalog, self.embedder, self.fingerprints, self.settings.lexical)

    def snapshot(self) -> Snapshot:
        """The live generation, opened. Raises IndexMissing, IndexIncompatible or IndexCorrupt."""
        return self._snapshots.current()

    @cached_property
    def reranker(self) -> Reranker | None:
        """The cross-encoder, or None when none is configured."""
        return (
            CrossEncoderReranker(self.settings.rerank, self.settings.embedder.threads)
            if self.settings.rerank.model
            else None
        )

    def generator(self, snapshot: Snapshot) -> Generator:
        """The generator, weighing words as this generation does."""
        return ExtractiveGenerator(
            self.embedder, self.tokenizer, analyse, snapshot.bm25.term_weights, self.settings.generate
        )

    @cached_property
    def verifier(self) -> AlignmentVerifier:
        """Checks citations against the catalog."""
        return AlignmentVerifier(self.catalog)

    def variant(self, settings: Settings) -> Engine:
        """An engine over the same directory with other settings; models that they share are loaded once."""
        other = Engine(self.directory, settings)
        if settings.embedder == self.settings.embedder:
            other.__dict__["embedder"] = self.embedder
            if (
                settings.rerank.model == self.settings.rerank.model
                and settings.rerank.max_tokens == self.settings.rerank.max_tokens
            ):
                other.__dict__["reranker"] = self.reranker
        return other

    def close(self) -> None:
        """Gives the catalog back, where it was opened."""
        if "catalog" in self.__dict__:
            self.catalog.close()
