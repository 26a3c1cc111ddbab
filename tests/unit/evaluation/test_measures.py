"""Measures as formulas: rankings, spans, answers, abstention, and how sure a difference is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from citewell.core.errors import DatasetInvalid
from citewell.core.scores import auroc
from citewell.evaluation.measures.abstention import (
    abstention,
    area_under,
    risk_coverage,
    sure_threshold,
    threshold_for_risk,
)
from citewell.evaluation.measures.answers import cohen_kappa, contains, exact_match, token_f1
from citewell.evaluation.measures.ranking import evaluate_run, ideal_order, parse_measures
from citewell.evaluation.measures.spans import span_grades, span_scores
from citewell.evaluation.measures.statistics import estimate, holm, paired_difference, permutation_p


def test_ndcg_is_the_formula_and_a_topic_without_results_counts_zero() -> None:
    qrels = {"q1": {"a": 2, "b": 1}, "q2": {"c": 1}}
    run = {"q1": {"x": 3.0, "b": 2.0, "a": 1.0}}
    result = evaluate_run(parse_measures(["nDCG@10", "RR@10"]), qrels, run)
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    expected = (1 / math.log2(3) + 2 / math.log2(4)) / ideal
    assert result["nDCG@10"].per_topic["q1"] == pytest.approx(expected)
    assert result["nDCG@10"].mean == pytest.approx(expected / 2)
    assert result["RR@10"].per_topic == {"q1": 0.5, "q2": 0.0}
    assert result["RR@10"].low <= result["RR@10"].mean <= result["RR@10"].high


def test_judged_at_k_is_the_share_of_results_that_anybody_judged() -> None:
    result = evaluate_run(parse_measures(["Judged@10"]), {"q": {"a": 0, "b": 1}}, {"q": {"a": 2.0, "x": 1.0}})
    assert result["Judged@10"].mean == 1 / 2


def test_an_unknown_measure_is_told() -> None:
    with pytest.raises(DatasetInvalid, match="unknown measure"):
        parse_measures(["nDGC@10"])


def test_the_ideal_order_puts_the_best_grades_of_the_head_first() -> None:
    ordered = ideal_order({"a": 1, "b": 2, "far": 3}, {"x": 9.0, "a": 8.0, "b": 7.0, "far": 1.0}, depth=3)
    assert sorted(ordered, key=lambda name: -ordered[name]) == ["b", "a", "x"]


def test_spans_are_counted_in_characters() -> None:
    gold = [("d", 10, 20), ("d", 40, 50)]
    scores = span_scores(gold, [("d", 0, 20), ("d", 15, 25), ("e", 10, 20)])
    assert scores.recall == 10 / 20
    assert scores.precision == 10 / (20 + 10 + 10)
    assert scores.iou == 10 / (20 + 25 + 10 - 10)
    grades = span_grades(
        gold, {"whole": ("d", 5, 25), "half": ("d", 15, 30), "little": ("d", 18, 41), "other": ("e", 10, 20)}
    )
    assert grades == {"whole": 2, "half": 1}


def test_exact_match_and_f1_follow_squad() -> None:
    assert exact_match("The Eiffel Tower!", ["eiffel tower"]) == 1.0
    assert exact_match("Eiffel", ["eiffel tower"]) == 0.0
    assert exact_match("", []) == 1.0
    assert exact_match("anything", []) == 0.0
    assert token_f1("the tall eiffel tower", ["Eiffel Tower"]) == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))
    assert token_f1("nothing shared", ["Eiffel Tower"]) == 0.0


def test_containment_asks_for_whole_words() -> None:
    assert contains("It costs at most 145 euros a night.", ["145 Euros"]) == 1.0
    assert contains("It costs 1145 euros.", ["145 euros"]) == 0.0
    assert contains("anything", [""]) == 0.0


def test_kappa_is_agreement_beyond_chance() -> None:
    assert cohen_kappa([True, True, False, False], [True, False, False, False]) == pytest.approx(
        (3 / 4 - 1 / 2) / (1 - 1 / 2)
    )
    assert cohen_kappa([True, True], [True, True]) == 1.0


def test_refusals_are_a_classifier_of_unanswerable_questions() -> None:
    answerable = [True, True, False, False]
    figures = abstention(answerable, [True, False, False, True], [0.9, 0.3, 0.1, 0.3])
    assert (figures.precision, figures.recall, figures.f1) == (1 / 2, 1 / 2, 1 / 2)
    assert figures.auroc == (1 + 1 + 1 + 0.5) / 4, "a tie counts half"
    assert auroc([0.1, 0.2], []) is None


def test_risk_and_coverage_are_taken_at_every_distinct_score() -> None:
    curve = risk_coverage([0.9, 0.7, 0.7, 0.2], [True, True, False, False])
    assert [(p.threshold, p.coverage, p.risk) for p in curve] == [
        (0.9, 1 / 4, 0.0),
        (0.7, 3 / 4, 1 / 3),
        (0.2, 1.0, 1 / 2),
    ]
    assert area_under(curve) == pytest.approx(0.25 * 0 + 0.5 / 3 + 0.25 / 2)
    met = threshold_for_risk(curve, 1 / 3)
    assert met is not None
    assert met.threshold == 0.7
    assert sure_threshold(curve, 0.1, 4) is None, "four answers prove no risk below a tenth"
    assert curve[0].risk_high == pytest.approx(0.95), "of one answer, none wrong: 1 - 0.05"


def test_few_differences_are_permuted_exactly() -> None:
    assert permutation_p(np.array([1.0, 1.0, 1.0])) == 2 / 8
    assert permutation_p(np.array([1.0, 1.0, 1.0, 0.0])) == 2 / 8, "a topic without a difference says nothing"
    assert permutation_p(np.array([0.0, 0.0])) == 1.0
    assert permutation_p(np.array([1.0, -1.0])) == 1.0


def test_many_differences_are_permuted_at_random_and_never_give_zero() -> None:
    assert permutation_p(np.ones(100)) == 1 / 10_001
    assert permutation_p(np.tile([1.0, -1.0], 50)) > 0.9


def test_holm_multiplies_the_smallest_most_and_never_lets_an_order_turn() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_system_against_itself_has_no_difference() -> None:
    values = {f"q{i}": i / 50 for i in range(50)}
    same = paired_difference(values, values)
    assert (same.mean, same.low, same.high, same.p, same.ties) == (0.0, 0.0, 0.0, 1.0, 50)
    better = paired_difference(values, {q: v + 0.1 for q, v in values.items()})
    assert better.wins == 50
    assert better.low <= better.mean <= better.high
    with pytest.raises(ValueError, match="no topic in common"):
        paired_difference(values, {"other": 1.0})


def test_no_topics_are_an_estimate_of_nothing() -> None:
    assert estimate({}).mean == 0.0


def test_a_sure_threshold_is_promised_falsely_in_few_cases_although_many_are_looked_at() -> None:
    """The true risk is just above what is asked for at every threshold: at most 5 % of the samples may promise one."""
    chance = np.random.default_rng(5)
    promised = 0
    for _ in range(300):
        curve = risk_coverage(chance.random(150).tolist(), (chance.random(150) > 0.101).tolist())
        promised += sure_threshold(curve, 0.1, 150) is not None
    assert promised / 300 <= 0.05 + 2 * (0.05 * 0.95 / 300) ** 0.5
    all_right = risk_coverage(np.linspace(1, 0, 60).tolist(), [True] * 60)
    reached = sure_threshold(all_right, 0.1, 60)
    assert reached is not None
    assert reached.coverage == 1.0


@pytest.mark.parametrize("name", ["P", "R@0", "P@0", "AP(rel='x')"])
def test_a_measure_that_can_be_named_and_not_computed_is_told_before_anything_is_asked(name: str) -> None:
    with pytest.raises(DatasetInvalid, match="the measure"):
        parse_measures([name])


def test_scripts_without_spaces_and_answers_of_signs_alone_are_counted() -> None:
    assert contains("员工每年有二十八天的年假。", ["二十八天"]) == 1.0
    assert contains("员工每年有二十八天的年假。", ["二十九天"]) == 0.0
    assert exact_match("", ["%", "percent sign"]) == 0.0
