"""Searches through a sketch, against exact numpy."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from citewell.index import sketch
from citewell.index.dense import DenseIndex
from citewell.index.sketch import Measured, Sketch, read_measured, read_sketch, sketch_of, write_sketch

ROWS, DIMENSION = 6000, 32


def clustered(rows: int, seed: int) -> NDArray[np.float32]:
    """Vectors of length 1 around sixty centres, as 16 bits keep them."""
    centres = np.random.default_rng(1).normal(size=(60, DIMENSION))
    chance = np.random.default_rng(seed)
    vectors = centres[chance.integers(0, 60, rows)] + chance.normal(size=(rows, DIMENSION)) * 0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kept: NDArray[np.float32] = vectors.astype(np.float16).astype(np.float32)
    return kept


def exact_of(vectors: NDArray[np.float32]) -> faiss.Index:
    index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    return index


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sketch is found to be faster than the exact search."""
    times = iter([2.0, 1.0] * 10)
    monkeypatch.setattr(sketch, "_ms", lambda search, questions: next(times))


@pytest.fixture
def sketched(quick: None) -> tuple[NDArray[np.float32], DenseIndex]:
    """A block with a sketch, and one without after it."""
    large, small = clustered(ROWS, 2), clustered(50, 3)
    made = sketch_of(exact_of(large), large)
    assert made is not None
    index = DenseIndex([exact_of(large), exact_of(small)], DIMENSION, [made, None])
    return np.concatenate([large, small]), index


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2, 0.02])
def test_what_is_nearest_is_found_among_what_may_be_shown(
    sketched: tuple[NDArray[np.float32], DenseIndex], share: float
) -> None:
    vectors, index = sketched
    shown = np.random.default_rng(4).random(len(vectors)) < share
    allowed = index.allowed(shown)
    found = []
    for question in clustered(40, 5):
        rows, scores = index.best(question, 10, allowed)
        similarities = vectors @ question
        assert shown[rows].all()
        assert len(rows) == 10
        np.testing.assert_allclose(scores, similarities[rows], atol=1e-6)
        assert (np.diff(scores) <= 0).all()
        found.append(np.isin(np.argsort(-np.where(shown, similarities, -2))[:10], rows).mean())
    assert np.mean(found) >= 0.98


def test_where_the_nearest_may_not_be_shown_the_others_are_found_all_the_same(
    sketched: tuple[NDArray[np.float32], DenseIndex],
) -> None:
    vectors, index = sketched
    for question in clustered(10, 6):
        similarities = vectors @ question
        shown = np.ones(len(vectors), dtype=np.bool_)
        shown[np.argsort(-similarities)[: len(vectors) // 2]] = False
        rows, _ = index.best(question, 10, index.allowed(shown))
        np.testing.assert_array_equal(rows, np.argsort(-np.where(shown, similarities, -2))[:10])


def test_a_sketch_that_finds_too_little_is_refused(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "OVERS", (1,))
    vectors = np.random.default_rng(7).normal(size=(ROWS, DIMENSION)).astype(np.float32)
    assert sketch_of(exact_of(vectors), vectors) is None


def test_a_sketch_that_is_slower_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 2.0])
    monkeypatch.setattr(sketch, "_ms", lambda search, questions: next(times))
    vectors = clustered(ROWS, 8)
    assert sketch_of(exact_of(vectors), vectors) is None


def test_vectors_of_an_odd_length_have_none() -> None:
    vectors = clustered(ROWS, 9)[:, :31].copy()
    assert sketch_of(exact_of(vectors), vectors) is None


def test_a_sketch_is_read_as_it_was_written(quick: None, tmp_path: Path) -> None:
    vectors = clustered(ROWS, 10)
    made = sketch_of(exact_of(vectors), vectors)
    assert made is not None
    write_sketch(made, tmp_path / "a.sketch")
    read: Sketch = read_sketch(tmp_path / "a.sketch")
    assert read.measured == read_measured(tmp_path / "a.sketch") == made.measured
    assert read.measured == Measured(ROWS, read.measured.over, read.measured.recall, 1.0, 2.0)
    assert read.measured.recall >= 0.98
    np.testing.assert_array_equal(read.index.search(vectors[:5], 20)[1], made.index.search(vectors[:5], 20)[1])
