"""Fits what sentences and contexts are worth, and calibrates the probability that a context answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from citewell.core.errors import DatasetInvalid
from citewell.core.scores import auroc
from citewell.evaluation.calibration import Case, part_of
from citewell.evaluation.measures.abstention import risk_coverage, threshold_for_risk
from citewell.generate.evidence.context import (
    ALL_CONTEXT_FEATURES,
    ALONE_FEATURES,
    CONTEXT_FEATURES,
    SHARED_CONTEXT_WORDS,
)
from citewell.generate.evidence.model import Configuration, Linear, Risk
from citewell.generate.evidence.sentences import ALL_FEATURES, FEATURES, SHARED_WORDS
from citewell.generate.extractive import likeliest

Matrix = NDArray[np.float64]
# Strong: what is fitted on few sets has to hold on others.
SENTENCE_RIDGE = 0.3
CONTEXT_RIDGE = ANSWER_RIDGE = 0.03
# What tells an answer from words about the same: the best sentence read alone, and how far it is above the others.
ANSWERS = ("answerable_alone", "relevance_alone", "best_sentence", "sentence_lead")
LEAST_CASES = 40  # of either kind; fewer tell nothing
SMALL_SOURCE = 30  # cases: a source with fewer weighs less than the others
ISOTONIC_FROM = 400  # cases: with fewer a line in the log odds is surer (Platt, 1999)
STEPS = 12  # most knots of an isotonic calibration
RISKS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
MOST_SENTENCES = 3  # as generate.max_sentences is by default
BINS = 10  # of equal counts, for the expected calibration error


def fit_sentences(cases: Sequence[Case], *, reads: bool) -> Linear:
    """Weights by which the sentence that holds the answer comes first in its context: softmax over its sentences, each source alike."""
    known = [case for case in cases if case.holds is not None]
    shares = Counter(case.source for case in known)
    names = [name for name in (ALL_FEATURES if reads else FEATURES) if name not in SHARED_WORDS]
    columns = [ALL_FEATURES.index(name) for name in names]
    rows = [case.rows[:, columns] for case in known]
    mean, spread = _scale(np.vstack(rows))
    scaled = [(r - mean) / spread for r in rows]
    importance = np.array([1 / max(shares[case.source], SMALL_SOURCE) for case in known])
    importance /= importance.sum()

    def loss(w: Matrix) -> tuple[float, Matrix]:
        total, gradient = SENTENCE_RIDGE * float(w @ w) / 2, SENTENCE_RIDGE * w
        for r, case, weight in zip(scaled, known, importance, strict=True):
            logits = r @ w
            logits -= logits.max()
            p = np.exp(logits)
            p /= p.sum()
            held = p * case.holds
            mass = max(float(held.sum()), 1e-12)
            total -= weight * np.log(mass)
            gradient = gradient + weight * (r.T @ (p - held / mass))
        return total, gradient

    weights = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x / spread
    return Linear(weights=_named(names, weights), intercept=round(float(-weights @ mean), 4))


def fit_contexts(cases: Sequence[Case], sentence: Linear, *, reads: bool) -> Linear:
    """Weights by which contexts about what is asked are told from others: each source alike, and in it both kinds."""
    left_out = {*ALONE_FEATURES, *(SHARED_CONTEXT_WORDS if reads else ())}  # without a reader there is little else
    names = [name for name in (ALL_CONTEXT_FEATURES if reads else CONTEXT_FEATURES) if name not in left_out]
    return _logistic(
        [case for case in cases if not case.spoilt and not (case.deceptive and reads)], sentence, names, CONTEXT_RIDGE
    )


def fit_answers(cases: Sequence[Case], sentence: Linear) -> Linear | None:
    """Weights by which contexts that answer are told from those that only seem to; None where there are too few that seem to."""
    known = [case for case in cases if case.sufficient or case.deceptive]
    if sum(case.deceptive for case in known) < LEAST_CASES:
        return None
    return _logistic(known, sentence, ANSWERS, ANSWER_RIDGE)


def _logistic(cases: Sequence[Case], sentence: Linear, names: Sequence[str], ridge: float) -> Linear:
    """Weights of these features for `sufficient`, of the sources that have both kinds."""
    rows = contexts(cases, sentence)[:, [ALL_CONTEXT_FEATURES.index(name) for name in names]]
    labels = np.array([float(case.sufficient) for case in cases])
    counts = Counter((case.source, case.sufficient) for case in cases)
    both = {source for source, _ in counts if counts[source, True] and counts[source, False]}
    importance = np.array(
        [1 / max(counts[c.source, c.sufficient], SMALL_SOURCE) if c.source in both else 0.0 for c in cases]
    )
    importance /= importance.sum()
    mean, spread = _scale(rows)
    x = np.hstack([(rows - mean) / spread, np.ones((len(rows), 1))])

    def loss(w: Matrix) -> tuple[float, Matrix]:
        logits = x @ w
        p = 1 / (1 + np.exp(-logits))
        total = float(importance @ np.logaddexp(0, np.where(labels == 1, -logits, logits)))
        penalty = np.append(w[:-1], 0.0)
        return total + ridge * float(penalty @ penalty) / 2, x.T @ (importance * (p - labels)) + ridge * penalty

    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    weights = found[:-1] / spread
    return Linear(weights=_named(names, weights), intercept=round(float(found[-1] - weights @ mean), 4))


def contexts(cases: Sequence[Case], sentence: Linear) -> Matrix:
    """ALL_CONTEXT_FEATURES of each case, given the sentence model."""
    return np.array([case.described(sentence.over(case.rows, ALL_FEATURES)) for case in cases]).reshape(
        len(cases), len(ALL_CONTEXT_FEATURES)
    )


def calibrate(log_odds: Matrix, sufficient: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Knots (log odds, probability), both rising: a logistic curve, and where there are many cases the mean of it and isotonic steps.

    Steps alone are flat for long stretches, within which no threshold could tell one case from another.
    """
    slope, shift = _platt(log_odds, sufficient)
    if len(log_odds) < ISOTONIC_FROM:
        at = np.linspace(log_odds.min() - 1, log_odds.max() + 1, STEPS)
        return _knots(at, 1 / (1 + np.exp(-(slope * at + shift))))
    order = np.argsort(log_odds, kind="stable")
    # A few cases a step: else a run of luck at either end becomes certainty.
    groups = np.array_split(order, STEPS)
    at = np.array([log_odds[g].mean() for g in groups])
    share = np.array([(sufficient[g].sum() + 1) / (len(g) + 2) for g in groups])
    steps = isotonic_regression(share, weights=[len(g) for g in groups]).x
    return _knots(at, (steps + 1 / (1 + np.exp(-(slope * at + shift)))) / 2)


