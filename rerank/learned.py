"""Learning to rank: a linear model over the features of candidates.

Its weights are a few numbers in `data/models/learning-to-rank/weights.json`, with how they came about (`rerank/train/linear.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from citewell.core.errors import ModelMismatch, ModelUnavailable
from citewell.core.facts import CandidateFacts
from citewell.core.resources import package_path
from citewell.core.types import Ranking, rank_by_score
from citewell.rerank.features import FEATURES, TRAITS, Rows, describe

BUNDLED = "learning-to-rank"
FILE = "weights.json"


class Weights(BaseModel):
    """`terms` gives the weight of `feature` or `feature*trait`; the fused score has weight 1."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    terms: Mapping[str, float]

    def matrix(self) -> Rows:
        """`(len(FEATURES), len(TRAITS))`; raises ModelMismatch for a feature or a trait that does not exist."""
        weights = np.zeros((len(FEATURES), len(TRAITS)))
        weights[FEATURES.index("fused"), 0] = 1.0
        for name, value in self.terms.items():
            feature, _, trait = name.partition("*")
            try:
                weights[FEATURES.index(feature), TRAITS.index(trait or TRAITS[0])] = value
            except ValueError:
                raise ModelMismatch(f"the weights of learning to rank name {name!r}, which is no feature") from None
        return weights


@dataclass(frozen=True)
class LinearRanker:
    """Orders candidates by a weighted sum of their features. `name` is what its scores are called."""

    weights: Weights
    name: str = "ltr"

    @classmethod
    def bundled(cls) -> LinearRanker:
        """The model that is shipped. Raises ModelUnavailable or ModelMismatch."""
        return cls.read(package_path("data", "models", BUNDLED))

    @classmethod
    def read(cls, folder: Path) -> LinearRanker:
        """The model in `folder`. Raises ModelUnavailable or ModelMismatch."""
        try:
            ranker = cls(Weights.model_validate_json((folder / FILE).read_bytes()))
        except OSError:
            raise ModelUnavailable(f"{folder} holds no {FILE}", hint="Set rerank.ltr = false to do without.") from None
        except ValidationError:
            raise ModelMismatch(f"{folder / FILE} does not hold weights of learning to rank") from None
        ranker.weights.matrix()  # names what it does not know
        return ranker

    @cached_property
    def _matrix(self) -> Rows:
        return self.weights.matrix()

    def rank(self, question: str, facts: CandidateFacts) -> Ranking:
        """The candidates by falling score."""
        if not len(facts.ranking):
            return facts.ranking
        rows, traits = describe(question, facts)
        scores = rows @ (self._matrix @ traits)
        candidates = facts.ranking.candidates
        scored = {c.chunk_id: float(score) for c, score in zip(candidates, scores, strict=True)}
        return rank_by_score(self.name, scored, {c.chunk_id: c.doc_id for c in candidates})
