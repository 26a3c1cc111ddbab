"""The analyzer gives the same terms for what means the same, in every script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.core.languages import detect, language_of, primary
from citewell.index.analysis import (
    analyse,
    analyse_passage,
    bridges,
    is_stop_word,
    languages_of_question,
    spans_of,
    terms_of_question,
)


def test_case_inflection_and_compatibility_forms_fold() -> None:
    assert analyse("Pumps") == analyse("pump") == analyse("ＰＵＭＰ")


def test_function_and_question_words_are_left_out() -> None:
    assert analyse("What is the limit for the hotels?") == analyse("limit hotels")
    assert analyse("Wie hoch ist die Grenze für Hotels?", ["de"]) == analyse("hoch Grenze Hotels", ["de"])
    assert not is_stop_word("pump", "en")


def test_possessives_fold_and_identifiers_stay() -> None:
    assert analyse("the employee’s P200") == analyse("employee p200")


def test_nothing_gives_nothing() -> None:
    assert analyse("") == analyse("?! …") == []


@pytest.mark.parametrize(
    ("text", "whole", "part"),
    [
        ("SARS-CoV-2", "sars-cov-2", "cov"),
        ("version 2.13.0", "2.13.0", "13"),
        ("write to ann@example.org", "ann@example.org", "exampl"),
        ("in /etc/citewell/main.conf", "etc/citewell/main.conf", "conf"),
        ("set maxForwards", "", "forward"),
        ("set max_forwards", "", "forward"),
        ("written in C++ and C#", "c++", "written"),
    ],
)
def test_names_of_several_parts_are_found_whole_and_by_their_parts(text: str, whole: str, part: str) -> None:
    terms = analyse_passage(text, "en")
    assert part in terms
    assert not whole or whole in terms
    assert not whole or whole in analyse(f"What about {whole}?")


@pytest.mark.parametrize(
    ("passage", "question", "language"),
    [
        ("東京都の天気は晴れです", "東京", "ja"),
        ("我们使用水泵", "水泵", "zh"),
        ("我们使用水泵", "泵", "zh"),
        ("연차 휴가는 28일입니다", "휴가", "ko"),
        ("พนักงานมีวันหยุด", "วันหยุด", "th"),
        ("ປະເທດລາວ", "ລາວ", "lo"),
        ("ភាសាខ្មែរ", "ខ្មែរ", "km"),
        ("المُوَظَّفُونَ وَالإجازة", "الموظفون", "ar"),
        ("الإجازة السنوية", "الاجازه", "ar"),
        ("کارمندان شرکت", "كارمندان", "fa"),
        ("Zürich und München", "zurich", "de"),
        ("Straße", "STRASSE", "de"),
        ("vacaciones de los empleados", "empleado", "es"),
        ("отпуска сотрудников", "отпуск", "ru"),
    ],
)
def test_a_question_finds_a_passage_of_its_script(passage: str, question: str, language: str) -> None:
    found = analyse(question, [language])
    assert found
    assert set(found) <= set(analyse_passage(passage, language))


def test_characters_that_cannot_be_seen_change_nothing() -> None:
    assert analyse("pump\u200bs man\u00adual \u202evalve") == analyse("pumps manual valve")


def test_pairs_are_searched_for_and_lone_characters_alone() -> None:
    assert analyse("東京都", ["ja"]) == ["東京", "京都"]
    assert analyse("天 東京", ["ja"]) == ["天", "東京"]


def test_a_question_is_read_in_its_own_language_or_in_those_of_the_index() -> None:
    german = "Wie viele Tage Urlaub stehen einem Angestellten im Jahr zu?"
    assert languages_of_question(german, ["en", "de"]) == ("de",)
    assert languages_of_question(german, ["en"]) == ("de", "en")
    assert languages_of_question("Ondaro 500", ["de", "en"]) == ("de", "en")
    assert set(analyse("hotels", ["de", "en"])) >= {*analyse("hotels", ["de"]), *analyse("hotels", ["en"])}


def test_languages_are_told_where_they_can_be() -> None:
    assert detect("The quick brown fox jumps over the lazy dog.")[0] == "en"
    assert language_of("Der Hund schläft unter dem Tisch in der Küche.") == "de"
    assert language_of("12345 !?") == "und"
    assert language_of("E41", otherwise="fr") == "fr"
    assert [primary(tag) for tag in ("de-AT", "nb_NO", "x-klingon", "")] == ["de", "no", "und", "und"]


def test_words_are_marked_where_they_stand() -> None:
    text = "Hotels in Zürich und 東京都"
    spans = spans_of(text, analyse("hotel zurich 京都", ["de"]), ["de"])
    assert [text[start:end] for start, end in spans] == ["Hotels", "Zürich", "京都"]


@given(st.text(max_size=200), st.sampled_from(["en", "de", "ar", "ja", "th", "und"]))
def test_any_text_is_analysed_and_found_by_itself(text: str, language: str) -> None:
    indexed = set(analyse_passage(text, language))
    assert set(analyse(text, ["en" if language == "und" else language])) <= indexed
    assert all(term and not any(c.isspace() for c in term) for term in indexed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("university", "en"), ("Universität", "de")),
        (("Catholics", "en"), ("católicos", "es")),
        (("Pharaonen", "de"), ("faraones", "es")),
        (("physics", "en"), ("física", "es")),
        (("Amazonas", "de"), ("Amazon", "en")),
    ],
)
def test_kindred_words_have_one_bridge(one: tuple[str, str], other: tuple[str, str]) -> None:
    made = [bridges(analyse(word, [language])) for word, language in (one, other)]
    assert made[0] == made[1] != []


def test_short_words_numbers_and_other_scripts_have_no_bridge() -> None:
    assert bridges(["leav", "28", "p200", "sar", "日本", "кот", "2.13.0"]) == ["~leaf"]


def test_only_a_question_in_another_language_is_bridged() -> None:
    german = "Wie viele Tage Urlaub hat jeder Mitarbeiter im Jahr?"
    assert terms_of_question(german, ["de", "en"]).bridges == ()
    assert terms_of_question("Ondaro 500", ["en"]).bridges == ()
    asked = terms_of_question(german, ["en"])
    assert asked.languages == ("de", "en")
    assert "~urlau" in asked.bridges
    assert not any(term.startswith("~") for term in asked.terms)
