"""Every Embedder obeys its Protocol."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from twins import REFERENCE_ENCODERS, HashingEmbedder

from citewell.core.errors import ModelMismatch
from citewell.core.models import BUNDLED_EMBEDDER, model_folder
from citewell.core.protocols import Embedder
from citewell.core.settings import EmbedderSettings
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


def test_leading_numbers_are_kept_and_are_of_length_one(embedder: SentenceEmbedder) -> None:
    short = SentenceEmbedder(EmbedderSettings(dimensions=128), REFERENCE_ENCODERS)
    whole, cut = embedder.embed(TEXTS), short.embed(TEXTS)
    assert (cut.shape, short.dimension) == ((len(TEXTS), 128), 128)
    np.testing.assert_allclose(cut, whole[:, :128] / np.linalg.norm(whole[:, :128], axis=1, keepdims=True), atol=1e-5)
    assert short.fingerprint != embedder.fingerprint
    with pytest.raises(ModelMismatch, match="384"):
        _ = SentenceEmbedder(EmbedderSettings(dimensions=999), REFERENCE_ENCODERS).dimension


def test_prompts_are_put_before_what_is_read(embedder: SentenceEmbedder) -> None:
    prompted = SentenceEmbedder(EmbedderSettings(question_prompt="query: ", passage_prompt=""), REFERENCE_ENCODERS)
    assert prompted.fingerprint != embedder.fingerprint
    np.testing.assert_allclose(
        prompted.embed_questions(["annual leave"]), embedder.embed(["query: annual leave"]), atol=1e-5
    )
    np.testing.assert_allclose(prompted.embed(["annual leave"]), embedder.embed(["annual leave"]), atol=1e-6)
    assert prompted.max_tokens < embedder.max_tokens


def test_prompts_that_a_model_declares_are_used(tmp_path: Path) -> None:
    source = model_folder(BUNDLED_EMBEDDER)
    shutil.copytree(source, tmp_path / "model")
    declared = {"prompts": {"query": "q: ", "document": "d: "}}
    (tmp_path / "model" / "config_sentence_transformers.json").write_text(json.dumps(declared))
    model = SentenceEmbedder(EmbedderSettings(model=str(tmp_path / "model")), REFERENCE_ENCODERS)
    assert (model.question_prompt, model.passage_prompt) == ("q: ", "d: ")
    plain = SentenceEmbedder(
        EmbedderSettings(model=str(tmp_path / "model"), question_prompt="", passage_prompt=""), REFERENCE_ENCODERS
    )
    assert (plain.question_prompt, plain.passage_prompt) == ("", "")
