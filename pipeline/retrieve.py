"""From a question to ranked passages: retrieve -> fuse -> learn to rank -> rerank; the evaluation measures these very functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from citewell.core.facts import CandidateFacts
from citewell.core.settings import FusionSettings
from citewell.core.tracing import stage
from citewell.core.types import Query, Ranking, StoredPassage, rank_by_score
from citewell.index.analysis import QuestionTerms
from citewell.index.fusion import Scores, fuse, union
from citewell.index.snapshot import Snapshot
from citewell.pipeline.across_languages import across_languages
from citewell.pipeline.wiring import SKIPPED, Engine
from citewell.rerank.cascade import rerank

STAGES = ("bm25", "dense", "hybrid", "ltr", "rerank")
# Fetched for the context beyond what it may hold, so that near-duplicates can be passed over.
SPARE_PASSAGES = 12
SETTLED = 10  # reading goes on until at least so many ranks can no longer change


@dataclass(frozen=True)
class FirstStage:
    """Both first-stage rankings of one query, and what each retriever gives to every candidate of either."""

    snapshot: Snapshot
    query: Query
    bm25: Ranking
    dense: Ranking

    @cached_property
    def scores(self) -> Scores:
        """Computed when they are first asked for: rank fusion does without."""
        both = union(self.bm25, self.dense)
        return self.snapshot.bm25.score(self.query, both), self.snapshot.dense.score(self.query, both)

    def fuse(self, settings: FusionSettings) -> Ranking:
        """One ranking of the union of both."""
        return fuse(self.bm25, self.dense, lambda: self.scores, settings)

    def facts(self, ranking: Ranking) -> CandidateFacts:
        """What is known of the candidates of `ranking` besides their scores."""
        vectors = self.snapshot.dense.vectors([candidate.chunk_id for candidate in ranking.candidates])
        return CandidateFacts(ranking, vectors)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The rankings of one query, stage by stage, and the passages of the last one's head."""

    query: Query
    bm25: Ranking
    dense: Ranking
    hybrid: Ranking
    ltr: Ranking
    final: Ranking
    passages: Mapping[str, StoredPassage]
    snapshot: Snapshot

    @property
    def terms(self) -> QuestionTerms:
        """What BM25 searched for."""
        return self.snapshot.bm25.terms(self.query.text)

    def ranking(self, stage_name: str) -> Ranking:
        """The ranking of one of STAGES."""
        stages = (self.bm25, self.dense, self.hybrid, self.ltr, self.final)
        return dict(zip(STAGES, stages, strict=True))[stage_name]


def retrieve(engine: Engine, snapshot: Snapshot, query: Query) -> Retrieved:
    """First-stage retrieval, fusion, learning to rank and reranking; the evaluation measures this very function."""
    first = first_stage(engine, snapshot, query)
    with stage("fuse", method=engine.settings.fusion.method) as span:
        hybrid = first.fuse(engine.settings.fusion)
        span.facts["candidates"] = len(hybrid)
    with stage("ltr") as span:
        ltr = learn_to_rank(engine, first, hybrid)
        span.facts["candidates"] = min(len(ltr), engine.settings.rerank.ltr_depth) if engine.settings.rerank.ltr else 0
    final, passages = rerank_head(engine, query, ltr)
    return Retrieved(query, first.bm25, first.dense, hybrid, ltr, final, passages, snapshot)


def first_stage(engine: Engine, snapshot: Snapshot, query: Query) -> FirstStage:
    """BM25 and dense at the depth of the settings."""
    depth = engine.settings.retrieve.depth
    with stage("bm25") as span:
        bm25 = snapshot.bm25.search(query, depth)
        span.facts["candidates"] = len(bm25)
        if not len(bm25) and query.filter is None:
            span.facts["warning"] = "none of the question's words stands in the documents: only meaning is compared"
    with stage("dense") as span:
        dense = snapshot.dense.search(query, depth)
        span.facts["candidates"] = len(dense)
        engine.see_scores("dense", [candidate.score for candidate in dense.candidates[:1]])
        if query.filter is not None and not len(bm25) and not len(dense):
            span.facts["warning"] = f"no document that may be read fits the filter {query.filter}"
        note = across_languages(engine.embedder, snapshot, query.text)
        if note:
            span.facts["warning"] = note
    return FirstStage(snapshot, query, bm25, dense)


def learn_to_rank(engine: Engine, first: FirstStage, hybrid: Ranking) -> Ranking:
    """The fused ranking with its head ordered by the learned model, unless the settings do without."""
    settings = engine.settings.rerank
    if not settings.ltr or not len(hybrid):
        return hybrid
    head = hybrid.head(settings.ltr_depth)
    return _with_tail(engine.ranker.rank(first.query.text, first.facts(head)), hybrid, len(head))


def rerank_head(engine: Engine, query: Query, ordered: Ranking) -> tuple[Ranking, Mapping[str, StoredPassage]]:
    """The ranking with its head read by the cross-encoder, where there is one, and the passages of that head."""
    head = ordered.head(fetch_depth(engine))
    with stage("fetch"):
        passages = engine.catalog.passages(head.candidates, query.groups)
    with stage("rerank") as span:
        settings = engine.settings.rerank
        try:
            reranker = engine.reranker
            if reranker is None:
                span.facts["note"] = "no cross-encoder is configured: the order is passed through"
                return ordered, passages
            chunks = {key: stored.chunk for key, stored in passages.items()}
            if not engine.can_read(query, [chunks[c.chunk_id] for c in head.candidates if c.chunk_id in chunks]):
                span.facts["note"] = f"{settings.model} does not read this language: the order is passed through"
                return ordered, passages
            keep = max(SETTLED, engine.settings.context.max_passages)
            done = rerank(query, head, chunks, reranker, engine.rerank_settings, keep, engine.score_cache)
        except SKIPPED as error:
            if settings.on_failure == "fail":
                raise
            span.facts["warning"] = f"not reranked: {error.message}"
            return ordered, passages
        engine.see_scores("rerank", done.scores)
        span.facts |= {"model": settings.model, "max_forwards": engine.rerank_settings.max_forwards}
        span.facts |= {"forwards": done.forwards, "remembered": done.remembered, "spared": done.spared}
        span.facts["share"] = round(done.share, 4)
        if done.spared:
            span.facts["note"] = f"{done.spared} candidates were not read: they could not enter the first {keep}"
    return _with_tail(done.ranking, ordered, len(head)), passages


def fetch_depth(engine: Engine) -> int:
    """How many candidates go on: those that are reranked, and enough to fill the context."""
    reranked = engine.rerank_settings.max_forwards if engine.settings.rerank.model else 0
    return max(reranked, engine.settings.context.max_passages + SPARE_PASSAGES)


def _with_tail(head: Ranking, before: Ranking, replaced: int) -> Ranking:
    """The new head in place of the first `replaced` candidates, and below it the others in their old order."""
    tail = before.candidates[replaced:]
    low = min((c.score for c in head.candidates), default=0.0)
    scores = {c.chunk_id: c.score for c in head.candidates} | {c.chunk_id: low - i for i, c in enumerate(tail, start=1)}
    return rank_by_score(head.scorer, scores, {c.chunk_id: c.doc_id for c in (*head.candidates, *tail)})
