"""Measures of rankings by their names in the literature, through ir-measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ir_measures

from citewell.core.errors import DatasetInvalid
from citewell.evaluation.measures.statistics import Estimate, estimate

DEFAULT_MEASURES = ("nDCG@10", "R@100", "RR@10", "AP", "P@5", "Judged@10")
_NAMES = "Use names such as nDCG@10, R@100, RR@10, AP, P@5, Judged@10."


def parse_measures(names: Sequence[str]) -> list[ir_measures.Measure]:
    """The measures called `names`, such as nDCG@10, R@100, RR@10. Raises DatasetInvalid for an unknown one."""
    if not names:
        raise DatasetInvalid("no measure is named", hint=_NAMES)
    try:
        measures = [ir_measures.parse_measure(name) for name in names]
    except (NameError, ValueError) as error:
        raise DatasetInvalid(f"unknown measure: {error}", hint=_NAMES) from None
    for name, measure in zip(names, measures, strict=True):
        _try(name, measure)
    return measures


def _try(name: str, measure: ir_measures.Measure) -> None:
    """Raises DatasetInvalid for a measure that can be named and not computed, before anything has been asked."""
    cutoff = measure.params.get("cutoff", 1)
    if not isinstance(cutoff, int) or cutoff < 1:
        raise DatasetInvalid(f"the measure {name} needs a cutoff of 1 or more", hint=_NAMES)
    try:
        list(ir_measures.iter_calc([measure], {"1": {"a": 1, "b": 0}}, {"1": {"a": 2.0, "b": 1.0}}))
    except Exception as error:  # whatever the tools behind the names raise
        raise DatasetInvalid(
            f"the measure {name} cannot be computed: {error or type(error).__name__}", hint=_NAMES
        ) from None


def evaluate_run(
    measures: Sequence[ir_measures.Measure],
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
) -> dict[str, Estimate]:
    """Each measure over every judged topic; one for which the run has nothing counts 0."""
    return {name: estimate(values) for name, values in values_by_topic(measures, qrels, run).items()}


def values_by_topic(
    measures: Sequence[ir_measures.Measure],
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
) -> dict[str, dict[str, float]]:
    """The value of each measure for each judged topic; 0 where the run has nothing."""
    values: dict[str, dict[str, float]] = {str(measure): dict.fromkeys(qrels, 0.0) for measure in measures}
    for metric in ir_measures.iter_calc(measures, qrels, {q: run.get(q, {}) for q in qrels}):
        values[str(metric.measure)][metric.query_id] = float(metric.value)
    return values


def ideal_order(grades: Mapping[str, int], run: Mapping[str, float], depth: int) -> dict[str, float]:
    """The first `depth` documents of a ranking, put into the order of their grades: the best that reordering can reach."""
    head = sorted(run, key=lambda name: -run[name])[:depth]
    best = sorted(head, key=lambda name: -grades.get(name, 0))
    return {name: float(depth - position) for position, name in enumerate(best)}
