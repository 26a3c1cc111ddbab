"""Every Reranker, ChunkStore, Generator and Verifier obeys its Protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from twins import REFERENCE_ENCODERS, MemoryStore, OverlapReranker, make_chunk

from citewell.core.protocols import ChunkStore, Generator, Reranker, TokenCounter, Verifier
from citewell.core.reasons import CHECK_REASONS
from citewell.core.settings import ContextSettings, RerankSettings, load_settings
from citewell.core.types import Candidate, Context, Query
from citewell.core.verdicts import Claimed
from citewell.generate.assembly.assemble import assemble
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.ask import ask, search, weigh
from citewell.pipeline.wiring import Engine
from citewell.rerank.cross_encoder import CrossEncoderReranker

QUERY = Query("How many days of annual leave does an employee have?")


@pytest.fixture(params=["twin", "real"])
def reranker(request: pytest.FixtureRequest, tiny_cross_encoder: Path) -> Reranker:
    return (
        OverlapReranker()
        if request.param == "twin"
        else CrossEncoderReranker(tiny_cross_encoder, RerankSettings(), REFERENCE_ENCODERS)
    )


def test_a_reranker_scores_each_passage_in_order_whatever_its_neighbours(reranker: Reranker) -> None:
    passages = [
        make_chunk("1", "annual leave is 28 days"),
        make_chunk("2", "hotel prices"),
        make_chunk("3", "the pump " * 90),
    ]
    scores = reranker.score(QUERY, passages)
    assert len(scores) == 3
    assert all(isinstance(score, float) for score in scores)
    assert reranker.score(QUERY, list(reversed(passages))) == pytest.approx(list(reversed(scores)), abs=1e-4)
    assert reranker.score(QUERY, []) == []
    assert isinstance(reranker, Reranker)


def test_a_configured_cross_encoder_is_used_and_named_in_the_trace(
    engine: Engine, make_engine: Callable[..., Engine], tiny_cross_encoder: Path
) -> None:
    reranked = make_engine(engine.directory, load_settings(rerank={"model": str(tiny_cross_encoder), "weight": 1.0}))
    found, _, _ = search(reranked, QUERY.text)
    chunks = {key: s.chunk for key, s in found.passages.items()}
    assert reranked.reranker is not None
    raw = dict(zip(chunks, reranked.reranker.score(QUERY, list(chunks.values())), strict=True))
    assert [c.chunk_id for c in found.final.candidates] == sorted(raw, key=lambda key: (-raw[key], key))
    row = next(r for r in ask(reranked, QUERY.text).trace if r["stage"] == "rerank")
    assert row["model"] == str(tiny_cross_encoder)


@pytest.fixture(params=["twin", "real"])
def store(request: pytest.FixtureRequest, engine: Engine) -> tuple[ChunkStore, list[Candidate], Callable[[str], None]]:
    """A store, candidates for all it holds, and what deletes a document."""
    if request.param == "twin":
        memory = MemoryStore({"x": "Leave is 28 days.", "y": "Hotels cost 145 euros."})
        return memory, [Candidate(c.chunk_id, c.doc_id, 0.0, 1) for c in memory.chunks.values()], memory.delete

    def delete(doc_id: str) -> None:
        with CatalogWriter(engine.directory, engine.settings.storage) as writer:
            writer.delete(doc_id)

    found, _, _ = search(engine, "leave hotel pump")
    return engine.catalog, list(found.final.candidates), delete


def test_a_store_gives_texts_that_lie_where_they_say(
    store: tuple[ChunkStore, list[Candidate], Callable[[str], None]],
) -> None:
    subject, candidates, _ = store
    passages = subject.passages(candidates)
    assert passages.keys() == {c.chunk_id for c in candidates}
    for stored in passages.values():
        chunk = stored.chunk
        assert subject.text_at(chunk.doc_id, chunk.version, chunk.start_char, chunk.end_char) == chunk.text
        assert stored.uri


def test_a_store_knows_nothing_of_what_was_deleted_or_never_was(
    store: tuple[ChunkStore, list[Candidate], Callable[[str], None]],
) -> None:
    subject, candidates, delete = store
    gone = candidates[0]
    chunk = subject.passages([gone])[gone.chunk_id].chunk
    delete(gone.doc_id)
    assert gone.chunk_id not in subject.passages(candidates)
    assert subject.text_at(chunk.doc_id, chunk.version, 0, 5) is None
    assert subject.text_at("nobody", "0" * 16, 0, 5) is None
    assert subject.passages([Candidate("f" * 16, "nobody", 0.0, 1)]) == {}


def test_a_generator_cites_only_its_context_and_counts_with_its_own_tokens(engine: Engine) -> None:
    generator = engine.generator
    assert isinstance(generator, Generator)
    assert isinstance(generator.tokens, TokenCounter)
    found, _, _ = search(engine, QUERY.text)
    context = assemble(QUERY, found.final, found.passages, generator, ContextSettings())
    assert context.token_count == generator.tokens.count(generator.render(QUERY, context.passages)) + generator.reserve
    evidence = weigh(engine, engine.snapshot(), QUERY, context, engine.generator.route)
    assert 0 <= evidence.sufficiency.probability <= 1
    draft = generator.generate(QUERY, context, [evidence])
    assert draft.sentences
    by_marker = {p.marker: p for p in context.passages}
    for sentence in draft.sentences:
        for citation in (*sentence.citations, *(lean.citation for lean in sentence.leans_on)):
            chunk = by_marker[citation.marker].chunk
            assert (citation.doc_id, citation.version) == (chunk.doc_id, chunk.version)
            assert chunk.start_char <= citation.start_char < citation.end_char <= chunk.end_char


def test_a_generator_without_passages_proposes_nothing(engine: Engine) -> None:
    context = Context((), 0, 100)
    evidence = weigh(engine, engine.snapshot(), QUERY, context, engine.generator.route)
    assert evidence.sufficiency.probability == 0.0
    assert engine.generator.generate(QUERY, context, [evidence]).sentences == ()


@pytest.mark.parametrize("name", ["alignment", "citewell-verifier"])
def test_a_verifier_gives_each_claim_a_verdict_with_its_reasons(
    name: str, make_engine: Callable[..., Engine], tmp_path: Path
) -> None:
    verifier = make_engine(tmp_path, load_settings(generate={"verifier": name})).verifier
    assert isinstance(verifier, Verifier)
    evidence = "Every employee has 28 days of leave a year. Trainees have 30 days."
    texts = ["Trainees have 30 days.", "Every employee has 29 days of leave a year.", "The moon is made of cheese."]
    quoted, wrong, foreign = verifier.check([Claimed(text, evidence) for text in texts])
    assert (quoted.label, quoted.support, quoted.reasons) == ("supported", 1.0, ("quoted",))
    assert [evidence[a:b] for a, b in quoted.spans] == ["Trainees have 30 days."]
    assert (wrong.label, wrong.reasons) == ("contradicted", ("number_differs",))
    assert foreign.label != "supported"
    for verdict in (quoted, wrong, foreign):
        assert 0 <= verdict.support <= 1
        assert set(verdict.reasons) <= CHECK_REASONS.keys()
    assert list(verifier.check([])) == []


def test_the_shipped_verifier_takes_honest_rewordings_and_refuses_another_meaning(
    make_engine: Callable[..., Engine], tmp_path: Path
) -> None:
    verifier = make_engine(tmp_path, load_settings()).verifier
    evidence = "Every employee has 28 days of annual leave a year."
    honest = (
        "Annual leave amounts to 28 days.",
        "You have 28 days of annual leave each year.",
        "Employees get 28 days of annual leave.",
    )
    wrong = (
        "Annual leave amounts to 31 days.",
        "No employee has annual leave.",
        "Every employee has 28 days of parental leave a year.",
    )
    assert [v.label for v in verifier.check([Claimed(text, evidence) for text in honest])] == ["supported"] * 3
    assert "supported" not in [v.label for v in verifier.check([Claimed(text, evidence) for text in wrong])]
