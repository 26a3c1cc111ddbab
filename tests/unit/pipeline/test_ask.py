"""The query path on three small documents, with the real embedder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.core.errors import InvalidQuery
from citewell.core.settings import load_settings
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.ask import ask, search
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.present import answer_as_json
from citewell.pipeline.retrieve import retrieve
from citewell.pipeline.wiring import Engine


def test_an_answer_quotes_the_sentence_and_carries_how_it_came_about(engine: Engine) -> None:
    answer = ask(engine, "How many days of annual leave does an employee have?")
    assert answer.status == "grounded"
    assert answer.sentences[0].text == "Every employee has 28 days of annual leave a year."
    citation = answer.sentences[0].citations[0]
    assert engine.catalog.document(citation.doc_id).text[citation.start_char : citation.end_char] == citation.quote
    assert {"bm25", "dense", "fuse", "rerank", "assemble", "generate", "verify", "total"} <= answer.timings_ms.keys()
    assert answer.config_hash == engine.settings.config_hash()
    assert answer.generation == "000001"
    assert answer.usage["context_tokens"] == answer.context.token_count > 0


def test_without_a_cross_encoder_the_trace_says_that_the_fused_order_is_passed_through(
    engine: Engine, make_engine: Callable[..., Engine]
) -> None:
    without = make_engine(engine.directory, load_settings(rerank={"model": ""}))
    row = next(r for r in ask(without, "hotel price").trace if r["stage"] == "rerank")
    assert "passed through" in str(row["note"])


def test_what_the_documents_do_not_hold_is_refused_with_the_nearest_documents(engine: Engine) -> None:
    answer = answer_as_json(ask(engine, "Who won the football world cup in 1990?"))
    assert (answer["status"], answer["sentences"]) == ("abstained", [])
    assert answer["text"] == "The documents do not say."
    assert answer["nearest"]


def test_a_threshold_of_one_always_abstains_and_of_zero_never(
    engine: Engine, make_engine: Callable[..., Engine]
) -> None:
    always = make_engine(engine.directory, load_settings(generate={"threshold": 1.0}))
    never = make_engine(engine.directory, load_settings(generate={"threshold": 0.0}))
    assert ask(always, "How many days of annual leave?").status == "abstained"
    assert ask(never, "Who won the football world cup in 1990?").status == "grounded"


@pytest.mark.parametrize("question", ["", "  \n ", "x" * 2001])
def test_blank_and_endless_questions_are_refused(engine: Engine, question: str) -> None:
    with pytest.raises(InvalidQuery):
        ask(engine, question)


def test_a_deleted_document_is_in_no_answer_at_once(engine: Engine) -> None:
    found, _, _ = search(engine, "annual leave days")
    doc_id = found.final.candidates[0].doc_id
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.delete(doc_id)
    found, _, _ = search(engine, "annual leave days")
    assert all(c.doc_id != doc_id for r in (found.bm25, found.dense, found.hybrid, found.final) for c in r.candidates)
    assert ask(engine, "How many days of annual leave does an employee have?").status == "abstained"


@pytest.mark.parametrize("method", ["min_max", "rrf"])
def test_every_candidate_of_the_fused_ranking_comes_from_one_of_the_lists(
    engine: Engine, make_engine: Callable[..., Engine], method: str
) -> None:
    chosen = make_engine(engine.directory, load_settings(fusion={"method": method}))
    found, _, _ = search(chosen, "blocked inlet E41")
    assert found.hybrid.scores().keys() == found.bm25.scores().keys() | found.dense.scores().keys()
    assert found.hybrid.scorer == method


def test_the_depth_counts_distinct_documents(engine: Engine, make_engine: Callable[..., Engine]) -> None:
    shallow = make_engine(engine.directory, load_settings(retrieve={"depth": 2}))
    found, _, _ = search(shallow, "leave hotel pump")
    assert len({c.doc_id for c in found.dense.candidates}) == 2


def test_the_lexical_engines_find_the_same(
    tmp_path: Path, folder: Path, engine: Engine, make_engine: Callable[..., Engine]
) -> None:
    from citewell.core.types import Query
    from citewell.pipeline.build import ingest_paths

    other = make_engine(tmp_path / "other", load_settings(lexical={"engine": "rank_bm25"}))
    ingest_paths(other, [folder])
    query = Query("annual leave of employees")
    ours, theirs = (retrieve(e, e.snapshot(), query).bm25 for e in (engine, other))
    assert [c.chunk_id for c in ours.candidates] == [c.chunk_id for c in theirs.candidates]
    assert ours.candidates[0].score == pytest.approx(theirs.candidates[0].score, rel=1e-5)
    other.close()


def test_a_part_that_refers_back_is_answered_for_itself(tmp_path: Path, make_engine: Callable[..., Engine]) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "hall.md").write_text(
        "# Air conditioning\n\nThe repair of the air conditioning costs 14,300 euros. It will be finished on 12 May.\n"
    )
    made = make_engine(tmp_path / "index")
    ingest_paths(made, [folder])
    answer = ask(made, "What does the repair of the air conditioning cost and when will it be finished?")
    said = " ".join(sentence.text for sentence in answer.sentences)
    assert "14,300" in said
    assert "12 May" in said or answer.missing == ("when will it be finished?",)
    made.close()
