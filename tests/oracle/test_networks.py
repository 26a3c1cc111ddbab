"""The networks that are read without transformers compute what transformers and sentence-transformers compute of the same files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from citewell.core.models import BUNDLED_EMBEDDER, model_folder
from citewell.encoders.bert import UnlikeBert, bert_vocabulary, bert_with, read_weights
from citewell.encoders.network import Loaded, Vocabulary, vocabulary_of
from citewell.index.sentence_network import SentenceNetwork, load_sentence_network
from citewell.rerank.reading_network import load_reader
from citewell.rerank.train.pair_model import PairModel

TEXTS = [
    "Every employee has 28 days of annual leave a year.",
    "Kurz.",
    "",
    "日本語の文章 und ein langes Wort: " + "Donaudampfschifffahrtsgesellschaft " * 40,
    "naïve CAFÉ [SEP] [MASK] \u200b\x00 😀",
    *(f"{word} " * 3 for word in ("pump", "E41", "P-200", "145,50 €")),
]
PAIRS = [("How many days?", text) for text in TEXTS]


def outputs_of(loaded: Loaded, texts: list[str] | list[tuple[str, str]]) -> tuple[torch.Tensor, ...]:
    arrays = loaded.vocabulary.arrays(loaded.vocabulary.encode(texts))
    with torch.inference_mode():
        made = loaded.module(*(torch.from_numpy(array) for array in arrays))
    return made if isinstance(made, tuple) else (made,)


def test_vectors_are_those_of_sentence_transformers() -> None:
    from sentence_transformers import SentenceTransformer

    folder = model_folder(BUNDLED_EMBEDDER)
    loaded = load_sentence_network(folder, 256)
    assert isinstance(loaded.module, SentenceNetwork)
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, show_progress_bar=False)
    np.testing.assert_allclose(outputs_of(loaded, TEXTS)[0].numpy(), theirs, atol=2e-6)


def test_readings_are_those_of_the_network_in_training() -> None:
    folder = model_folder("citewell-reader")
    loaded = load_reader(folder, 128)
    trained = PairModel.from_encoder(folder).eval()
    arrays = [torch.from_numpy(a) for a in loaded.vocabulary.arrays(loaded.vocabulary.encode(PAIRS))]
    with torch.inference_mode():
        theirs = trained(*arrays)
    named = (theirs.relevance, theirs.answerable, theirs.start, theirs.end)
    for ours, other in zip(outputs_of(loaded, PAIRS), named, strict=True):
        torch.testing.assert_close(ours, other, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("name", [BUNDLED_EMBEDDER, "citewell-reader"])
def test_texts_become_the_numbers_that_transformers_makes_of_them(name: str) -> None:
    from transformers import AutoTokenizer

    theirs = vocabulary_of(AutoTokenizer.from_pretrained(model_folder(name)), ["x"], 64)
    ours = bert_vocabulary(model_folder(name), ["x"], 64)
    assert described(ours) == described(theirs)
    for texts in (TEXTS, PAIRS):
        assert [e.ids for e in ours.encode(texts)] == [e.ids for e in theirs.encode(texts)]


def described(vocabulary: Vocabulary) -> tuple[object, ...]:
    return vocabulary.inputs, vocabulary.outputs, vocabulary.pad_id, vocabulary.max_tokens


def test_neither_library_is_imported_for_the_models_that_come_with_the_product() -> None:
    program = (
        "import sys\n"
        "from citewell.core.models import model_folder as at\n"
        "from citewell.generate.verification.network import load_verifier\n"
        "from citewell.index.sentence_network import load_sentence_network\n"
        "from citewell.rerank.reading_network import load_reader\n"
        "load_sentence_network(at('all-MiniLM-L6-v2'), 64), load_reader(at('citewell-reader'), 64)\n"
        "load_verifier(at('citewell-reader'), at('citewell-verifier'), 64)\n"
        "print(sorted({'transformers', 'sentence_transformers', 'torch._dynamo'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("modules.json", {0: {"type": "sentence_transformers.models.Other"}}),
        ("sentence_bert_config.json", {"do_lower_case": True}),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("config.json", {"model_type": "roberta"}),
        ("tokenizer_config.json", {"do_lower_case": False}),
    ],
)
def test_any_other_model_is_left_to_its_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, changes: dict[object, object]
) -> None:
    folder = Path(shutil.copytree(model_folder(BUNDLED_EMBEDDER), tmp_path / "model"))
    told = json.loads((folder / file).read_text())
    for key, value in changes.items():
        told[key] = {**told[key], **value} if isinstance(value, dict) else value
    (folder / file).write_text(json.dumps(told))
    asked: list[Path] = []
    monkeypatch.setattr(
        "citewell.index.sentence_network._by_its_library", lambda folder, max_tokens: asked.append(folder)
    )
    load_sentence_network(folder, 64)
    assert asked == [folder]


def test_weights_of_another_shape_are_told(tmp_path: Path) -> None:
    folder = model_folder(BUNDLED_EMBEDDER)
    weights = read_weights(folder)
    with pytest.raises(UnlikeBert, match="not those of the configuration"):
        bert_with(folder, {name: value for name, value in weights.items() if "layer.5" not in name})
    with pytest.raises(UnlikeBert, match=r"no model\.safetensors"):
        read_weights(tmp_path)
