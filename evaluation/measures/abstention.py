"""Whether refusing was right: precision, recall, F1, AUROC, and the curve of risk over coverage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from citewell.core.scores import auroc
from citewell.evaluation.measures.statistics import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Abstention:
    """Refusals as a classifier of unanswerable questions; AUROC is that of the sufficiency score, None with one class only."""

    precision: float
    recall: float
    f1: float
    auroc: float | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Answering everything with at least this score: the share that is answered, and the share of those that is wrong.

    `risk_high` is the upper end of the one-sided 95 % interval of the risk (Clopper and Pearson, 1934).
    """

    threshold: float
    coverage: float
    risk: float
    risk_high: float


def abstention(answerable: Sequence[bool], answered: Sequence[bool], scores: Sequence[float]) -> Abstention:
    """What refusing got right; a ratio without cases is 0."""
    refused = [not a for a in answered]
    right = sum(r and not a for r, a in zip(refused, answerable, strict=True))
    precision = right / sum(refused) if any(refused) else 0.0
    recall = right / (len(answerable) - sum(answerable)) if not all(answerable) else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    positive = [score for score, known in zip(scores, answerable, strict=True) if known]
    negative = [score for score, known in zip(scores, answerable, strict=True) if not known]
    return Abstention(precision, recall, f1, auroc(positive, negative))


def risk_coverage(scores: Sequence[float], right: Sequence[bool]) -> list[CurvePoint]:
    """One point for each distinct score from the highest to the lowest (El-Yaniv and Wiener, JMLR 2010)."""
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    ordered = np.asarray(scores, dtype=np.float64)[order]
    wrong = np.cumsum(~np.asarray(right, dtype=bool)[order])
    ends = [i for i in range(len(ordered)) if i + 1 == len(ordered) or ordered[i + 1] < ordered[i]]
    return [
        CurvePoint(
            threshold=float(ordered[i]),
            coverage=(i + 1) / len(ordered),
            risk=float(wrong[i] / (i + 1)),
            risk_high=_upper(int(wrong[i]), i + 1),
        )
        for i in ends
    ]


def area_under(curve: Sequence[CurvePoint]) -> float:
    """The mean risk over coverages from 0 to 1 (AURC; Geifman, Uziel, El-Yaniv, ICLR 2019); less is better."""
    if not curve:
        return 0.0
    widths = np.diff([0.0, *(point.coverage for point in curve)])
    return float(widths @ np.array([point.risk for point in curve]))


def threshold_for_risk(curve: Sequence[CurvePoint], risk: float) -> CurvePoint | None:
    """The point of largest coverage whose risk is at most `risk`; None when there is none."""
    fitting = [point for point in curve if point.risk <= risk]
    return max(fitting, key=lambda point: point.coverage, default=None)


def sure_threshold(curve: Sequence[CurvePoint], risk: float, cases: int) -> CurvePoint | None:
    """The point whose risk is at most `risk` with 95 % confidence; None when too little is known.

    The points are tested one after another from the highest score, and the first that fails ends it (fixed-sequence testing), so that
    looking at many does not spend the confidence. Testing begins where no error at all would be enough: ln 0.05 / ln(1 - risk) answers.
    """
    if not 0 < risk < 1:
        return None
    fewest = math.log(1 - CONFIDENCE) / math.log(1 - risk)
    reached = None
    for point in curve:
        if point.coverage * cases < fewest:
            continue
        if point.risk_high > risk:
            break
        reached = point
    return reached


def _upper(wrong: int, answered: int) -> float:
    return 1.0 if wrong == answered else float(beta.ppf(CONFIDENCE, wrong + 1, answered - wrong))
