"""Making scores of different scales comparable; the result orders candidates and is never evidence of strength."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

CONSTANT_LIST_SCORE = 0.5


def min_max(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores mapped to [0, 1]: (s - min) / (max - min); 0.5 for all when they are equal."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high <= low:
        return dict.fromkeys(scores, CONSTANT_LIST_SCORE)
    return {key: (score - low) / (high - low) for key, score in scores.items()}


def z_score(scores: Mapping[str, float]) -> dict[str, float]:
    """Standard deviations above the mean: (s - mean) / sd of the list; 0 for all when they are equal."""
    if not scores:
        return {}
    mean = math.fsum(scores.values()) / len(scores)
    spread = math.sqrt(math.fsum((score - mean) ** 2 for score in scores.values()) / len(scores))
    if spread <= 0:
        return dict.fromkeys(scores, 0.0)
    return {key: (score - mean) / spread for key, score in scores.items()}


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """The probability that a positive is above a negative, ties counting half (Mann and Whitney, 1947); None without either."""
    if not len(positive) or not len(negative):
        return None
    above = np.sort(np.asarray(negative, dtype=np.float64))
    values = np.asarray(positive, dtype=np.float64)
    wins = np.searchsorted(above, values, side="left") + np.searchsorted(above, values, side="right")
    return float(wins.mean() / 2 / len(above))
