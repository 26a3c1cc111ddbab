"""FAISS against exact numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from citewell.index.dense import Cores, DenseIndex
from citewell.index.passages import Columns
from citewell.index.store.blocks import names_of, open_block, write_block


def unit(rows: int, dimension: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    unit_vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit_vectors.astype(np.float16).astype(np.float32)  # of which an index keeps all it is given


def index_of(vectors: np.ndarray, folder: Path, sizes: tuple[int, ...]) -> DenseIndex:
    """The vectors in blocks of these sizes."""
    start = 0
    for size in sizes:
        rows = range(start, start + size)
        columns = Columns.of((row, f"{row:016x}", f"{row:016x}", "en") for row in rows)
        write_block(folder, 1, columns, vectors[start : start + size])
        start += size
    return DenseIndex([open_block(folder, name).vectors for name in names_of(folder)], vectors.shape[1])


@pytest.mark.parametrize("sizes", [(500,), (300, 1, 199), (5,) * 100])
def test_search_is_the_exact_inner_product(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    vectors, queries = unit(500, 32, 1), unit(20, 32, 2)
    index = index_of(vectors, tmp_path, sizes)
    for query in queries:
        exact = vectors @ query
        rows, scores = index.best(query, 10)
        np.testing.assert_array_equal(rows, np.argsort(-exact)[:10])
        np.testing.assert_allclose(scores, exact[rows], atol=1e-6)
        np.testing.assert_array_equal(index.vectors(rows), vectors[rows])


def test_searches_at_the_same_time_share_the_threads() -> None:
    cores = Cores(4)
    with cores as one:
        with cores as two, cores as three:
            assert (one, two, three) == (4, 2, 1)
        with cores as again:
            assert again == 2


@pytest.mark.parametrize("sizes", [(200,), (100, 60, 40)])
def test_exclusion_happens_inside_the_search(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    vectors = unit(200, 16, 3)
    index = index_of(vectors, tmp_path, sizes)
    exact = vectors @ vectors[0]
    shown = np.ones(200, dtype=np.bool_)
    shown[np.argsort(-exact)[:50]] = False
    rows, _ = index.best(vectors[0], 10, index.allowed(shown))
    np.testing.assert_array_equal(rows, np.argsort(-exact)[50:60])
