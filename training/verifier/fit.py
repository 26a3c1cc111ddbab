"""How alignment and the trained verifier's word become one probability, and from which on a claim counts as supported.

Weights are fitted on the parts of the claims that trained nothing, and the threshold is chosen on further parts: the lowest at which
`supported` is right as often as promised of the claims that people judged. Claims made by rule are easier, and would lower it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from citewell.core.scores import auroc
from citewell.core.verdicts import Claimed
from citewell.generate.verification.alignment import align
from citewell.generate.verification.entailment import Entailment
from citewell.generate.verification.weights import EXACT, FEATURES, Weights, described
from citewell.training.verifier.claims import CONTRADICTED, SUPPORTED, Claim

PROMISED = 0.9  # of the claims that are called supported, the share that is
FIT_PARTS, CHOOSE_PARTS = range(14, 17), range(17, 20)
FEW = 100  # claims: a kind of which a source has fewer says less of a threshold than others
RIDGE = 1e-3
SPEAKS_FOR = frozenset({"coverage", "nearest", "verbatim", "odds"})  # every other feature speaks against a claim
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Described:
    """Claims in numbers: rows of FEATURES, whether each is supported, where it comes from, whether a figure speaks against it, and
    whether people judged it."""

    rows: Matrix
    supported: NDArray[np.bool_]
    contradicted: NDArray[np.bool_]
    sources: tuple[str, ...]
    exact: NDArray[np.bool_]
    judged: NDArray[np.bool_]

    def of(self, chosen: NDArray[np.bool_]) -> Described:
        """Some of them."""
        sources = tuple(source for source, keep in zip(self.sources, chosen, strict=True) if keep)
        return Described(
            self.rows[chosen], self.supported[chosen], self.contradicted[chosen], sources, self.exact[chosen], self.judged[chosen]
        )  # fmt: skip


def describe_claims(claims: Sequence[Claim], entailment: Entailment | None) -> Described:
    """Every claim in numbers; without a trained verifier its columns are 0."""
    aligned = [align(claim.text, claim.evidence) for claim in claims]
    odds = np.zeros((len(claims), 2))
    if entailment is not None and claims:
        odds = entailment.log_odds([Claimed(claim.text, claim.evidence) for claim in claims])
    rows = [described(a, (o[0], o[1])) for a, o in zip(aligned, odds.tolist(), strict=True)]
    return Described(
        rows=np.array(rows, dtype=np.float64).reshape(len(claims), len(FEATURES)),
        supported=np.array([claim.target == (SUPPORTED,) for claim in claims], dtype=bool),
        contradicted=np.array([claim.target == (CONTRADICTED,) for claim in claims], dtype=bool),
        sources=tuple(claim.source for claim in claims),
        exact=np.array([any(f.kind in EXACT for f in a.findings) for a in aligned], dtype=bool),
        judged=np.array([claim.judged for claim in claims], dtype=bool),
    )


def fit_weights(fitting: Described, choosing: Described, names: Sequence[str] = FEATURES) -> Weights:
    """Logistic weights over these features, each source and in it both kinds alike, and the thresholds, chosen on judged claims.

    No weight has the wrong sign: a finding cannot speak for a claim because it rarely stands beside a false one.
    """
    columns = [FEATURES.index(name) for name in names]
    rows, labels = fitting.rows[:, columns], fitting.supported
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    x = np.hstack([(rows - mean) / spread, np.ones((len(rows), 1))])
    importance = _importance(fitting)

    def loss(w: Matrix) -> tuple[float, Matrix]:
        logits = x @ w
        p = 1 / (1 + np.exp(-logits))
        penalty = np.append(w[:-1], 0.0)
        total = float(importance @ np.logaddexp(0, np.where(labels, -logits, logits)))
        return total + RIDGE * float(penalty @ penalty) / 2, x.T @ (importance * (p - labels)) + RIDGE * penalty

    signs = [(0.0, None) if name in SPEAKS_FOR else (None, 0.0) for name in names]
    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", bounds=[*signs, (None, None)]).x
    weights = found[:-1] / spread
    plain = Weights(
        weights={name: round(float(w), 4) for name, w in zip(names, weights, strict=True)},
        intercept=round(float(found[-1] - weights @ mean), 4), threshold=0.5, contradicted=0.0,
    )  # fmt: skip
    return plain.model_copy(
        update={"threshold": promised(plain, choosing.of(choosing.judged)), "contradicted": _contradicted(choosing)}
    )


def promised(weights: Weights, claims: Described, precision: float = PROMISED) -> float:
    """The lowest threshold at and above which so many of the claims that are called supported are, each source with FEW of both kinds counting alike."""
    support = np.where(claims.exact, 0.0, weights.probability(claims.rows))
    importance = _importance(claims, FEW)
    order = np.argsort(-support, kind="stable")
    right = np.cumsum(importance[order] * claims.supported[order])
    share = right / np.cumsum(importance[order])
    good = np.flatnonzero(share >= precision)
    return round(float(support[order][good[-1]]), 4) if len(good) else 0.99


def _contradicted(claims: Described) -> float:
    """Log odds of `contradicted` from which nine of ten claims that are not supported and exceed them are contradicted, where sets tell."""
    told = {s for s, c in zip(claims.sources, claims.contradicted, strict=True) if c}
    known = np.array([source in told for source in claims.sources]) & ~claims.supported
    odds, right = claims.rows[known, FEATURES.index("contradicted")], claims.contradicted[known]
    order = np.argsort(-odds, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share >= PROMISED)
    return round(float(odds[order][good[-1]]), 4) if len(good) else 5.0


def figures(weights: Weights, claims: Described) -> dict[str, dict[str, float]]:
    """By source: balanced accuracy at the best of even odds and the threshold, AUROC, precision of `supported` and the share so called."""
    support = np.where(claims.exact, 0.0, weights.probability(claims.rows))
    by: dict[str, list[int]] = defaultdict(list)
    for index, source in enumerate(claims.sources):
        by[source].append(index)
    found = {}
    for source, rows in sorted(by.items()):
        said, truth = support[rows], claims.supported[rows]
        called = said >= weights.threshold
        found[source] = {
            "claims": len(rows),
            "balanced_accuracy": balanced(said >= 0.5, truth),
            "auroc": auroc(said[truth].tolist(), said[~truth].tolist()) or 0.0,
            "precision": float(truth[called].mean()) if called.any() else 1.0,
            "coverage": float(called.mean()),
        }
    return found


def balanced(called: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """The mean of the shares of either kind that is called what it is."""
    shares = [float((called[truth == kind] == kind).mean()) for kind in (True, False) if (truth == kind).any()]
    return sum(shares) / len(shares)


def _importance(claims: Described, few: int = 1) -> Matrix:
    """Each source alike, and in it both kinds where it has both; kinds of fewer claims than `few` weigh less."""
    kinds = list(zip(claims.sources, claims.supported.tolist(), strict=True))
    counts = Counter(kinds)
    weights = np.array([1 / max(few, counts[kind]) for kind in kinds])
    return np.asarray(weights / weights.sum(), dtype=np.float64)
