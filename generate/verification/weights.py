"""How alignment and entailment become one probability: a logistic model over both, with the threshold that keeps its promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from citewell.core.errors import ModelMismatch
from citewell.generate.verification.alignment import Alignment

FILE = "verifier.json"
KINDS = ("number", "date", "unit", "name", "negation", "opposite")
ALIGNED = ("coverage", "nearest", "verbatim", *KINDS, "differs")
FEATURES = (*ALIGNED, "odds", "contradicted")  # the last two are the trained verifier's
# What is said exactly is right or wrong: no likeness of meaning makes up for another figure.
EXACT = frozenset({"number", "date", "unit"})


class Weights(BaseModel):
    """w · x + b over FEATURES, the least probability at which a claim counts as supported, and the log odds from which one that is not
    counts as contradicted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: dict[str, float]
    intercept: float
    threshold: float
    contradicted: float

    def probability(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of rows of FEATURES."""
        weights = np.array([self.weights.get(name, 0.0) for name in FEATURES])
        return np.asarray(1 / (1 + np.exp(-(features @ weights + self.intercept))), dtype=np.float64)


class VerifierWeights(BaseModel):
    """For the trained verifier with alignment, and for alignment alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trunk: str
    trunk_fingerprint: str
    full: Weights
    alignment: Weights

    @classmethod
    def read(cls, folder: Path) -> VerifierWeights:
        """From the folder of a verifier. Raises ModelMismatch."""
        try:
            return cls.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
        except (OSError, ValidationError) as error:
            raise ModelMismatch(f"{folder} holds no verifier that this version reads: {str(error)[:200]}") from None


def described(alignment: Alignment, odds: tuple[float, float] = (0.0, 0.0)) -> list[float]:
    """One row of FEATURES."""
    kinds = {finding.kind for finding in alignment.findings}
    differs = float(any(finding.contradicts for finding in alignment.findings))
    return [
        alignment.coverage, alignment.nearest, float(alignment.verbatim), *(float(kind in kinds) for kind in KINDS), differs, *odds
    ]  # fmt: skip