def calibration_error(probability: Matrix, sufficient: NDArray[np.bool_]) -> float:
    """Expected calibration error over bins of equal counts (Naeini, Cooper and Hauskrecht, AAAI 2015)."""
    order = np.argsort(probability, kind="stable")
    bins = [group for group in np.array_split(order, min(BINS, len(order))) if len(group)]
    return float(sum(len(b) * abs(probability[b].mean() - sufficient[b].mean()) for b in bins) / len(order))


def held_out_error(log_odds: Matrix, sufficient: NDArray[np.bool_], keys: Sequence[str]) -> float:
    """The calibration error on each half of the cases, calibrated on the other; cases with the same key stay together."""
    side = np.array([part_of(key) % 2 for key in keys])
    probability = np.zeros(len(log_odds))
    for part in (0, 1):
        knots = calibrate(log_odds[side != part], sufficient[side != part])
        raw, known = zip(*knots, strict=True)
        probability[side == part] = np.interp(log_odds[side == part], raw, known)
    return calibration_error(probability, sufficient)


def configure(
    fitting: Sequence[Case], calibrating: Sequence[Case], *, generator: str, embedder: str, reranker: str, language: str,
    like: Configuration | None = None,
) -> Configuration:  # fmt: skip
    """A configuration fitted on some cases, or with the weights of `like`, and calibrated on others. Thresholds are for the risk that what is quoted does not hold the answer.

    Raises DatasetInvalid where there are too few questions of either kind.
    """
    # Questions spoilt by rule are nobody's questions: they fit, and calibrate nothing.
    calibrating = [case for case in calibrating if not case.spoilt]
    for cases, what in ((fitting, "to fit on"), (calibrating, "to calibrate with")):
        if not cases and like is not None:
            continue
        kinds = Counter(case.sufficient for case in cases)
        if min(kinds[True], kinds[False]) < LEAST_CASES:
            raise DatasetInvalid(
                f"{kinds[True]} answered and {kinds[False]} unanswered questions are too few {what}: {LEAST_CASES} of either kind are needed",
                hint="Add judged questions, some of them with answerable: false.",
            )
    reads = bool(reranker)
    sentence = like.sentence if like else fit_sentences(fitting, reads=reads)
    made = Configuration(
        generator=generator, embedder=embedder, reranker=reranker, language=language, sentence=sentence,
        context=like.context if like else fit_contexts(fitting, sentence, reads=reads),
        answers=like.answers if like else fit_answers(fitting, sentence) if reads else None,
    )  # fmt: skip
    log_odds = made.log_odds(contexts(calibrating, sentence))
    sufficient = np.array([case.sufficient for case in calibrating], dtype=bool)
    knots = calibrate(log_odds, sufficient)
    made = made.model_copy(
        update={
            "knots": knots,
            "questions": len(calibrating),
            "error": round(held_out_error(log_odds, sufficient, [c.query.text for c in calibrating]), 4),
            "auroc": auroc(log_odds[sufficient].tolist(), log_odds[~sufficient].tolist()),
            "data": tuple(sorted({case.source for case in (*fitting, *calibrating)})),
        }
    )
    curve = risk_coverage(
        [made.probability(value) for value in log_odds], [_is_right(case, sentence) for case in calibrating]
    )
    risks = []
    for risk in RISKS:
        point = threshold_for_risk(curve, risk)
        if point is not None:
            risks.append(Risk(risk=risk, threshold=round(point.threshold, 4), coverage=round(point.coverage, 4)))
    return made.model_copy(update={"risks": tuple(risks)})


