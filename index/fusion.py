"""Fusing first-stage rankings: pure functions that ignore the order of their input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from citewell.core.scores import min_max
from citewell.core.types import Ranking


def weighted_sum(bm25: Mapping[str, float], dense: Mapping[str, float], dense_weight: float) -> dict[str, float]:
    """(1 - w) * minmax(bm25) + w * minmax(dense), over passages that both have scored.

    Raises ValueError when they have not scored the same passages: a missing score is to be computed, not to be zero.
    """
    if bm25.keys() != dense.keys():
        raise ValueError("both retrievers must have scored every candidate")
    lexical, semantic = min_max(bm25), min_max(dense)
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
