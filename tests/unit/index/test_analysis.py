"""The analyzer gives the same terms for what means the same."""

from __future__ import annotations

from citewell.index.analysis import analyse


def test_case_inflection_and_compatibility_forms_fold() -> None:
    assert analyse("Pumps") == analyse("pump") == analyse("ＰＵＭＰ")


def test_function_and_question_words_are_left_out() -> None:
    assert analyse("What is the limit for the hotels?") == analyse("limit hotels")


def test_possessives_fold_and_identifiers_stay() -> None:
    assert analyse("the employee’s P200") == analyse("employee p200")


def test_nothing_gives_nothing() -> None:
    assert analyse("") == analyse("?! …") == []
