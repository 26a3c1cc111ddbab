"""How much the cross-encoder's word counts, question by question.

A short question with one answer is what a cross-encoder reads best; a long need that many passages bear on is ordered better by
the stages before it. The model's folder declares the share in `rerank.json`, fitted where neither was trained.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from citewell.core.errors import ModelMismatch
from citewell.rerank.features import TRAITS, Rows, traits_of

CAUTIOUS = 0.3  # for a model that declares nothing
MOST = 0.8  # the stages before it always count


@dataclass(frozen=True)
class Blend:
    """The cross-encoder's share of the blended score, a sum of terms over TRAITS cut to [0, MOST]."""

    terms: Mapping[str, float]

    def __post_init__(self) -> None:
        unknown = set(self.terms) - set(TRAITS)
        if unknown:
            raise ModelMismatch(f"the blend names {sorted(unknown)[0]!r}, which is no trait of a question")

    @cached_property
    def _weights(self) -> Rows:
        return np.array([self.terms.get(trait, 0.0) for trait in TRAITS])

    def share(self, question: str, scores: Collection[float]) -> float:
        """The share for a question whose candidates have these scores, scaled to [0, 1]."""
        traits = traits_of(question, np.fromiter(scores, dtype=np.float64))
        return float(np.clip(self._weights @ traits, 0.0, MOST))


def blend_of(declared: Mapping[str, float] | None) -> Blend:
    """The blend that a model declares, or the cautious one."""
    return Blend({TRAITS[0]: CAUTIOUS} if declared is None else declared)
