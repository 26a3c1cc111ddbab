"""The context keeps to its budget and tells what it left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from twins import Plain, WordCounter, make_chunk, stored

from citewell.core.settings import ContextSettings
from citewell.core.types import Chunk, Context, Query, rank_by_score
from citewell.generate.assembly.assemble import assemble
from citewell.generate.assembly.fit import density
from citewell.generate.language.generator import edges_first

QUERY = Query("what is this")


def build(texts: Sequence[tuple[str, str]], **settings: int) -> Context:
    chunks = [make_chunk(doc_id, text, start=1000 * i) for i, (doc_id, text) in enumerate(texts)]
    return assembled(chunks, **settings)


def assembled(
    chunks: Sequence[Chunk],
    query: Query = QUERY,
    neighbours: Sequence[Chunk] = (),
    uris: Sequence[str] = (),
    **settings: int,
) -> Context:
    fetched = {c.chunk_id: stored(c, uris[i] if uris else "") for i, c in enumerate(chunks)}
    beside = {c.chunk_id: stored(c) for c in neighbours}
    ranking = rank_by_score(
        "s", {c.chunk_id: float(-i) for i, c in enumerate(chunks)}, {c.chunk_id: c.doc_id for c in chunks}
    )
    return assemble(query, ranking, fetched, Plain(), ContextSettings(**{"max_tokens": 64, **settings}), beside)


WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa"


def test_the_count_is_that_of_the_rendered_context() -> None:
    context = build([("a", WORDS), ("b", "another ten words would go here if there were any")])
    assert context.token_count == WordCounter().count(Plain().render(QUERY, context.passages)) == 25


def test_passages_over_the_budget_are_dropped_with_the_reason_and_smaller_ones_still_enter() -> None:
    big = " ".join(f"w{i}" for i in range(60))
    context = build([("a", WORDS), ("b", big), ("c", "a small one")])
    assert [p.chunk.doc_id for p in context.passages] == ["a", "c"]
    assert [(d.uri, d.reason) for d in context.dropped] == [("s/b", "over the budget of 64 tokens")]


def test_a_first_passage_over_the_budget_is_cut_to_the_sentences_that_bear_on_the_question() -> None:
    text = " ".join(f"Sentence {'pump' if i == 12 else i} has exactly seven words here." for i in range(20))
    context = assembled([make_chunk("a", text)], Query("how is the pump"))
    passage = context.passages[0]
    assert 40 < context.token_count <= 64
    assert "Sentence pump has exactly seven words here." in passage.text
    assert passage.text == text[passage.start_char : passage.start_char + len(passage.text)]
    assert [entry.outcome for entry in context.ledger] == ["trimmed"]


def test_near_duplicates_are_dropped_for_the_one_kept() -> None:
    context = build([("a", f"{WORDS} lambda."), ("b", f"{WORDS} lambda!")])
    assert [d.reason for d in context.dropped] == ["near-duplicate of [1]"]
    assert [copy.chunk.doc_id for copy in context.passages[0].copies] == ["b"]


@pytest.mark.parametrize("end", ["and 25 days", "and not 28 days"])
def test_what_is_nearly_the_same_and_says_another_figure_or_the_contrary_is_kept(end: str) -> None:
    long = " ".join(f"word{i}" for i in range(90))
    context = build([("a", f"{long} and 28 days"), ("b", f"{long} {end}")], max_tokens=999)
    assert [p.chunk.doc_id for p in context.passages] == ["a", "b"]


def test_one_document_does_not_fill_the_context() -> None:
    texts = [("a", f"text number {i} {'x' * i} differs") for i in range(4)]
    context = build(texts, per_document=2)
    assert len(context.passages) == 2
    assert {d.reason for d in context.dropped} == {"beyond context.per_document = 2"}


def test_markers_count_from_one_without_gaps() -> None:
    context = build([(d, f"passage {d} says {d * 3}") for d in "abcdef"], max_passages=4)
    assert [p.marker for p in context.passages] == [1, 2, 3, 4]
    assert len(context.dropped) == 2


def test_an_older_edition_gives_way_to_the_newer_one_that_speaks_of_the_same() -> None:
    old = make_chunk("old", "Dinner is refunded up to 25 pounds.", title="Travel policy (2023)")
    new = make_chunk("new", "Dinner is refunded up to 32 pounds.", title="Travel policy (2025)")
    context = assembled([old, new], uris=["p/travel-2023.md", "p/travel-2025.md"])
    assert [p.chunk.doc_id for p in context.passages] == ["new"]
    assert context.dropped[0].reason == "superseded by p/travel-2025.md"
    assert [(s.older_uri, s.newer_uri) for s in context.superseded] == [("p/travel-2023.md", "p/travel-2025.md")]
    asked = assembled([old, new], Query("How much was dinner in 2023?"), uris=["p/travel-2023.md", "p/travel-2025.md"])
    assert [p.chunk.doc_id for p in asked.passages] == ["old", "new"]


def test_an_older_edition_still_speaks_of_what_the_newer_one_does_not() -> None:
    old = make_chunk("old", "Bicycles may be leased through the company.", title="Travel policy (2023)")
    new = make_chunk("new", "Dinner is refunded up to 32 pounds.", title="Travel policy (2025)")
    context = assembled([old, new], uris=["p/travel-2023.md", "p/travel-2025.md"])
    assert [p.chunk.doc_id for p in context.passages] == ["old", "new"]
    assert context.superseded == ()


def test_a_rule_that_the_newer_edition_withdraws_is_not_told() -> None:
    old = make_chunk(
        "old", "Alcoholic drinks are refunded with dinner, up to one drink a person.", title="Travel policy (2023)"
    )
    more = " ".join(f"other{i}" for i in range(40))
    new = make_chunk("new", f"Alcoholic drinks are no longer refunded. {more}", title="Travel policy (2025)")
    asked = Query("Are alcoholic drinks refunded with dinner?")
    context = assembled([old, new], asked, uris=["p/travel-2023.md", "p/travel-2025.md"])
    assert [p.chunk.doc_id for p in context.passages] == ["new"]


def test_a_neighbour_of_the_same_section_joins_when_it_adds_words_of_the_question_or_goes_on() -> None:
    first = make_chunk("a", "The pump needs three things:", heading_path=("Pump",))
    after = replace(make_chunk("a", "oil, water and power", start=29, heading_path=("Pump",)), version=first.version)
    other = replace(
        make_chunk("a", "oil is also sold in cans", start=60, heading_path=("Shop",)), version=first.version
    )
    context = assembled([first], Query("what does it take"), [after, other])
    assert [p.text for p in context.passages] == [first.text, after.text]
    assert [entry.outcome for entry in context.ledger] == ["kept", "added"]


def test_a_script_that_takes_more_tokens_for_the_same_gets_more_of_them() -> None:
    assert density("A short English sentence about pumps.", 9) == 1.0
    assert density("ポンプは毎日点検しなければなりません", 40) > 2.0
    assert 1.0 < density("Насос нужно проверять каждый день", 20) <= 3.0


def test_the_strongest_stand_at_both_ends() -> None:
    context = build([(d, f"passage {d} says {d * 3}") for d in "abcde"])
    assert [p.marker for p in edges_first(context.passages)] == [1, 3, 5, 4, 2]
