"""Fitting the share of a cross-encoder: coordinate ascent on nDCG@10 of the blended order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citewell.rerank.blend import Blend
from citewell.rerank.features import TRAITS
from citewell.rerank.train.linear import ascend, ndcg_of

STEPS = (-0.4, -0.2, -0.1, 0.1, 0.2, 0.4)


@dataclass(frozen=True, slots=True)
class ReadNeed:
    """A question, its read candidates by the stages before and by the cross-encoder, both in [0, 1], and the gains of all candidates,
    the read ones first."""

    text: str
    before: NDArray[np.float64]
    said: NDArray[np.float64]
    gains: NDArray[np.float64]
    ideal: float


def fit_share(sets: Mapping[str, Sequence[ReadNeed]], shares: Mapping[str, float]) -> Blend:
    """The blend that raises the mean nDCG@10 of the sets most, each weighed by its share. Deterministic."""

    def value(terms: NDArray[np.float64]) -> float:
        blend = _blend(terms)
        return sum(shares[name] * share_ndcg(blend, found) for name, found in sets.items())

    return _blend(ascend(np.zeros(len(TRAITS)), STEPS, value))


def share_ndcg(blend: Blend, found: Sequence[ReadNeed]) -> float:
    """Mean nDCG@10 of these questions in the blended order."""
    return float(np.mean([_ndcg(blend, need) for need in found])) if found else 0.0


def _ndcg(blend: Blend, need: ReadNeed) -> float:
    share = blend.share(need.text, need.before)
    read = len(need.before)
    scores = np.full(len(need.gains), -1.0)  # what is not read stays below, as it was
    scores[:read] = (1 - share) * need.before + share * need.said
    return ndcg_of(scores, need.gains, need.ideal)


def _blend(terms: NDArray[np.float64]) -> Blend:
    return Blend({trait: float(term) for trait, term in zip(TRAITS, terms, strict=True) if term})
