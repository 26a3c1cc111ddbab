"""What evidence is worth is fitted, and its probability is made true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from twins import shown

from citewell.core.errors import DatasetInvalid
from citewell.core.evidence import Signals
from citewell.core.types import Query
from citewell.evaluation.calibration import Case
from citewell.evaluation.evidence_fit import (
    calibrate,
    calibration_error,
    configure,
    fit_answers,
    fit_contexts,
    fit_sentences,
    held_out_error,
)
from citewell.generate.evidence.context import ALL_CONTEXT_FEATURES
from citewell.generate.evidence.sentences import ALL_FEATURES
from citewell.generate.quotables import quotable_sentences
from citewell.training.evidence import divided

SENTENCES = 5
CHANCE = np.random.default_rng(3)


class Told:
    """Stands for scales: the context's features are those it was given."""

    def __init__(self, features: NDArray[np.float64]) -> None:
        self._features = features

    def describe_whole(self, *_: object) -> NDArray[np.float64]:
        return self._features


def case(number: int, *, sufficient: bool, part: int = 0) -> Case:
    """A case whose answering sentence has the reader's words, and whose context has a high cosine where it is sufficient; both noisily."""
    context = shown(*(f"Sentence number {i} of {number} here." for i in range(SENTENCES)))
    rows = CHANCE.normal(size=(SENTENCES, len(ALL_FEATURES)))
    holds = None
    if sufficient:
        answer = int(CHANCE.integers(SENTENCES))
        holds = np.arange(SENTENCES) == answer
        rows[:, ALL_FEATURES.index("read_here")] = holds * 3.0 + CHANCE.normal(scale=0.5, size=SENTENCES)
    whole = CHANCE.normal(size=len(ALL_CONTEXT_FEATURES))
    whole[ALL_CONTEXT_FEATURES.index("cosine")] = (1.0 if sufficient else -1.0) + CHANCE.normal(scale=0.8)
    quotables = tuple(q for p in context.passages for q in quotable_sentences(p))
    return Case(
        "s", f"article {number}", part, "en", Query(f"question {number}"), context, quotables, rows, Signals(), Told(whole), holds, sufficient
    )  # type: ignore[arg-type]  # fmt: skip


CASES = [case(i, sufficient=i % 2 == 0) for i in range(600)]


def test_sentences_are_weighed_by_what_tells_the_answer() -> None:
    weights = fit_sentences(CASES, reads=True).weights
    assert max(weights, key=lambda name: abs(weights[name])) == "read_here"
    assert "passage_coverage" not in weights
    assert "read_here" not in fit_sentences(CASES, reads=False).weights


def test_what_only_seems_to_answer_is_told_by_the_best_sentence_read_alone() -> None:
    column = ALL_CONTEXT_FEATURES.index("answerable_alone")
    cases = [case(i, sufficient=i % 2 == 0) for i in range(200)]
    for number, one in enumerate(cases):
        one.scales.describe_whole()[column] = (3.0 if number % 2 == 0 else -3.0) + CHANCE.normal()  # type: ignore[call-arg]
    sentence = fit_sentences(cases, reads=True)
    assert fit_answers(cases, sentence) is None  # none of them is known to deceive
    spoilt = [replace(one, deceptive=not one.sufficient, spoilt=not one.sufficient) for one in cases]
    answers = fit_answers(spoilt, sentence)
    assert answers is not None
    assert answers.weights["answerable_alone"] > 0.1
    with pytest.raises(DatasetInvalid, match="0 unanswered"):  # what a rule made calibrates nothing
        configure(spoilt, spoilt, generator="g", embedder="e", reranker="r", language="en")


def test_contexts_are_weighed_by_what_tells_sufficient_ones() -> None:
    weights = fit_contexts(CASES, fit_sentences(CASES, reads=True), reads=True).weights
    assert max(weights, key=lambda name: abs(weights[name])) == "cosine"


def test_the_probability_is_true_on_a_fold_left_out_and_its_knots_rise() -> None:
    made = configure(CASES[:300], CASES[300:], generator="extractive", embedder="e", reranker="r", language="en")
    assert made.questions == 300
    assert made.error is not None
    assert made.error < 0.1
    assert made.auroc is not None
    assert made.auroc > 0.8
    assert [risk.threshold for risk in made.risks] == sorted((risk.threshold for risk in made.risks), reverse=True)


@pytest.mark.parametrize("cases", [60, 2000])
def test_odds_that_exaggerate_are_drawn_in(cases: int) -> None:
    chance = np.random.default_rng(3)
    drawn_in, exaggerated = [], []
    for _ in range(20):
        truth = chance.normal(size=cases)
        sufficient = chance.random(cases) < 1 / (1 + np.exp(-truth))
        odds = 4 * truth
        keys = [str(i) for i in range(cases)]
        drawn_in.append(held_out_error(odds, sufficient, keys))
        exaggerated.append(calibration_error(1 / (1 + np.exp(-odds)), sufficient))
        knots = calibrate(odds, sufficient)
        assert [p for _, p in knots] == sorted(p for _, p in knots)
        assert len({x for x, _ in knots}) == len(knots)
    assert np.mean(drawn_in) < np.mean(exaggerated)


def test_too_few_questions_are_refused_with_what_is_needed() -> None:
    with pytest.raises(DatasetInvalid, match="40 of either kind are needed"):
        configure(CASES[:20], CASES[20:], generator="g", embedder="e", reranker="r", language="en")


def test_a_set_that_falls_into_one_part_is_dealt_out_by_article_or_by_question() -> None:
    assert divided(CASES[:3], CASES[3:6]) == (CASES[:3], CASES[3:6])
    left, right = divided(CASES[:4], [])
    assert {c.article for c in left}.isdisjoint(c.article for c in right)
    assert len(left) == len(right) == 2
