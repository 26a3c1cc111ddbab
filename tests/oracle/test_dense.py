"""FAISS against exact numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from citewell.index.dense import DenseIndex, write_dense


def unit(rows: int, dimension: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_search_is_the_exact_inner_product(tmp_path: Path) -> None:
    vectors, queries = unit(500, 32, 1), unit(20, 32, 2)
    write_dense(vectors, 32, tmp_path)
    index = DenseIndex(tmp_path)
    for query in queries:
        exact = vectors @ query
        rows, scores = index.best(query, 10, np.zeros(0, dtype=np.int64))
        np.testing.assert_array_equal(rows, np.argsort(-exact)[:10])
        np.testing.assert_allclose(scores, exact[rows], atol=1e-6)
        np.testing.assert_array_equal(index.vectors(rows), vectors[rows])


def test_exclusion_happens_inside_the_search(tmp_path: Path) -> None:
    vectors = unit(200, 16, 3)
    write_dense(vectors, 16, tmp_path)
    exact = vectors @ vectors[0]
    hidden = np.argsort(-exact)[:50].astype(np.int64)
    rows, _ = DenseIndex(tmp_path).best(vectors[0], 10, hidden)
    np.testing.assert_array_equal(rows, np.argsort(-exact)[50:60])
