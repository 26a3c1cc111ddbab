"""Builds the stages from the settings, each when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from citewell.core.budgets import Price
from citewell.core.cache import CacheUse
from citewell.core.errors import IndexIncompatible, ModelFailed, ModelMismatch, ModelUnavailable
from citewell.core.filters import Filter
from citewell.core.models import model_folder, weights_fingerprint
from citewell.core.protocols import Embedder, Generator, Reader, Reranker
from citewell.core.settings import EmbedderSettings, RerankSettings, Settings
from citewell.core.tokens import ModelTokenizer
from citewell.core.types import Chunk, Query, Reading
from citewell.encoders.encoder import Encoder
from citewell.encoders.kept import Kept, cache_folder
from citewell.generate.evidence.model import FILE as EVIDENCE_FILE
from citewell.generate.evidence.model import EvidenceModel
from citewell.generate.evidence.weigh import Scales
from citewell.generate.extractive import ExtractiveGenerator
from citewell.generate.language.choose import model_for
from citewell.generate.language.endpoint import EndpointModel
from citewell.generate.language.generator import LanguageGenerator
from citewell.generate.language.guard import TRIES, GuardedModel
from citewell.generate.language.metered import MeteredModel
from citewell.generate.language.replicas import Replicas
from citewell.generate.verification.entailment import Entailment
from citewell.generate.verification.verifier import ClaimVerifier
from citewell.generate.verification.weights import VerifierWeights
from citewell.index.embed import SentenceEmbedder
from citewell.index.embed_by_language import EmbedderByLanguage, embedder_of
from citewell.index.remembering import RememberingEmbedder
from citewell.index.snapshot import Snapshot, SnapshotSource
from citewell.index.store.catalog import Catalog
from citewell.index.store.fingerprints import Fingerprints, require_same
from citewell.index.store.generations import Manifest, Recipe
from citewell.index.store.spending import Spending
from citewell.ingest.chunking import Chunker
from citewell.pipeline.asked import AskedLog
from citewell.pipeline.upkeep.drift import LiveScores
from citewell.pipeline.upkeep.forwards import forwards_within, measured_forward
from citewell.rerank.cache import PairCache
from citewell.rerank.cross_encoder import CrossEncoderReranker
from citewell.rerank.declaration import can_read
from citewell.rerank.endpoint import EndpointReranker, is_endpoint
from citewell.rerank.learned import LinearRanker
from citewell.rerank.reader import ReadingCrossEncoder, has_reader

SKIPPED = (ModelUnavailable, ModelMismatch, ModelFailed)  # what rerank.on_failure = skip does without
ALIGNMENT = "alignment"  # generate.verifier: words and figures alone
BUNDLED_VERIFIER = "citewell-verifier"
FREE = Price(read=0, written=0)  # what runs on this machine


class Engine:
    """One data directory with one set of settings; safe to share between threads."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory = directory
        self.settings = settings
        self._beside: tuple[int, SnapshotSource] | None = None  # the last one that was asked for by its number
        self._beside_lock = threading.Lock()

    @cached_property
    def kept(self) -> Kept:
        """Models converted for this machine, and what was measured of them."""
        return Kept(cache_folder(self.settings.encoders.cache), self.directory)

    @cached_property
    def embedder(self) -> SentenceEmbedder | EmbedderByLanguage:
        """The bi-encoder, or those of several languages as one; weights are loaded at the first text."""
        return embedder_of(self.settings.embedder, self.settings.encoders, self.kept)

    @cached_property
    def asking_embedder(self) -> RememberingEmbedder:
        """The bi-encoder with a memory, for questions and what is quoted; ingestion does without, since its passages come once."""
        return RememberingEmbedder(self.embedder)

    @property
    def caches(self) -> list[CacheUse]:
        """How what this engine remembers has been used."""
        found = [*self.asking_embedder.use, self.score_cache.use]
        if isinstance(self.reranker, ReadingCrossEncoder):
            found.append(self.reranker.readings.use)
        return found

    @property
    def encoders(self) -> dict[str, Encoder]:
        """What runs each model of these settings, by its name. Raises ModelUnavailable or ModelMismatch."""
        found = dict(self.embedder.encoders) if isinstance(self.embedder, SentenceEmbedder | EmbedderByLanguage) else {}
        if isinstance(self.reranker, CrossEncoderReranker):
            found[self.settings.rerank.model] = self.reranker.encoder
        return found

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

    @property
    def recipe(self) -> Recipe:
        """How an index of these settings is made."""
        made_with = {
            name: getattr(self.settings, name).model_dump(mode="json") for name in ("embedder", "chunking", "lexical")
        }
        return Recipe(self.fingerprints, self.embedder.dimension, made_with)

    @property
    def embedding_recipe(self) -> Recipe:
        """The recipe, with what computes vectors here; the model is opened for it."""
        return replace(self.recipe, runtime=self.embedder.runtime)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog as a reader. Raises IndexMissing."""
        return Catalog(self.directory)

    @cached_property
    def _live_snapshots(self) -> SnapshotSource:
        return self._snapshots_of(self.catalog.live_generation, self._embedder_of)

    def _snapshots_of(
        self, pick: Callable[[], int | None], embedder_of: Callable[[Manifest], Embedder]
    ) -> SnapshotSource:
        settings = self.settings
        return SnapshotSource(
            self.directory,
            self.catalog,
            pick,
            embedder_of,
            settings.lexical,
            verify=settings.storage.verify_on_open,
            threads=settings.encoders.threads,
        )

    def _embedder_of(self, manifest: Manifest, *, deliberate: bool = False) -> Embedder:
        """The model that a generation's vectors come from. Raises IndexIncompatible for one that neither the settings name nor a
        deliberate choice does."""
        if manifest.fingerprints == self.fingerprints:
            return self.asking_embedder
        if not deliberate and self.catalog.chosen_generation() != manifest.generation:
            require_same(manifest.fingerprints, self.fingerprints)
        if manifest.fingerprints.embedder == self.embedder.fingerprint:
            return self.asking_embedder
        told = manifest.settings["embedder"]
        named = {name: told[name] for name in EmbedderSettings.model_fields if name in told}
        chosen = embedder_of(EmbedderSettings.model_validate(named), self.settings.encoders, self.kept)
        if chosen.fingerprint != manifest.fingerprints.embedder:
            raise IndexIncompatible(
                f"generation {manifest.generation:06d} was built with another {manifest.settings['embedder']['model']} than is installed",
                hint="Install that model, or publish another generation: `citewell generations list`.",
            )
        return chosen

    def snapshot(
        self, groups: frozenset[str] | None = None, generation: int | None = None, filter: Filter | None = None
    ) -> Snapshot:
        """The live generation, or one that is kept beside it, opened, as a caller of these groups (None: the owner) sees what the filter
        lets through.

        Raises IndexMissing, IndexIncompatible or IndexCorrupt.
        """
        if generation is None:
            return self._live_snapshots.current(groups, filter)
        with self._beside_lock:
            number, source = self._beside or (0, self._live_snapshots)
            if number != generation:
                source = self._snapshots_of(lambda: generation, partial(self._embedder_of, deliberate=True))
                self._beside = generation, source
        return source.current(groups, filter)

    @cached_property
    def config_hash(self) -> str:
        """Names every setting that can change an answer, the number of forwards in force among them."""
        return self.settings.model_copy(update={"rerank": self.rerank_settings}).config_hash()

    @cached_property
    def ranker(self) -> LinearRanker:
        """Learning to rank, with the weights that are shipped."""
        return LinearRanker.bundled()

    @cached_property
    def reranker(self) -> Reranker | None:
        """The cross-encoder, or None when none is configured."""
        settings = self.settings.rerank
        if not settings.model:
            return None
        if is_endpoint(settings.model):
            return EndpointReranker(settings)
        folder = model_folder(settings.model)
        kind = ReadingCrossEncoder if has_reader(folder) else CrossEncoderReranker
        return kind(folder, settings, self.settings.encoders, self.kept)

    @property
    def languages_read(self) -> tuple[str, ...]:
        """Those that the cross-encoder reads; empty where it may read all, and for one that fails, which says so when it reads."""
        named = self.settings.rerank.languages
        if named != "auto":
            return named
        try:
            return self.reranker.languages if isinstance(self.reranker, CrossEncoderReranker) else ()
        except SKIPPED:
            return ()

    def can_read(self, query: Query, passages: Sequence[Chunk]) -> bool:
        """Whether the cross-encoder reads the languages of a question and its passages, the likeliest first."""
        return can_read(self.languages_read, query.text, [passage.text for passage in passages])

    @property
    def reader(self) -> Reader | None:
        """The cross-encoder, where it reads as well."""
        return self.reranker if isinstance(self.reranker, ReadingCrossEncoder) else None

    @cached_property
    def rerank_settings(self) -> RerankSettings:
        """The settings of reranking with the number of forwards that the budget allows on this machine.

        A model that cannot be used changes nothing here; reranking itself says what is wrong with it.
        """
        settings = self.settings.rerank
        try:
            if not settings.budget_ms or self.reranker is None:
                return settings
            forward = measured_forward(self.directory, self.reranker, self.settings.encoders.threads)
        except (ModelUnavailable, ModelMismatch, ModelFailed):
            return settings
        allowed = forwards_within(settings.budget_ms, forward)
        return settings.model_copy(update={"max_forwards": min(settings.max_forwards, allowed)})

    @cached_property
    def asked(self) -> AskedLog:
        """The last questions, so that their answers can be replayed."""
        return AskedLog(self.directory, self.settings.storage.keep_questions)

    @cached_property
    def score_cache(self) -> PairCache[float]:
        """What the cross-encoder has read already."""
        return PairCache()

    def scales(self, snapshot: Snapshot) -> Scales:
        """What weighs the sentences of a context, with the words of this generation."""
        return Scales(self.asking_embedder, snapshot.bm25.analyse, snapshot.bm25.term_weights, self.read)

    def read(self, query: Query, passages: Sequence[Chunk]) -> Sequence[Reading]:
        """What each passage holds for the question; nothing where no cross-encoder reads, or where it fails and may be done without."""
        try:
            return self.reader.read(query, passages) if self.reader and passages else []
        except SKIPPED:
            if self.settings.rerank.on_failure == "skip":  # reranking has said what is wrong
                return []
            raise

    @cached_property
    def evidence_model(self) -> EvidenceModel:
        """The weights of evidence: those fitted on a user's own questions before those that are shipped. Raises ModelMismatch."""
        own = self.directory / EVIDENCE_FILE
        bundled = EvidenceModel.bundled()
        return bundled.with_own(EvidenceModel.read(own)) if own.is_file() else bundled

    @cached_property
    def language_models(self) -> tuple[GuardedModel | Replicas, ...]:
        """The language models of the settings, each once, in the order in which they are asked. Raises SettingsError."""
        chosen = self.settings.generate
        if not chosen.model:
            return ()
        first = [self._guarded(name) for name in dict.fromkeys((chosen.model, *chosen.replicas))]
        others = (self._guarded(name) for name in dict.fromkeys(chosen.fallback) if name and name != chosen.model)
        return (first[0] if len(first) == 1 else Replicas(first), *others)

    def _guarded(self, name: str) -> GuardedModel:
        """The model of this name, with tries and a breaker, counted call by call."""
        chosen = self.settings.generate.of(name)
        model = model_for(chosen, self.tokenizer, self.settings.encoders.threads)
        is_remote = isinstance(model, EndpointModel)
        price = chosen.prices.get(name, None if is_remote else FREE)
        metered = MeteredModel(model, name, price, self.settings.budget, self.spending)
        # What runs here has all of the time: asked again it would be as slow, and nothing was lost on the way.
        return GuardedModel(metered, tries=TRIES if is_remote else 1)

    @cached_property
    def spending(self) -> Spending:
        """What language models took, and may take."""
        budget = self.settings.budget
        return Spending(self.directory, budget.of("day"), budget.of("caller"))

    @cached_property
    def generators(self) -> tuple[Generator, ...]:
        """What writes answers, in the order in which they are asked; the last one quotes, and needs no model."""
        chosen = self.settings.generate
        writing = (LanguageGenerator(model, chosen) for model in self.language_models)
        return (*writing, ExtractiveGenerator(self.tokenizer, chosen))

    @property
    def generator(self) -> Generator:
        """The first of them."""
        return self.generators[0]

    @cached_property
    def aligner(self) -> ClaimVerifier:
        """Checks by words and figures alone."""
        return ClaimVerifier(VerifierWeights.read(model_folder(BUNDLED_VERIFIER)).alignment)

    @cached_property
    def verifier(self) -> ClaimVerifier:
        """Checks drafted sentences; its model is loaded at the first one that is no quotation. Raises ModelUnavailable or ModelMismatch."""
        name = self.settings.generate.verifier
        if name == ALIGNMENT:
            return self.aligner
        folder = model_folder(name)
        weights = VerifierWeights.read(folder)
        trunk = model_folder(weights.trunk)
        if weights_fingerprint(trunk) != weights.trunk_fingerprint:
            raise ModelMismatch(
                f"the verifier {name} belongs to other weights of {weights.trunk} than are installed",
                hint="Restore them, train the verifier anew, or check by alignment alone: generate.verifier = alignment.",
            )
        entailment = Entailment(folder, trunk, self.settings.encoders, self.kept)
        return ClaimVerifier(weights.full, entailment)

    def variant(self, settings: Settings) -> Engine:
        """An engine over the same directory with other settings; models that they share are loaded once."""
        other = Engine(self.directory, settings)
        if (settings.embedder, settings.encoders) == (self.settings.embedder, self.settings.encoders):
            for shared in ("embedder", "asking_embedder"):
                other.__dict__[shared] = getattr(self, shared)
        if settings.encoders == self.settings.encoders and _same_reader(settings.rerank, self.settings.rerank):
            for shared in ("reranker", "score_cache"):
                other.__dict__[shared] = getattr(self, shared)
        return other

    @cached_property
    def live_scores(self) -> LiveScores:
        """Where the scores of live questions lie, compared with those of the measurement."""
        return LiveScores(self.directory)

    def see_scores(self, stage: str, scores: Iterable[float]) -> None:
        """Takes the scores of one question by `dense` or `rerank`; several models by language have no range in common."""
        if stage == "dense" and isinstance(self.embedder, SentenceEmbedder):
            self.live_scores.see(self.embedder.encoder, scores)
        elif stage == "rerank" and isinstance(self.reranker, CrossEncoderReranker):
            self.live_scores.see(self.reranker.encoder, scores)

    def close(self) -> None:
        """Keeps what was counted, and gives the catalog back, where it was opened."""
        self.live_scores.flush()
        for model in self.__dict__.get("language_models", ()):
            model.close()
        if "catalog" in self.__dict__:
            self.catalog.close()


def _same_reader(one: RerankSettings, other: RerankSettings) -> bool:
    """Whether both give a pair the same score."""
    fields = {"model", "max_tokens", "endpoint_api", "endpoint_key", "endpoint_model", "endpoint_timeout_s"}
    return one.model_dump(include=fields) == other.model_dump(include=fields)
