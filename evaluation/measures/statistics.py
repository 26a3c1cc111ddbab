"""How sure we are: bootstrap intervals, the paired permutation test, Holm's correction. Seeded, so that a figure can be repeated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
RESAMPLES = 2000
PERMUTATIONS = 10_000
CONFIDENCE = 0.95
ALPHA = 0.05
SEED = 13
EXACT_UP_TO = 12  # so many topics that differ have few enough sign patterns to count all of them
_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean of a measure over its topics, its 95 % bootstrap interval, and the value of each topic."""

    mean: float
    low: float
    high: float
    per_topic: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference b - a: mean, 95 % bootstrap interval, two-sided permutation p, and how many topics went which way."""

    mean: float
    low: float
    high: float
    p: float
    wins: int
    ties: int
    losses: int


def estimate(per_topic: Mapping[str, float]) -> Estimate:
    """Mean and percentile bootstrap interval (Efron and Tibshirani, 1993) over topics; zeros when there are none."""
    if not per_topic:
        return Estimate(0.0, 0.0, 0.0, {})
    sample = np.array(list(per_topic.values()), dtype=np.float64)
    low, high = bootstrap_interval(sample)
    return Estimate(float(sample.mean()), low, high, per_topic)


def bootstrap_interval(sample: Values) -> tuple[float, float]:
    """The percentile interval of the mean of `sample`, `(n,)`, from RESAMPLES resamples of its entries."""
    generator = np.random.default_rng(SEED)
    means = np.concatenate(
        [sample[generator.integers(0, len(sample), (rows, len(sample)))].mean(axis=1) for rows in _blocks(RESAMPLES)]
    )
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def paired_difference(a: Mapping[str, float], b: Mapping[str, float]) -> Difference:
    """b - a over the topics that both have. Raises ValueError when they share none."""
    shared = [query_id for query_id in a if query_id in b]
    if not shared:
        raise ValueError("the two have no topic in common")
    differences = np.array([b[q] - a[q] for q in shared], dtype=np.float64)
    low, high = bootstrap_interval(differences)
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    return Difference(
        mean=float(differences.mean()),
        low=low,
        high=high,
        p=permutation_p(differences),
        wins=wins,
        ties=len(shared) - wins - losses,
        losses=losses,
    )


def permutation_p(differences: Values, seed: int = SEED) -> float:
    """The two-sided p of the paired randomisation test (Fisher, 1935; Smucker, Allan, Carterette, CIKM 2007).

    Under the null hypothesis the two systems' values of a topic may be swapped: the sign of each difference is random. With n
    differences that are not zero, all 2^n patterns are counted for n <= EXACT_UP_TO; otherwise (1 + extreme) / (1 + PERMUTATIONS).
    """
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0
    observed = abs(moved.sum()) * (1 - 1e-12)
    if len(moved) <= EXACT_UP_TO:
        signs = 1 - 2 * ((np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))) & 1)
        return float((np.abs(signs @ moved) >= observed).mean())
    generator = np.random.default_rng(seed)
    extreme = 0
    for rows in _blocks(PERMUTATIONS):
        signs = generator.integers(0, 2, (rows, len(moved)), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ moved) >= observed).sum())
    return (1 + extreme) / (1 + PERMUTATIONS)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values corrected for looking at several measures (Holm, 1979), in their order: the i-th smallest times (m - i + 1)."""
    order = np.argsort(p_values, kind="stable")
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for position, at in enumerate(order.tolist()):
        largest = max(largest, min(1.0, p_values[at] * (len(p_values) - position)))
        corrected[at] = largest
    return corrected


def _blocks(total: int) -> Iterator[int]:
    """`total` in parts that keep the tables of resamples small."""
    while total > 0:
        yield min(total, _BLOCK)
        total -= _BLOCK
