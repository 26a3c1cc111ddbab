"""Fitting learning to rank: coordinate ascent on nDCG@10 itself, sound for a dozen weights (Metzler and Croft, 2007)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citewell.core.errors import DatasetInvalid
from citewell.rerank.features import FEATURES, TRAITS, Rows
from citewell.rerank.learned import Weights

STEPS = (-0.8, -0.4, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2, 0.4, 0.8)
SWEEPS = 6
_DISCOUNTS = 1 / np.log2(np.arange(2, 12))  # of the first ten ranks
LASSO = 0.001  # of the measure, per unit of weight: what does not help stays zero


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's candidates as `describe` gives them, with the gain of each, and the best nDCG@10 denominator they could have."""

    rows: Rows
    traits: NDArray[np.float64]
    gains: NDArray[np.float64]
    ideal: float


def ideal_dcg(gains: Sequence[float]) -> float:
    """DCG@10 of the best order of all relevant passages, found or not."""
    best = np.sort(np.asarray(gains, dtype=np.float64))[::-1][: len(_DISCOUNTS)]
    return float(best @ _DISCOUNTS[: len(best)])


def fit(
    sets: Mapping[str, Sequence[Judged]], shares: Mapping[str, float]
) -> tuple[Weights, dict[str, tuple[float, float]]]:
    """Weights that raise the mean nDCG@10 of the sets, each weighed by its share; and of each set the value before and after.

    A question without a relevant candidate counts 0. Deterministic.
    """
    names = [(feature, trait) for feature in FEATURES for trait in TRAITS]
    fused = names.index(("fused", TRAITS[0]))
    spread = {name: [(_products(judged), judged) for judged in found] for name, found in sets.items() if found}
    if not spread:
        raise DatasetInvalid("there is no judged question to fit on", hint="Give more --data or --texts.")

    def value(weights: Rows) -> float:
        means = {
            n: float(np.mean([ndcg_of(x @ weights, j.gains, j.ideal) for x, j in rows])) for n, rows in spread.items()
        }
        return sum(shares[n] * mean for n, mean in means.items()) - LASSO * float(np.abs(weights).sum())

    start = np.zeros(len(names))
    start[fused] = 1.0
    weights = ascend(start, STEPS, value, fixed={fused})
    terms = {
        feature if trait == TRAITS[0] else f"{feature}*{trait}": float(weight)
        for (feature, trait), weight in zip(names, weights, strict=True)
        if weight and (feature, trait) != names[fused]
    }
    figures = {
        name: (float(np.mean([ndcg_of(x @ start, j.gains, j.ideal) for x, j in rows])), float(np.mean([ndcg_of(x @ weights, j.gains, j.ideal) for x, j in rows])))
        for name, rows in spread.items()
    }  # fmt: skip
    return Weights(terms=terms), figures


def ascend(start: Rows, steps: Sequence[float], value: Callable[[Rows], float], fixed: Collection[int] = ()) -> Rows:
    """Moves every number but the fixed ones in turn by each of the steps and keeps the best move, until a sweep brings nothing."""
    best_at, best = start.copy(), value(start)
    for _ in range(SWEEPS):
        before = best
        for at in range(len(start)):
            if at in fixed:
                continue
            moved = []
            for step in steps:
                tried = best_at.copy()
                tried[at] = round(tried[at] + step, 4)
                moved.append((value(tried), -abs(step), tried[at]))
            top = max(moved)
            if top[0] > best + 1e-6:
                best = top[0]
                best_at[at] = top[2]
        if best <= before + 1e-6:
            break
    return best_at


def ndcg(weights: Weights, judged: Sequence[Judged]) -> float:
    """Mean nDCG@10 of these questions, those without a relevant candidate counting 0."""
    matrix = weights.matrix()
    return float(np.mean([ndcg_of(j.rows @ (matrix @ j.traits), j.gains, j.ideal) for j in judged])) if judged else 0.0


def _products(judged: Judged) -> Rows:
    """Every feature times every trait, `(n, features * traits)`."""
    product: Rows = (judged.rows[:, :, None] * judged.traits[None, None, :]).reshape(len(judged.rows), -1)
    return product


def ndcg_of(scores: Rows, gains: NDArray[np.float64], ideal: float) -> float:
    """nDCG@10 of the order of these scores; 0 without an ideal."""
    top = np.argsort(-scores, kind="stable")[: len(_DISCOUNTS)]
    return float(gains[top] @ _DISCOUNTS[: len(top)] / ideal) if ideal else 0.0
