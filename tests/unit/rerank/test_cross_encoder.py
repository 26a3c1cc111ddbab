"""What is no cross-encoder, or fails as one, is told in a sentence; the service goes on without it only where the settings allow."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from twins import REFERENCE_ENCODERS, make_chunk

from citewell.core.errors import CitewellError, ModelFailed, ModelMismatch, ModelUnavailable
from citewell.core.models import BUNDLED_EMBEDDER, model_folder
from citewell.core.settings import RerankSettings, load_settings
from citewell.core.types import Query
from citewell.pipeline.ask import ask, search
from citewell.pipeline.upkeep.health import examine
from citewell.pipeline.wiring import Engine
from citewell.rerank.cross_encoder import CrossEncoderReranker


@pytest.fixture
def model(tiny_cross_encoder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny cross-encoder that a test may spoil."""
    return Path(shutil.copytree(tiny_cross_encoder, tmp_path / "model"))


def configure(model: Path, **values: Any) -> None:
    file = model / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def poison(model: Path) -> None:
    """Weights of the head that are no numbers."""
    weights = load_file(model / "model.safetensors")
    weights["classifier.bias"] = torch.full_like(weights["classifier.bias"], float("nan"))
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})


def score(model: Path) -> list[float]:
    return list(
        CrossEncoderReranker(model_folder(str(model)), RerankSettings(), REFERENCE_ENCODERS).score(
            Query("a question"), [make_chunk("1", "a passage")]
        )
    )


def spoil_head(model: Path) -> None:
    configure(model, architectures=["BertModel"])


def spoil_labels(model: Path) -> None:
    configure(model, id2label={"0": "entailment", "1": "neutral", "2": "contradiction"})


def spoil_tokenizer(model: Path) -> None:
    """The tokenizer of a model with more words."""
    weights = load_file(model / "model.safetensors")
    name = "bert.embeddings.word_embeddings.weight"
    weights[name] = weights[name][:100].clone()
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    configure(model, vocab_size=100)


def remove_config(model: Path) -> None:
    (model / "config.json").unlink()


def cut_weights(model: Path) -> None:
    data = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("spoil", "error", "told"),
    [
        (spoil_head, ModelMismatch, "has no scoring head: it is BertModel"),
        (spoil_labels, ModelMismatch, "gives 3 scores a pair"),
        (spoil_tokenizer, ModelMismatch, "it belongs to another model"),
        (remove_config, ModelUnavailable, r"no readable config\.json"),
        (cut_weights, ModelUnavailable, "cannot be loaded"),
        (poison, ModelFailed, "scores that are no numbers"),
    ],
)
def test_what_is_wrong_with_a_cross_encoder_is_said_in_a_sentence(
    model: Path, spoil: Callable[[Path], None], error: type[CitewellError], told: str
) -> None:
    assert len(score(model)) == 1
    spoil(model)
    with pytest.raises(error, match=told) as raised:
        score(model)
    assert "rerank.model" in raised.value.hint


def test_a_bi_encoder_is_no_cross_encoder() -> None:
    with pytest.raises(ModelMismatch, match="holds a bi-encoder"):
        CrossEncoderReranker(model_folder(BUNDLED_EMBEDDER), RerankSettings(), REFERENCE_ENCODERS)


def test_the_service_refuses_or_answers_without_reranking_and_says_so(
    engine: Engine, make_engine: Callable[..., Engine], model: Path
) -> None:
    question = "How many days of annual leave does an employee have?"
    poison(model)
    strict = make_engine(engine.directory, load_settings(rerank={"model": str(model)}))
    with pytest.raises(ModelFailed):
        ask(strict, question)
    lenient = make_engine(engine.directory, load_settings(rerank={"model": str(model), "on_failure": "skip"}))
    answer = ask(lenient, question)
    assert answer.status == "grounded"
    assert answer.warnings == (f"not reranked: the cross-encoder in {model} gives scores that are no numbers",)
    found, _, trace = search(lenient, question)
    assert found.final == found.ltr
    assert trace.warnings() == answer.warnings
    assert ask(engine, question).warnings == ()


def test_the_doctor_tries_the_cross_encoder(engine: Engine, make_engine: Callable[..., Engine], model: Path) -> None:
    settings = load_settings(rerank={"model": str(model)})
    sound = next(f for f in examine(make_engine(engine.directory, settings)) if f.subject == "reranker")
    assert sound.state == "ok"
    poison(model)
    sick = next(f for f in examine(make_engine(engine.directory, settings)) if f.subject == "reranker")
    assert sick.state == "problem"
    assert "no numbers" in sick.detail
