"""The context keeps to its budget and tells what it left out."""

from __future__ import annotations

from collections.abc import Sequence

from twins import WordCounter, make_chunk, stored

from citewell.core.answers import Draft
from citewell.core.settings import ContextSettings
from citewell.core.types import Context, Passage, Query, StoredPassage, rank_by_score
from citewell.generate.assembly.assemble import assemble


class Plain:
    """A generator that only renders."""

    route = "plain"
    tokens = WordCounter()

    def render(self, passages: Sequence[Passage]) -> str:
        return "\n".join(f"[{p.marker}] {p.text}" for p in passages)

    def generate(self, query: Query, context: Context) -> Draft:
        del query, context
        return Draft((), 0.0, self.route)


def build(texts: Sequence[tuple[str, str]], **settings: int) -> Context:
    chunks = [make_chunk(doc_id, text, start=1000 * i) for i, (doc_id, text) in enumerate(texts)]
    fetched: dict[str, StoredPassage] = {c.chunk_id: stored(c) for c in chunks}
    ranking = rank_by_score(
        "s", {c.chunk_id: float(-i) for i, c in enumerate(chunks)}, {c.chunk_id: c.doc_id for c in chunks}
    )
    return assemble(ranking, fetched, Plain(), ContextSettings(**{"max_tokens": 64, **settings}))


WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa"


def test_the_count_is_that_of_the_rendered_context() -> None:
    context = build([("a", WORDS), ("b", "another ten words would go here if there were any")])
    assert context.token_count == WordCounter().count(Plain().render(context.passages)) == 22


def test_passages_over_the_budget_are_dropped_with_the_reason_and_smaller_ones_still_enter() -> None:
    big = " ".join(f"w{i}" for i in range(60))
    context = build([("a", WORDS), ("b", big), ("c", "a small one")])
    assert [p.chunk.doc_id for p in context.passages] == ["a", "c"]
    assert [(d.uri, d.reason) for d in context.dropped] == [("s/b", "over the budget of 64 tokens")]


def test_a_first_passage_over_the_budget_is_cut_at_a_sentences_end() -> None:
    text = " ".join(f"Sentence {i} has exactly seven words here." for i in range(20))
    context = build([("a", text)])
    assert context.token_count <= 64
    assert context.passages[0].text.endswith("words here.")
    assert text.startswith(context.passages[0].text)


def test_near_duplicates_are_dropped_for_the_one_kept() -> None:
    context = build([("a", f"{WORDS} lambda."), ("b", f"{WORDS} lambda!")])
    assert [d.reason for d in context.dropped] == ["near-duplicate of [1]"]


def test_one_document_does_not_fill_the_context() -> None:
    texts = [("a", f"text number {i} {'x' * i} differs") for i in range(4)]
    context = build(texts, per_document=2)
    assert len(context.passages) == 2
    assert {d.reason for d in context.dropped} == {"beyond context.per_document = 2"}


def test_markers_count_from_one_without_gaps() -> None:
    context = build([(d, f"passage {d} says {d * 3}") for d in "abcdef"], max_passages=4)
    assert [p.marker for p in context.passages] == [1, 2, 3, 4]
    assert len(context.dropped) == 2
