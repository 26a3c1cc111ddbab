"""How sentences are described and chosen."""

from __future__ import annotations

import numpy as np
import pytest

from citewell.generate import evidence
from citewell.index.analysis import analyse


def described(question: str, *sentences: str) -> dict[str, list[float]]:
    weights = dict.fromkeys(analyse(question), 1.0)
    n = len(sentences)
    rows = evidence.describe(question, sentences, sentences, [1] * n, np.zeros(n, dtype=np.float32), weights, analyse)
    return {name: rows[:, i].tolist() for i, name in enumerate(evidence.FEATURES)}


def test_coverage_is_the_share_of_the_questions_weight() -> None:
    assert described("pump inlet pressure", "The pump has an inlet.")["sentence_coverage"] == [pytest.approx(2 / 3)]


@pytest.mark.parametrize(
    ("question", "fits", "does_not"),
    [
        ("How many litres are pumped?", "It moves 12 litres.", "It moves water."),
        ("When does it end?", "It ends on 31 March.", "It ends well."),
        ("Who signs contracts?", "Contracts are signed by Maria Holt.", "contracts are signed there."),
        ("Wie viele Tage Urlaub?", "Es sind 28 Tage.", "Es gibt Urlaub."),
    ],
)
def test_the_expected_form_of_an_answer_is_seen(question: str, fits: str, does_not: str) -> None:
    assert described(question, fits, does_not)["expected_form"] == [1.0, -1.0]


def test_the_model_has_a_weight_for_everything_it_is_told() -> None:
    assert evidence.SENTENCE_WEIGHTS.shape == (len(evidence.FEATURES),)
    assert evidence.SUFFICIENCY_WEIGHTS.shape == (len(evidence.STRENGTH) + 1,)
    assert np.abs(evidence.SENTENCE_WEIGHTS).max() > 0
    assert np.abs(evidence.SUFFICIENCY_WEIGHTS).max() > 0


def test_strength_is_told_of_a_single_sentence_too() -> None:
    rows = np.zeros((1, len(evidence.FEATURES)))
    assert 0 <= evidence.sufficiency(rows) <= 1
