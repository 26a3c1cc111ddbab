"""What the numbers of sentences and contexts are worth: fitted weights by configuration, calibrated, with thresholds for stated risks.

A configuration is what the numbers come from: the generator, the embedder, the cross-encoder, and the language of the question. The
shipped file is fitted on public questions (`citewell train evidence`); `citewell evaluate calibrate` leaves another beside the index,
fitted on a user's own, which goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from citewell.core.errors import ModelMismatch
from citewell.core.resources import package_path
from citewell.generate.evidence.context import ALL_CONTEXT_FEATURES
from citewell.generate.evidence.sentences import ALL_FEATURES, Rows

FILE = "evidence.json"
ANY_LANGUAGE = "*"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Linear(_Frozen):
    """w · x + b over named features; a feature that is not named counts nothing."""

    weights: dict[str, float]
    intercept: float

    def over(self, rows: Rows, names: Sequence[str]) -> NDArray[np.float64]:
        """The value of each row of the features `names`, or of a single one."""
        weights = np.array([self.weights.get(name, 0.0) for name in names])
        return np.asarray(rows @ weights + self.intercept, dtype=np.float64)


class Risk(_Frozen):
    """The threshold at and above which answers were wrong in at most `risk` of the cases that calibrated, and the share answered there."""

    risk: float
    threshold: float
    coverage: float


class Configuration(_Frozen):
    """The weights for one configuration. `knots` are (log odds, probability), both rising: what is between is interpolated.

    `context` says whether the passages are about what is asked, `answers` whether the best sentence answers it: both must hold.
    `questions` calibrated it; `error` is the expected calibration error on a fold that was left out; empty knots: not calibrated.
    """

    generator: str
    embedder: str
    reranker: str
    language: str
    sentence: Linear
    context: Linear
    answers: Linear | None = None
    knots: tuple[tuple[float, float], ...] = ()
    risks: tuple[Risk, ...] = ()
    questions: int = 0
    error: float | None = None
    auroc: float | None = None
    data: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Configuration:
        named = self.context.weights.keys() | (self.answers.weights.keys() if self.answers else set())
        unknown = (self.sentence.weights.keys() - set(ALL_FEATURES)) | (named - set(ALL_CONTEXT_FEATURES))
        if unknown:
            raise ValueError(f"features that are not known: {', '.join(sorted(unknown))}")
        if any(a[0] >= b[0] or a[1] > b[1] for a, b in zip(self.knots, self.knots[1:], strict=False)):
            raise ValueError("knots must rise")
        return self

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is for."""
        return self.generator, self.embedder, self.reranker, self.language

    def log_odds(self, contexts: Rows) -> NDArray[np.float64]:
        """Of contexts, rows of ALL_CONTEXT_FEATURES, that they answer."""
        about = self.context.over(contexts, ALL_CONTEXT_FEATURES)
        if self.answers is None:
            return about
        answered = self.answers.over(contexts, ALL_CONTEXT_FEATURES)
        # The log odds of a product of two probabilities.
        return np.asarray(-np.logaddexp(np.logaddexp(-about, -answered), -about - answered), dtype=np.float64)

    def probability(self, log_odds: float) -> float:
        """The calibrated probability, or the logistic one where it was not calibrated."""
        if not self.knots:
            return float(1 / (1 + np.exp(-log_odds)))
        raw, calibrated = zip(*self.knots, strict=True)
        return float(np.interp(log_odds, raw, calibrated))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A configuration to go by; `uncalibrated` says why its probability is none, empty where it is one."""

    configuration: Configuration
    uncalibrated: str = ""


class EvidenceModel(_Frozen):
    """All configurations of a file, and who fitted them: `shipped`, or `own` questions."""

    source: str
    configurations: tuple[Configuration, ...]

    @classmethod
    def bundled(cls) -> EvidenceModel:
        """The shipped one."""
        return cls.read(package_path("data", "models", "evidence") / FILE)

    @classmethod
    def read(cls, path: Path) -> EvidenceModel:
        """From a file. Raises ModelMismatch."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError) as error:
            raise ModelMismatch(
                f"{path} holds no weights of evidence that this version reads: {str(error)[:200]}",
                hint="Remove the file, or make it anew: citewell evaluate calibrate.",
            ) from None

    def with_own(self, own: EvidenceModel) -> EvidenceModel:
        """With those of `own` before these."""
        return EvidenceModel(source=own.source, configurations=(*own.configurations, *self.configurations))

    def choose(self, generator: str, embedder: str, reranker: str, language: str) -> Chosen:
        """The configuration for these, else the nearest, with what it was not calibrated for."""
        wanted = {"generator": generator, "embedder": embedder, "reranker": reranker, "language": language}

        def unlike(one: Configuration) -> list[str]:
            return [
                name
                for name, value in wanted.items()
                if getattr(one, name) != value and not (name == "language" and one.language == ANY_LANGUAGE)
            ]

        # Whether a cross-encoder reads decides which numbers there are at all; so a configuration must agree in that first.
        nearest = min(
            self.configurations,
            key=lambda one: (bool(one.reranker) != bool(reranker), len(unlike(one)), one.language == ANY_LANGUAGE),
        )
        missing = unlike(nearest)
        if missing:
            told = ", ".join(f"{name} {wanted[name] or 'none'}" for name in missing)
            return Chosen(nearest, f"not calibrated for {told}")
        return Chosen(nearest, "" if nearest.knots else "these weights were never calibrated")
