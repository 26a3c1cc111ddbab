"""An explanation's numbers are those that ranked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.core.errors import PassageNotFound
from citewell.core.settings import load_settings
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.ask import search
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.explain import explain
from citewell.pipeline.wiring import Engine

QUESTION = "How many days of annual leave may be carried over?"


@pytest.mark.parametrize("lexical", ["tantivy", "rank_bm25"])
@pytest.mark.parametrize("method", ["min_max", "z_score", "rrf"])
def test_the_parts_add_up_to_the_scores(
    tmp_path: Path, folder: Path, make_engine: Callable[..., Engine], lexical: str, method: str
) -> None:
    engine = make_engine(
        tmp_path / "other", load_settings(lexical={"engine": lexical}, fusion={"method": method}, rerank={"model": ""})
    )
    ingest_paths(engine, [folder])
    found, _, _ = search(engine, QUESTION)
    for candidate in found.hybrid.candidates:
        told = explain(engine, QUESTION, candidate.chunk_id)
        assert told["fusion"]["fused"] == pytest.approx(candidate.score, abs=1e-6)
        assert told["ranks"]["hybrid"] == candidate.rank
        assert told["cosine"] == pytest.approx(found.dense.scores()[candidate.chunk_id], abs=1e-5)
        assert told["bm25"] == pytest.approx(found.bm25.scores().get(candidate.chunk_id, 0.0), abs=1e-5)
        assert f"{told['fusion']['fused']:.4f} = " in told["fusion"]["formula"]
    best = explain(engine, QUESTION, found.bm25.candidates[0].chunk_id)
    assert {"leav", "carri"} <= {term["term"] for term in best["terms"]}
    assert all("ln(1 + (" in term["formula"] for term in best["terms"])
    engine.close()


@pytest.mark.parametrize("lexical", ["tantivy", "rank_bm25"])
def test_a_question_in_another_language_is_found_by_the_words_that_both_share(
    tmp_path: Path, folder: Path, make_engine: Callable[..., Engine], lexical: str
) -> None:
    engine = make_engine(tmp_path / "other", load_settings(lexical={"engine": lexical}, rerank={"model": ""}))
    (folder / "universities.md").write_text("The university of the republic teaches physics and philosophy.")
    ingest_paths(engine, [folder])
    asked = "¿Qué enseña la universidad sobre la física y la filosofía?"
    found, _, _ = search(engine, asked)
    best = found.bm25.candidates[0]
    assert found.passages[best.chunk_id].uri == "papers/universities.md"
    told = explain(engine, asked, best.chunk_id)
    assert {"bridges"} == {term["field"] for term in told["terms"]}
    assert told["bm25"] == pytest.approx(best.score, abs=1e-5)
    engine.close()


def test_what_a_caller_may_not_see_is_not_explained(engine: Engine) -> None:
    found, _, _ = search(engine, QUESTION)
    best = found.final.candidates[0]
    with pytest.raises(PassageNotFound):
        explain(engine, QUESTION, best.chunk_id, frozenset({"it"}))
    with pytest.raises(PassageNotFound):
        explain(engine, QUESTION, "0" * 16)
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.delete(best.doc_id)
    with pytest.raises(PassageNotFound):
        explain(engine, QUESTION, best.chunk_id)
