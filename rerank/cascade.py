"""How far the cross-encoder reads, and how its score joins that of the stage before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citewell.core.protocols import Reranker
from citewell.core.scores import min_max
from citewell.core.settings import RerankSettings
from citewell.core.types import Candidate, Chunk, Query, Ranking, rank_by_score
from citewell.rerank.blend import blend_of
from citewell.rerank.cache import PairCache

# Added to what may be reranked, so that it stays above what may not, whose scores are at most 1.
HEAD_BONUS = 2.0
STEP = 8  # candidates scored before it is asked again whether more can matter


@dataclass(frozen=True, slots=True)
class Reranked:
    """The new order, how many pairs the model read, how many scores were remembered, how many candidates of the head it left out, and the
    model's share of the score."""

    ranking: Ranking
    forwards: int
    remembered: int
    spared: int
    share: float


def rerank(
    query: Query,
    ordered: Ranking,
    chunks: Mapping[str, Chunk],
    reranker: Reranker,
    settings: RerankSettings,
    keep: int,
    cache: PairCache[float] | None = None,
) -> Reranked:
    """The first `max_forwards` candidates by (1 - share) * minmax(stage before) + share * scaled(cross-encoder), the others below, as they were.

    The share is the weight of the settings, or what the model declares for such a question (`rerank/blend.py`).
    The cross-encoder's scores are scaled by the range that the model declares; one that declares none has all of them scaled to
    their own range. With a declared range reading stops early: when no unread candidate, were it given the highest score, could
    still enter the first `keep` (what a context passes over as a duplicate is then made up from below, where unread candidates stand
    too). Unread ones count as having the lowest score. Candidates whose passage is not in `chunks`
    (deleted meanwhile) are left out.
    """
    alive = [c for c in ordered.candidates if c.chunk_id in chunks]
    head, tail = alive[: settings.max_forwards], alive[settings.max_forwards :]
    base = min_max({c.chunk_id: c.score for c in head})
    share = _share(query, base, reranker, settings)
    reading = _Reading(query, chunks, reranker, cache)
    bounds = reranker.score_range if settings.early_exit else None
    if bounds is None:
        reading.read(head)
        scaled = scaled_scores(reading.scores, reranker.score_range)
    else:
        scaled = _until_settled(reading, head, base, share, bounds, keep)
    blended = {key: HEAD_BONUS + (1 - share) * value + share * scaled.get(key, 0.0) for key, value in base.items()}
    blended |= min_max({c.chunk_id: c.score for c in tail})
    ranking = rank_by_score(reranker.name, blended, {c.chunk_id: c.doc_id for c in alive})
    return Reranked(ranking, reading.forwards, reading.remembered, len(head) - len(reading.scores), share)


def _share(query: Query, base: Mapping[str, float], reranker: Reranker, settings: RerankSettings) -> float:
    if settings.weight != "auto":
        return settings.weight
    return blend_of(reranker.blend).share(query.text, base.values())


class _Reading:
    """The scores of one query so far."""

    def __init__(
        self, query: Query, chunks: Mapping[str, Chunk], reranker: Reranker, cache: PairCache[float] | None
    ) -> None:
        self._query, self._chunks, self._reranker, self._cache = query, chunks, reranker, cache
        self.scores: dict[str, float] = {}
        self.forwards = self.remembered = 0

    def read(self, candidates: Sequence[Candidate]) -> None:
        """Scores these, those that the cache does not know."""
        passages = [self._chunks[c.chunk_id] for c in candidates]
        known = self._cache.known(self._query, passages) if self._cache is not None else {}
        new = [passage for passage in passages if passage.chunk_id not in known]
        scores = self._reranker.score(self._query, new)
        if self._cache is not None:
            self._cache.keep(self._query, new, scores)
        self.scores |= known | {p.chunk_id: score for p, score in zip(new, scores, strict=True)}
        self.forwards += len(new)
        self.remembered += len(known)


def _until_settled(
    reading: _Reading,
    head: Sequence[Candidate],
    base: Mapping[str, float],
    share: float,
    bounds: tuple[float, float],
    keep: int,
) -> dict[str, float]:
    """Reads the head step by step until the first `keep` are settled."""
    scaled: dict[str, float] = {}
    for at in range(0, len(head), STEP):
        reading.read(head[at : at + STEP])
        scaled = scaled_scores(reading.scores, bounds)
        got = sorted(((1 - share) * base[key] + share * value for key, value in scaled.items()), reverse=True)
        hope = max(((1 - share) * base[c.chunk_id] + share for c in head[at + STEP :]), default=0.0)
        if len(got) >= keep and got[keep - 1] > hope:
            break
    return scaled


def scaled_scores(scores: Mapping[str, float], bounds: tuple[float, float] | None) -> dict[str, float]:
    """(score - low) / (high - low), cut to [0, 1]; without declared bounds those of the scores themselves."""
    if bounds is None:
        return min_max(scores)
    low, high = bounds
    return {key: min(1.0, max(0.0, (score - low) / (high - low))) for key, score in scores.items()}
