"""Every Retriever obeys its Protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from twins import HashingEmbedder, OverlapRetriever, make_chunk

from citewell.core.protocols import Retriever
from citewell.core.types import Chunk, Query
from citewell.index.dense import DenseIndex, DenseRetriever
from citewell.index.embed import SentenceEmbedder
from citewell.index.lexical import LexicalRetriever, LexicalRow, open_lexical, write_lexical
from citewell.index.passages import Columns, PassageTable
from citewell.index.store.blocks import names_of, open_block, write_block

TEXTS = [
    ("a" * 16, "annual leave is 28 days"), ("a" * 16, "annual leave carries over to march"), ("b" * 16, "hotel prices and travel"),
    ("c" * 16, "leave the hotel before noon"), ("d" * 16, "pump manual with error codes"), ("e" * 16, "annual report of the pump factory"),
]  # fmt: skip
CHUNKS: list[Chunk] = [make_chunk(doc_id, text, start=100 * i) for i, (doc_id, text) in enumerate(TEXTS)]
QUERY = Query("annual leave")
COLUMNS = Columns.of((slot, c.chunk_id, c.doc_id, "en") for slot, c in enumerate(CHUNKS, start=5))
ROWS = [LexicalRow(slot, "en", c.text) for slot, c in enumerate(CHUNKS, start=5)]


def dense_index(folder: Path, columns: Columns, vectors: np.ndarray) -> DenseIndex:
    write_block(folder, 1, columns, vectors)
    return DenseIndex([open_block(folder, name).vectors for name in names_of(folder)], vectors.shape[1])


@pytest.fixture(params=["twin", "tantivy", "rank_bm25", "dense", "dense-hashing"])
def subject(request: pytest.FixtureRequest, tmp_path: Path, embedder: SentenceEmbedder) -> Retriever:
    table = PassageTable(COLUMNS)
    if request.param == "twin":
        return OverlapRetriever(CHUNKS)
    if request.param in {"tantivy", "rank_bm25"}:
        write_lexical(request.param, ROWS, tmp_path)
        return LexicalRetriever(open_lexical(request.param, tmp_path), table)
    model = embedder if request.param == "dense" else HashingEmbedder()
    return DenseRetriever(dense_index(tmp_path, COLUMNS, model.embed([c.text for c in CHUNKS])), table, model)


def test_it_returns_real_passages_ranked_by_score(subject: Retriever) -> None:
    ranking = subject.search(QUERY, depth=10)
    known = {c.chunk_id: c.doc_id for c in CHUNKS}
    assert ranking.candidates[0].doc_id == "a" * 16
    assert all(known[c.chunk_id] == c.doc_id for c in ranking.candidates)
    scores = [c.score for c in ranking.candidates]
    assert scores == sorted(scores, reverse=True)
    assert ranking.scorer == subject.name


def test_the_depth_counts_distinct_documents(subject: Retriever) -> None:
    for depth in (1, 2, 3):
        ranking = subject.search(QUERY, depth)
        assert len({c.doc_id for c in ranking.candidates}) == min(
            depth, len({c.doc_id for c in subject.search(QUERY, 99).candidates})
        )


def test_scoring_a_passage_gives_what_searching_gave(subject: Retriever) -> None:
    found = subject.search(QUERY, depth=10).scores()
    scored = subject.score(QUERY, [c.chunk_id for c in CHUNKS])
    assert scored.keys() == {c.chunk_id for c in CHUNKS}
    for chunk_id, score in found.items():
        assert scored[chunk_id] == pytest.approx(score, abs=1e-5)


def test_the_same_query_gives_the_same_ranking(subject: Retriever) -> None:
    assert subject.search(QUERY, 3) == subject.search(QUERY, 3)


def test_words_that_nothing_holds_are_no_error(subject: Retriever) -> None:
    assert len(subject.search(Query("zyzzyva qwertz ???"), 3)) <= len(CHUNKS)
    assert set(subject.score(Query("???"), [CHUNKS[0].chunk_id])) == {CHUNKS[0].chunk_id}


def test_excluded_documents_are_replaced_by_the_next_best(tmp_path: Path, embedder: SentenceEmbedder) -> None:
    table = PassageTable(COLUMNS)
    shown = table.shown(None, ["a" * 16])
    write_lexical("tantivy", ROWS, tmp_path)
    index = dense_index(tmp_path, COLUMNS, embedder.embed([c.text for c in CHUNKS]))
    for subject in (
        LexicalRetriever(open_lexical("tantivy", tmp_path), table, shown),
        DenseRetriever(index, table, embedder, shown),
    ):
        documents = {c.doc_id for c in subject.search(QUERY, 2).candidates}
        assert len(documents) == 2
        assert "a" * 16 not in documents


def test_an_empty_index_finds_nothing(tmp_path: Path, embedder: SentenceEmbedder) -> None:
    table = PassageTable(Columns.of([]))
    for engine in ("tantivy", "rank_bm25"):
        (tmp_path / engine).mkdir()
        write_lexical(engine, [], tmp_path / engine)
        assert len(LexicalRetriever(open_lexical(engine, tmp_path / engine), table).search(QUERY, 3)) == 0
    index = dense_index(tmp_path, Columns.of([]), np.zeros((0, embedder.dimension), dtype=np.float32))
    assert len(DenseRetriever(index, table, embedder).search(QUERY, 3)) == 0
