"""Whole answers over small folders, with the models that are shipped: editions, contradictions, several questions at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from citewell.core.answers import Answer
from citewell.core.reasons import ANSWER_REASONS, CHECK_REASONS
from citewell.core.resources import package_path
from citewell.core.settings import load_settings
from citewell.pipeline.ask import ask
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

POLICIES = package_path("data", "sample", "corpus", "policies")
NOTICE = {
    "contracts.md": "# Contracts\n\nEvery contract is in writing. The notice period for permanent staff is four weeks. It is given in writing.",
    "questions.md": "# Common questions\n\nThe notice period for permanent staff is six weeks. Ask the people team about pensions.",
    "canteen.md": "# Canteen\n\nThe canteen in Graz opens at 11:30 and closes at 14:00. Anna Berger runs it.",
}


@pytest.fixture
def answered(tmp_path: Path, make_engine: Callable[..., Engine]) -> Callable[..., Answer]:
    """Asks a question of these files."""

    def ask_of(question: str, files: Mapping[str, str], **settings: object) -> Answer:
        folder = tmp_path / "papers"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        engine = make_engine(tmp_path / "index", load_settings(generate={"threshold": 0.3, **settings}))
        ingest_paths(engine, [folder])
        answer = ask(engine, question)
        for sentence in answer.sentences:
            for citation in (*sentence.citations, *(lean.citation for lean in sentence.leans_on)):
                stored = engine.catalog.text_at(
                    citation.doc_id, citation.version, citation.start_char, citation.end_char
                )
                assert stored == citation.quote
        assert set(answer.reasons) <= ANSWER_REASONS.keys()
        assert {reason for check in answer.checks for reason in check.reasons} <= CHECK_REASONS.keys()
        engine.close()
        return answer

    return ask_of


LEAVE = {
    "shouce.md": "# 员工手册\n\n员工每年有二十八天带薪年假。年假必须在三月三十一日之前使用完毕。\n\n出差住宿费用上限为每晚一百四十五欧元。超过部分需要部门经理批准。",
    "daleel.md": "# دليل السفر\n\nالحد الأقصى لتكلفة الفندق في غراتس هو 145 يورو. يوافق المدير على ما يزيد عن ذلك. تقدم الفواتير خلال شهر.",
}


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("员工每年有多少天年假？", "员工每年有二十八天带薪年假。"),
        ("ما هو الحد الأقصى لتكلفة الفندق في غراتس؟", "الحد الأقصى لتكلفة الفندق في غراتس هو 145 يورو."),
    ],
)
def test_sentences_of_any_script_are_quoted_and_what_the_reader_cannot_read_is_not_read(
    answered: Callable[..., Answer], question: str, quoted: str
) -> None:
    answer = answered(question, LEAVE)
    assert quoted in [sentence.text for sentence in answer.sentences]
    assert all("二十八天带薪年假。年假" not in sentence.text for sentence in answer.sentences)
    assert answer.sufficiency.uncalibrated
    (row,) = (row for row in answer.trace if row["stage"] == "rerank")
    assert "does not read this language" in row["note"]


def test_the_newer_policy_answers_and_the_older_is_mentioned(answered: Callable[..., Answer]) -> None:
    files = {
        f"travel-and-expenses-{year}.md": (POLICIES / f"travel-and-expenses-{year}.md").read_text(encoding="utf-8")
        for year in (2023, 2025)
    }
    answer = answered("Within how many days must expense claims be entered?", files)
    assert answer.status != "abstained"
    assert {citation.uri for sentence in answer.sentences for citation in sentence.citations} == {
        "papers/travel-and-expenses-2025.md"
    }
    assert [(s.older_uri, s.newer_uri) for s in answer.context.superseded] == [
        ("papers/travel-and-expenses-2023.md", "papers/travel-and-expenses-2025.md")
    ]
    assert "superseded" in answer.reasons
    old = answered("Within how many days did claims have to be entered under the policy of 2023?", files)
    assert "papers/travel-and-expenses-2023.md" in {passage.uri for passage in old.context.passages}


def test_a_contradiction_between_equal_sources_is_shown_as_one(answered: Callable[..., Answer]) -> None:
    answer = answered("How long is the notice period for permanent staff?", NOTICE)
    assert answer.status == "grounded"
    said = {c.uri for s in answer.sentences for c in s.citations} | {c.citation.uri for c in answer.conflicts}
    assert said >= {"papers/contracts.md", "papers/questions.md"}
    assert [conflict.reason for conflict in answer.conflicts][:1] == ["number_differs"]
    assert "conflict" in answer.reasons


def test_a_document_that_asks_the_very_question_is_contradicted_as_any_other(answered: Callable[..., Answer]) -> None:
    asked = "How long is the notice period for permanent staff?"
    answer = answered(
        asked, NOTICE | {"questions.md": f"# Questions\n\n**{asked}**\n\nThe notice period is six weeks."}
    )
    assert "six weeks" in answer.sentences[0].text
    assert ["four weeks" in conflict.citation.quote for conflict in answer.conflicts] == [True]


def test_what_is_missing_of_two_questions_is_said(answered: Callable[..., Answer]) -> None:
    question = "When does the canteen in Graz open? How many parking spaces does the airport of Nairobi have?"
    answer = answered(question, NOTICE)
    assert answer.status == "partial"
    assert answer.missing == ("How many parking spaces does the airport of Nairobi have?",)
    assert any("11:30" in sentence.text for sentence in answer.sentences)
    assert "part_missing" in answer.reasons


def test_a_passage_that_two_documents_share_is_cited_once_and_the_other_named(answered: Callable[..., Answer]) -> None:
    text = "The canteen in Graz opens at 11:30 and closes at 14:00. Anna Berger runs it with a team of five."
    files = {
        "canteen.md": f"# Canteen\n\n{text}",
        "visitors.md": f"# Visitors\n\n{text}\n\n" + "## Parking\n\nCars stand behind hall 2. " * 30,
    }
    answer = answered("When does the canteen in Graz open?", files)
    (citation,) = answer.sentences[0].citations
    assert {citation.uri, *citation.also_in} == {"papers/canteen.md", "papers/visitors.md"}
    assert answer.conflicts == ()


def test_a_refusal_says_what_was_looked_for(answered: Callable[..., Answer]) -> None:
    answer = answered("How many parking spaces does the airport of Nairobi have?", NOTICE)
    assert (answer.status, answer.sentences) == ("abstained", ())
    assert "Nairobi" in answer.looked_for  # as it stands in the question
    assert "evidence_below_threshold" in answer.reasons


def test_the_same_question_has_the_same_id_and_another_right_another(
    tmp_path: Path, make_engine: Callable[..., Engine]
) -> None:
    (tmp_path / "a.md").write_text(NOTICE["canteen.md"], encoding="utf-8")
    engine = make_engine(tmp_path / "index")
    ingest_paths(engine, [tmp_path / "a.md"])
    ids = [ask(engine, "When does the canteen open?").answer_id for _ in range(2)]
    assert ids[0] == ids[1]
    assert ask(engine, "When does the canteen open?", frozenset({"staff"})).answer_id != ids[0]
    engine.close()


def test_no_threshold_keeps_to_an_impossible_risk_and_a_generous_one_answers(answered: Callable[..., Answer]) -> None:
    question = "When does the canteen in Graz open?"
    assert answered(question, NOTICE, risk=0.001).status == "abstained"
    assert answered(question, NOTICE, risk=0.5).status == "grounded"
