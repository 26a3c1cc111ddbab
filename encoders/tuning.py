"""What was measured of the runtimes of one network on one kind of machine, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from citewell.encoders.runtimes import REFERENCE
from citewell.encoders.slices import NEAR_TIES

# Below these a runtime is not used at all, so that what different runtimes computed may stand in one generation.
LEAST_COSINE = 0.98
LEAST_MEAN_COSINE = 0.995
# Scores, as shares of the spread (standard deviation) of the reference's: what they differ by at most and on average.
MOST_DEVIATION = 0.5
MOST_MEAN_DEVIATION = 0.05
LEAST_TAU = 0.95  # Kendall's tau of all scores
LEAST_TIES_KEPT = 0.85  # of near ties, the share that stays in order where the reference tells them apart
TOLD_APART = 0.02  # as a cosine's difference, or as a share of the spread of scores
BOUNDS = f"{LEAST_COSINE} {LEAST_MEAN_COSINE} {LEAST_TIES_KEPT} {MOST_DEVIATION} {MOST_MEAN_DEVIATION} {LEAST_TAU}"
EXACTNESS = {"float32": 2, "bfloat16": 1, "int8": 0}
WORTH = 0.85  # a more exact runtime is taken when it has this share of the speed of the fastest


class Frozen(BaseModel):
    """Stored as JSON; unknown keys are refused, so that what another version wrote is measured anew."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Agreement(Frozen):
    """How like the reference one kind of text came out: cosines, or 1 less the deviation as a share of the spread of scores."""

    mean: float
    least: float


class Measured(Frozen):
    """One runtime: speed in bulk and for a single question, likeness by kind of text, `order` kept, and why it may not be used."""

    runtime: str
    texts_per_s: float = 0.0
    question_ms: float = 0.0
    agreement: dict[str, Agreement] = {}
    order: float = 1.0
    refused: str = ""


class Tuning(Frozen):
    """The calibration card of a network on a kind of machine: what was measured with what, and what is used from now on.

    `scores` is the range of the reference's scores: of pairs, or of questions' best cosines.
    """

    network: str
    machine: str
    threads: int
    made_with: dict[str, str]
    seed: int
    texts: str
    bounds: str
    measured: tuple[Measured, ...]
    bulk: str
    question: str
    question_threads: int
    reason: str
    scores: tuple[float, float]


Rows = Mapping[str, NDArray[np.float32]]  # outputs by kind of text, `(texts, numbers)`


def compare_vectors(reference: Rows, found: Rows) -> tuple[dict[str, Agreement], float]:
    """Cosines by kind of text, and the share of near ties that stay in order: of two texts, which is nearer to a third."""
    agreement = {kind: _summed(_cosines(reference[kind], found[kind])) for kind in reference}
    return agreement, _ties_kept(_tie_margins(reference), _tie_margins(found), TOLD_APART)


def _cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / np.maximum(lengths, 1e-12), dtype=np.float32)


def _tie_margins(rows: Rows) -> NDArray[np.float64]:
    """For every question and two near texts, how much nearer the first is."""
    ties, asked = rows[NEAR_TIES].astype(np.float64), rows["questions"].astype(np.float64)
    ties /= np.linalg.norm(ties, axis=1, keepdims=True)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    return np.asarray(((ties[::2] - ties[1::2]) @ asked.T).ravel())


def compare_scores(reference: Rows, found: Rows) -> tuple[dict[str, Agreement], float]:
    """Likeness of scores by kind of text, and the smaller of Kendall's tau over all of them and the share of near ties kept."""
    from scipy.stats import kendalltau  # takes most of a second, which a question need not wait for

    everything = np.concatenate([rows.ravel() for rows in reference.values()]).astype(np.float64)
    spread = max(float(everything.std()), 1e-6)
    agreement = {
        kind: _summed(1 - np.abs(found[kind].ravel() - rows.ravel()) / spread) for kind, rows in reference.items()
    }
    tau = float(kendalltau(everything, np.concatenate([found[kind].ravel() for kind in reference])).statistic)
    one, other = (rows[NEAR_TIES].ravel().astype(np.float64) for rows in (reference, found))
    kept = _ties_kept(one[::2] - one[1::2], other[::2] - other[1::2], TOLD_APART * spread)
    return agreement, min(0.0 if np.isnan(tau) else tau, kept)


def _ties_kept(reference: NDArray[np.float64], found: NDArray[np.float64], told_apart: float) -> float:
    """Of the differences that the reference makes, the share that the other makes the same way."""
    apart = np.abs(reference) > told_apart
    return float((np.sign(reference[apart]) == np.sign(found[apart])).mean()) if apart.any() else 1.0


def _summed(values: NDArray[np.floating]) -> Agreement:
    return Agreement(mean=round(float(values.mean()), 5), least=round(float(values.min()), 5))


def refusal(reads: str, agreement: Mapping[str, Agreement], order: float) -> str:
    """Why what a runtime computes is too unlike the reference; empty where it is not."""
    mean, least, kept = (
        (LEAST_MEAN_COSINE, LEAST_COSINE, LEAST_TIES_KEPT)
        if reads == "texts"
        else (1 - MOST_MEAN_DEVIATION, 1 - MOST_DEVIATION, LEAST_TAU)
    )
    for kind, found in agreement.items():
        if not found.least >= least or not found.mean >= mean:  # also when they are no numbers
            return f"on {kind} its agreement with the reference is {found.mean:.4f} on average and {found.least:.4f} at least ({mean} and {least} are needed)"
    return "" if order >= kept else f"it keeps {order:.3f} of the reference's order ({kept} is needed)"


def choose(measured: Sequence[Measured], reads: str) -> tuple[str, str, str]:
    """The runtimes for many texts and for a single question, and why: the fastest that may be used, or a more exact one nearly as fast.

    Pairs are never read one by one.
    """
    usable = [one for one in measured if not one.refused]
    reference = next(one for one in usable if one.runtime == REFERENCE)
    bulk = _best({one.runtime: one.texts_per_s for one in usable})
    question = bulk if reads == "pairs" else _best({one.runtime: 1 / one.question_ms for one in usable})
    by_name = {one.runtime: one for one in usable}
    faster = by_name[bulk].texts_per_s / reference.texts_per_s
    quicker = reference.question_ms / by_name[question].question_ms
    least = min((a.least for a in by_name[bulk].agreement.values()), default=1.0)
    reason = (
        f"{faster:.1f} times as many {reads} a second as PyTorch in float32, a single one {quicker:.1f} times as fast, "
        f"agreement at least {least:.4f} on every kind of text"
    )
    return bulk, question, reason


def _best(speeds: Mapping[str, float]) -> str:
    fastest = max(speeds.values())
    near = [name for name, speed in speeds.items() if speed >= WORTH * fastest]
    return max(near, key=lambda name: (EXACTNESS[name.rpartition("-")[2]], speeds[name]))
