"""Documents that disagree are told from documents on different things."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from twins import evidence_of, shown

from citewell.core.answers import Conflict, Sentence
from citewell.generate.conflicts import conflicts_of

NOTICE = "The notice period is four weeks for everyone."
OTHER = "The notice period is six weeks for everyone."


def found(
    texts: Sequence[str], titles: Sequence[str] = (), logits: Sequence[float] | None = None
) -> tuple[Conflict, ...]:
    context = shown(*texts, titles=titles)
    evidence = evidence_of(context, logits or [2.0] * len(texts))
    return conflicts_of([Sentence(texts[0], (context.passages[0].cite(0, len(texts[0])),))], evidence)


def test_headings_alone_make_no_conflict() -> None:
    price, days = "The price of a day is 1/260 of the pay.", "It may be joined to up to ten days of annual leave."
    assert found([price, days], titles=["Annual leave", "Annual leave and sabbaticals"]) == ()


def test_another_figure_for_the_same_is_a_conflict_with_its_citation() -> None:
    (conflict,) = found([NOTICE, OTHER])
    assert (conflict.sentence, conflict.citation.quote, conflict.reason) == (0, OTHER, "number_differs")


@pytest.mark.parametrize(
    "other",
    [
        "The notice period is 4 weeks for everyone.",
        "Lunch is served at noon for everyone.",
        "The notice period is long.",
    ],
)
def test_the_same_said_otherwise_or_something_else_is_none(other: str) -> None:
    assert found([NOTICE, other]) == ()


def test_documents_on_different_things_do_not_disagree() -> None:
    assert found([NOTICE, OTHER], ["Winter closure Leeds", "Winter closure Graz"]) == ()
    assert found([NOTICE, OTHER], ["Manual S24", "Manual S36"]) == ()
    assert found([NOTICE, OTHER], ["Handbook", "Questions"]) != ()


def test_what_does_not_answer_the_question_is_not_set_against_what_does() -> None:
    assert found([NOTICE, OTHER], logits=[9.0, 0.0]) == ()


def test_a_sentence_of_a_quoted_list_item_or_a_part_of_a_long_one_may_be_contradicted() -> None:
    context = shown(f"Rules are strict. {NOTICE}", OTHER)
    evidence = evidence_of(context, [0.0, 2.0, 2.0])
    whole = context.passages[0]
    for start, end in ((0, len(whole.text)), (25, len(whole.text) - 3)):
        (conflict,) = conflicts_of([Sentence("x", (whole.cite(start, end),))], evidence)
        assert conflict.citation.quote == OTHER
