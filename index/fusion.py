"""Fusing first-stage rankings: pure functions that ignore the order of their input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from citewell.core.scores import min_max, z_score
from citewell.core.settings import FusionSettings
from citewell.core.types import Ranking, rank_by_score

# What BM25 and dense give to the same passages.
Scores = tuple[Mapping[str, float], Mapping[str, float]]
Normalise = Callable[[Mapping[str, float]], dict[str, float]]
_NORMALISE: dict[str, Normalise] = {"min_max": min_max, "z_score": z_score}


def fuse(bm25: Ranking, dense: Ranking, scores: Callable[[], Scores], settings: FusionSettings) -> Ranking:
    """One ranking of the union of both, by the method of the settings; `scores` gives those of every candidate, where they are needed."""
    doc_ids = {c.chunk_id: c.doc_id for ranking in (bm25, dense) for c in ranking.candidates}
    if settings.method == "rrf":
        return rank_by_score("rrf", reciprocal_rank_fusion([bm25, dense], settings.rrf_k), doc_ids)
    fused = weighted_sum(*scores(), settings.dense_weight, _NORMALISE[settings.method])
    return rank_by_score(settings.method, fused, doc_ids)


def union(bm25: Ranking, dense: Ranking) -> list[str]:
    """The passages of either ranking, sorted by id."""
    return sorted({c.chunk_id for ranking in (bm25, dense) for c in ranking.candidates})


def weighted_sum(
    bm25: Mapping[str, float], dense: Mapping[str, float], dense_weight: float, normalise: Normalise = min_max
) -> dict[str, float]:
    """(1 - w) * normalise(bm25) + w * normalise(dense), over passages that both have scored.

    Raises ValueError when they have not scored the same passages: a missing score is to be computed, not to be zero.
    """
    if bm25.keys() != dense.keys():
        raise ValueError("both retrievers must have scored every candidate")
    lexical, semantic = normalise(bm25), normalise(dense)
    return {key: (1 - dense_weight) * lexical[key] + dense_weight * semantic[key] for key in lexical}


def reciprocal_rank_fusion(rankings: Sequence[Ranking], k: int) -> dict[str, float]:
    """Sum over rankings of 1 / (k + rank) (Cormack, Clarke, Buettcher, SIGIR 2009); absent from a ranking adds nothing."""
    scores: dict[str, float] = {}
    # Summed from the smallest part, so that the order of the rankings cannot change the last bit.
    parts: dict[str, list[float]] = {}
    for ranking in rankings:
        for candidate in ranking.candidates:
            parts.setdefault(candidate.chunk_id, []).append(1 / (k + candidate.rank))
    for chunk_id, values in parts.items():
        scores[chunk_id] = sum(sorted(values))
    return scores
