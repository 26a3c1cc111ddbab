"""How far the cross-encoder reads, and how its score joins that of the stage before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citewell.core.protocols import Reranker
from citewell.core.scores import CONSTANT_LIST_SCORE, min_max
from citewell.core.settings import RerankSettings
from citewell.core.types import Candidate, Chunk, Query, Ranking, rank_by_score
from citewell.rerank.blend import blend_of
from citewell.rerank.cache import PairCache

# Added to what may be reranked, so that it stays above what may not, whose scores are at most 1.
HEAD_BONUS = 2.0
STEP = 8  # candidates scored before it is asked again whether more can matter
PILOT = 2 * STEP  # candidates whose scores say what high and low mean for this question


@dataclass(frozen=True, slots=True)
class Reranked:
    """The new order, how many pairs the model read, how many scores were remembered, how many candidates of the head it left out, the
    model's share of the score, and its own scores."""

    ranking: Ranking
    forwards: int
    remembered: int
    spared: int
    share: float
    scores: tuple[float, ...] = ()


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

    The share is the weight of the settings, or what the model declares for such a question (`rerank/blend.py`). The cross-encoder's
    scores are scaled to the range that the first PILOT of them span, and cut to [0, 1]: what a score means differs from model to
    model and from question to question. With early exit, reading ends when no unread candidate, were it given the highest score,
    could still enter the first `keep` (what a context passes over as a duplicate is then made up from below, where unread candidates
    stand too). Unread ones count as having the lowest score. Candidates whose passage is not in `chunks` (deleted meanwhile) are left
    out.
    """
    alive = [c for c in ordered.candidates if c.chunk_id in chunks]
    head, tail = alive[: settings.max_forwards], alive[settings.max_forwards :]
    base = min_max({c.chunk_id: c.score for c in head})
    share = _share(query, base, reranker, settings)
    reading = _Reading(query, chunks, reranker, cache)
    if settings.early_exit:
        _read_until_settled(reading, head, base, share, keep)
    else:
        reading.read(head)
    scaled = reading.scaled()
    blended = {key: HEAD_BONUS + (1 - share) * value + share * scaled.get(key, 0.0) for key, value in base.items()}
    blended |= min_max({c.chunk_id: c.score for c in tail})
    ranking = rank_by_score(reranker.name, blended, {c.chunk_id: c.doc_id for c in alive})
    spared = len(head) - len(reading.scores)
    return Reranked(ranking, reading.forwards, reading.remembered, spared, share, tuple(reading.scores.values()))


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
        read = {p.chunk_id: score for p, score in zip(new, scores, strict=True)}
        self.scores |= {p.chunk_id: (known | read)[p.chunk_id] for p in passages}  # in the order of reading
        self.forwards += len(new)
        self.remembered += len(known)

    def scaled(self) -> dict[str, float]:
        """What was read so far, scaled."""
        return dict(zip(self.scores, scaled_scores(list(self.scores.values())), strict=True))


def _read_until_settled(
    reading: _Reading, head: Sequence[Candidate], base: Mapping[str, float], share: float, keep: int
) -> None:
    """Reads the head step by step until the first `keep` are settled."""
    for at in range(0, len(head), STEP):
        reading.read(head[at : at + STEP])
        if len(reading.scores) < PILOT:
            continue
        got = sorted(((1 - share) * base[key] + share * value for key, value in reading.scaled().items()), reverse=True)
        hope = max(((1 - share) * base[c.chunk_id] + share for c in head[at + STEP :]), default=0.0)
        if len(got) >= keep and got[keep - 1] > hope:
            break


def scaled_scores(scores: Sequence[float]) -> list[float]:
    """Scores in the order in which they were read, as (score - low) / (high - low) of the first PILOT, cut to [0, 1]."""
    low, high = min(scores[:PILOT], default=0.0), max(scores[:PILOT], default=0.0)
    if high <= low:
        return [CONSTANT_LIST_SCORE] * len(scores)
    return [min(1.0, max(0.0, (score - low) / (high - low))) for score in scores]
