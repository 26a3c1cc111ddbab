"""Measures by their names in the literature, through ir-measures, with bootstrap confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np

from citewell.core.errors import DatasetInvalid

RESAMPLES = 2000
SEED = 13
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean of a measure over all judged topics, its 95 % bootstrap interval, and the value of each topic."""

    mean: float
    low: float
    high: float
    per_topic: Mapping[str, float]


def parse_measures(names: Sequence[str]) -> list[ir_measures.Measure]:
    """The measures called `names`, such as nDCG@10, R@100, RR@10. Raises DatasetInvalid for an unknown one."""
    if not names:
        raise DatasetInvalid("no measure is named", hint="Use names such as nDCG@10, R@100, RR@10, AP, P@5.")
    try:
        return [ir_measures.parse_measure(name) for name in names]
    except (NameError, ValueError) as error:
        raise DatasetInvalid(
            f"unknown measure: {error}", hint="Use names such as nDCG@10, R@100, RR@10, AP, P@5."
        ) from None


def evaluate_run(
    measures: Sequence[ir_measures.Measure],
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
) -> dict[str, Estimate]:
    """Each measure over every judged topic; one for which the run has nothing counts 0."""
    values: dict[str, dict[str, float]] = {str(measure): dict.fromkeys(qrels, 0.0) for measure in measures}
    for metric in ir_measures.iter_calc(measures, qrels, {q: run.get(q, {}) for q in qrels}):
        values[str(metric.measure)][metric.query_id] = float(metric.value)
    return {name: _estimate(per_topic) for name, per_topic in values.items()}


def _estimate(per_topic: Mapping[str, float]) -> Estimate:
    sample = np.array(list(per_topic.values()))
    generator = np.random.default_rng(SEED)
    means = sample[generator.integers(0, len(sample), (RESAMPLES, len(sample)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(sample.mean()), float(low), float(high), per_topic)