def _is_right(case: Case, sentence: Linear) -> bool:
    """Whether one of the sentences that would be quoted holds the answer; where nobody says which do, whether the context does."""
    if case.holds is None:
        return case.sufficient
    chosen = likeliest(sentence.over(case.rows, ALL_FEATURES), MOST_SENTENCES)
    return bool(case.holds[chosen].any())


def by_source(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """The cases of each source."""
    found: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        found[case.source].append(case)
    return found


def _scale(rows: Matrix) -> tuple[Matrix, Matrix]:
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    return mean, np.where(spread > 0, spread, 1.0)


def _named(names: Sequence[str], weights: Matrix) -> dict[str, float]:
    return {name: round(float(w), 4) for name, w in zip(names, weights, strict=True)}


def _platt(log_odds: Matrix, sufficient: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift of the logistic curve, with targets drawn in a little as Platt has them."""
    positive, negative = int(sufficient.sum()), int((~sufficient).sum())
    target = np.where(sufficient, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(w: Matrix) -> float:
        logits = w[0] * log_odds + w[1]
        return float((np.logaddexp(0, logits) - target * logits).mean())

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return max(float(found[0]), 1e-6), float(found[1])


def _knots(at: Matrix, probability: Matrix) -> tuple[tuple[float, float], ...]:
    found: list[tuple[float, float]] = []
    for raw, p in zip(at.tolist(), np.clip(probability, 0.0, 1.0).tolist(), strict=True):
        if not found or raw > found[-1][0] + 1e-6:
            found.append((round(raw, 4), round(max(p, found[-1][1] if found else 0.0), 4)))
    return tuple(found)
