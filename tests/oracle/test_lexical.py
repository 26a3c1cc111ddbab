"""BM25 against a formula written out here, and against rank_bm25."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from citewell.core.settings import BM25_B, BM25_K1, LexicalSettings
from citewell.index.analysis import analyse
from citewell.index.lexical import LexicalRow, open_lexical, write_lexical

WORDS = [
    "pump",
    "valve",
    "seal",
    "sensor",
    "sampler",
    "manual",
    "error",
    "code",
    "leave",
    "travel",
    "hotel",
    "night",
    "limit",
    "report",
    "annual",
    "filter",
    "cable",
    "probe",
]


def corpus(size: int, longest: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    return [" ".join(generator.choices(WORDS, k=generator.randint(1, longest))) for _ in range(size)]


def bm25(query: list[str], documents: list[list[str]]) -> list[float]:
    n, mean = len(documents), sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for term in query:
            containing = sum(term in other for other in documents)
            tf = document.count(term)
            idf = math.log(1 + (n - containing + 0.5) / (containing + 0.5))
            score += idf * tf * (BM25_K1 + 1) / (tf + BM25_K1 * (1 - BM25_B + BM25_B * len(document) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize("engine", ["tantivy", "rank_bm25"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_scores_are_the_formula(engine: str, seed: int, tmp_path: Path) -> None:
    """Lengths up to 40 tokens, which tantivy keeps exactly."""
    texts = corpus(60, 40, seed)
    write_lexical(engine, [LexicalRow(n, "en", text) for n, text in enumerate(texts)], tmp_path)
    index = open_lexical(engine, tmp_path)
    query = analyse("error of the annual pump report, hotels")
    expected = bm25(query, [analyse(text) for text in texts])
    np.testing.assert_allclose(index.score_slots(query, np.arange(60)), expected, rtol=1e-5, atol=1e-6)
    rows, scores = index.best(query, 60)
    assert len(rows) == sum(score > 0 for score in expected)
    np.testing.assert_allclose(scores, [expected[row] for row in rows], rtol=1e-5)


@pytest.mark.parametrize("engine", ["tantivy", "rank_bm25"])
def test_fields_are_added_with_their_weights(engine: str, tmp_path: Path) -> None:
    texts, titles, headings = corpus(40, 30, 4), corpus(40, 4, 5), corpus(40, 6, 6)
    rows = [LexicalRow(n, "en", *parts) for n, parts in enumerate(zip(texts, titles, headings, strict=True))]
    write_lexical(engine, rows, tmp_path)
    index = open_lexical(engine, tmp_path, LexicalSettings(engine=engine, title_weight=0.4, headings_weight=0.2))
    query = analyse("the annual pump report")
    by_field = [bm25(query, [analyse(text) for text in field]) for field in (texts, titles, headings)]
    expected = np.array([1.0, 0.4, 0.2]) @ np.array(by_field)
    np.testing.assert_allclose(index.score_slots(query, np.arange(40)), expected, rtol=1e-5, atol=1e-6)
    best, scores = index.best(query, 10)
    np.testing.assert_allclose(scores, np.sort(expected)[::-1][:10], rtol=1e-5)
    told = [[part for term in query for part in index.explain(term, slot)] for slot in best.tolist()]
    assert {part.field for parts in told for part in parts} == {"body", "title", "headings"}
    np.testing.assert_allclose([sum(part.score for part in parts) for parts in told], scores, rtol=1e-5)


def test_long_passages_are_ordered_nearly_as_rank_bm25_orders_them(tmp_path: Path) -> None:
    texts = corpus(300, 200, 9)
    write_lexical("tantivy", [LexicalRow(n, "en", text) for n, text in enumerate(texts)], tmp_path)
    index = open_lexical("tantivy", tmp_path)
    oracle = BM25Okapi([analyse(text) for text in texts], k1=BM25_K1, b=BM25_B)
    # rank_bm25's idf of such common words is negative; the one of our formula is set for both.
    frequency = {term: sum(term in analyse(text) for text in texts) for term in {analyse(w)[0] for w in WORDS}}
    oracle.idf = {term: math.log(1 + (300 - n + 0.5) / (n + 0.5)) for term, n in frequency.items()}
    query = analyse("pump sensor night")
    rows, _ = index.best(query, 10)
    best = np.argsort(-np.array(oracle.get_scores(query)))[:10]
    assert len(set(rows.tolist()) & set(best.tolist())) >= 8
    np.testing.assert_allclose(index.score_slots(query, best), np.array(oracle.get_scores(query))[best], rtol=0.05)
