"""The bi-encoder as one network: tokens in, a vector for each text out, pooling included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from citewell.core.errors import ModelMismatch, ModelUnavailable
from citewell.encoders.bert import Bert, UnlikeBert, bert_vocabulary, bert_with, read_weights
from citewell.encoders.chain import Chain
from citewell.encoders.network import Loaded, vocabulary_of

VECTOR = "sentence_embedding"
OUTPUTS = ("vector",)
HINT = "Name another model with embedder.model."
_POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "first"}


class SentenceNetwork(nn.Module):
    """A BERT whose vectors of tokens become one: their mean, or the first; of length 1 where the model says so."""

    def __init__(self, bert: Bert, pooling: str, normalised: bool) -> None:
        super().__init__()
        self.bert = bert
        self._pooling = pooling
        self._normalised = normalised

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """`(texts, numbers)` for `(texts, tokens)` of int64 each."""
        hidden: Tensor = self.bert(input_ids, attention_mask, token_type_ids)
        if self._pooling == "first":
            vectors = hidden[:, 0]
        else:
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            vectors = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return functional.normalize(vectors, dim=1) if self._normalised else vectors


def load_sentence_network(folder: Path, max_tokens: int) -> Loaded:
    """The sentence-transformer in `folder`. Raises ModelUnavailable, or ModelMismatch for one that treats prompts unlike text."""
    try:
        return _plain(folder, max_tokens)
    except UnlikeBert:
        return _by_its_library(folder, max_tokens)
    except Exception as error:  # a damaged file
        raise _unavailable(folder, error) from error


def _plain(folder: Path, max_tokens: int) -> Loaded:
    """A plain BERT with the usual pooling, read without sentence-transformers. Raises UnlikeBert for any other."""
    parts = _read(folder / "modules.json")
    kinds = [str(part.get("type", "")).rpartition(".")[2] for part in parts]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or parts[0].get("path"):
        raise UnlikeBert("the modules are not those of a plain BERT")
    if _read(folder / "sentence_bert_config.json").get("do_lower_case"):
        raise UnlikeBert("texts are changed before they are read")
    told = _read(folder / str(parts[1].get("path")) / "config.json")
    modes = [name for name, value in told.items() if name.startswith("pooling_mode") and value]
    if len(modes) != 1 or modes[0] not in _POOLINGS or told.get("include_prompt", True) is False:
        raise UnlikeBert("the pooling is not the usual one")
    vocabulary = bert_vocabulary(folder, OUTPUTS, max_tokens)
    bert = bert_with(folder, read_weights(folder))
    return Loaded(SentenceNetwork(bert, _POOLINGS[modes[0]], len(kinds) == 3).eval(), vocabulary)


def _by_its_library(folder: Path, max_tokens: int) -> Loaded:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = SentenceTransformer(str(folder), local_files_only=True, device="cpu")
    except Exception as error:  # every way in which loading fails means the same to the user
        raise _unavailable(folder, error) from error
    modules = list(model)
    if any(getattr(module, "include_prompt", True) is False for module in modules):
        raise ModelMismatch(
            f"the embedder in {folder} leaves its prompt out of the vector, which is not supported", hint=HINT
        )
    return Loaded(Chain(modules, VECTOR).eval(), vocabulary_of(model.tokenizer, OUTPUTS, max_tokens))


def _unavailable(folder: Path, error: Exception) -> ModelUnavailable:
    return ModelUnavailable(f"the embedder in {folder} cannot be loaded: {type(error).__name__}", hint=HINT)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
