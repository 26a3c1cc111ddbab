"""Every Embedder obeys its Protocol."""

from __future__ import annotations

import numpy as np
import pytest
from twins import HashingEmbedder

from citewell.core.protocols import Embedder
from citewell.index.embed import SentenceEmbedder

TEXTS = ["annual leave", "the pump is blocked by sand", "", "annual leave"]


@pytest.fixture(params=["twin", "real"])
def subject(request: pytest.FixtureRequest, embedder: SentenceEmbedder) -> Embedder:
    return HashingEmbedder() if request.param == "twin" else embedder


def test_vectors_are_unit_float32_rows_in_order(subject: Embedder) -> None:
    vectors = subject.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), subject.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[3], atol=1e-6)
    assert vectors[0] @ vectors[1] < 0.9


def test_the_same_call_gives_the_same_bits(subject: Embedder) -> None:
    np.testing.assert_array_equal(subject.embed(TEXTS), subject.embed(TEXTS))


def test_no_texts_give_no_rows(subject: Embedder) -> None:
    assert subject.embed([]).shape == (0, subject.dimension)


def test_it_is_named(subject: Embedder) -> None:
    assert isinstance(subject, Embedder)
    assert subject.fingerprint
