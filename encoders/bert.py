"""BERT (Devlin et al., 2019) in plain PyTorch, from the files that transformers writes.

It computes what transformers' BertModel computes. To import transformers takes longer than everything else that a question from the
command line waits for, so the models that come with the product, and any like them, are read without.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from citewell.encoders.network import INPUTS, Vocabulary

WEIGHTS = "model.safetensors"
PREFIX = "bert."  # of the encoder's weights in a model with a head
_LATER = "meta"  # no memory and no random numbers for what is read from a file
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": functional.gelu, "relu": functional.relu}
_TOKENIZERS = (None, "BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend")
_NORMALIZER = {"do_lower_case": "lowercase", "strip_accents": "strip_accents", "tokenize_chinese_chars": "handle_chinese_chars"}  # fmt: skip
_PARTS = {
    "attended": "attention.output.dense",
    "attended_norm": "attention.output.LayerNorm",
    "wide": "intermediate.dense",
    "narrow": "output.dense",
    "norm": "output.LayerNorm",
}


class UnlikeBert(ValueError):
    """A folder holds something else than a BERT as it is read here; transformers may still know it."""


class _Layer(nn.Module):
    """Attention of all tokens to all, then two linear layers, each added to what came in and normalised."""

    def __init__(self, width: int, heads: int, inner: int, eps: float, activation: str) -> None:
        super().__init__()
        self._heads = heads
        self._activation = _ACTIVATIONS[activation]
        self.asked = nn.Linear(width, 3 * width, device=_LATER)  # queries, keys and values by one product
        self.attended = nn.Linear(width, width, device=_LATER)
        self.attended_norm = nn.LayerNorm(width, eps=eps, device=_LATER)
        self.wide = nn.Linear(width, inner, device=_LATER)
        self.narrow = nn.Linear(inner, width, device=_LATER)
        self.norm = nn.LayerNorm(width, eps=eps, device=_LATER)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`(texts, tokens, width)` to the same; `mask` is `(texts, 1, 1, tokens)`, true where there is a token."""
        texts, tokens, width = x.shape
        asked = self.asked(x).view(texts, tokens, 3, self._heads, width // self._heads)
        query, key, value = asked.permute(2, 0, 3, 1, 4).unbind(0)
        read = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = self.attended_norm(x + self.attended(read.transpose(1, 2).reshape(texts, tokens, width)))
        made: Tensor = self.norm(x + self.narrow(self._activation(self.wide(x))))
        return made


class Bert(nn.Module):
    """Tokens to a vector each, by the weights that `_renamed` gives."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        width, eps = int(config["hidden_size"]), float(config.get("layer_norm_eps", 1e-12))
        self.words = _embedding(weights["words.weight"])
        self.places = _embedding(weights["places.weight"])
        self.types = _embedding(weights["types.weight"])
        self.norm = nn.LayerNorm(width, eps=eps, device=_LATER)
        heads, inner = int(config["num_attention_heads"]), int(config["intermediate_size"])
        activation = config.get("hidden_act", "gelu")
        layers = range(int(config["num_hidden_layers"]))
        self.layers = nn.ModuleList(_Layer(width, heads, inner, eps, activation) for _ in layers)
        self.pooler = nn.Linear(width, width, device=_LATER) if "pooler.weight" in weights else None
        self.load_state_dict(dict(weights), assign=True)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """`(texts, tokens)` of int64 each to `(texts, tokens, width)`."""
        kinds = self.types.weight[0] if token_type_ids is None else self.types(token_type_ids)
        x: Tensor = self.norm(self.words(input_ids) + self.places.weight[: input_ids.shape[1]] + kinds)
        mask = attention_mask[:, None, None, :] != 0
        for layer in self.layers:
            x = layer(x, mask)
        return x

    def pooled(self, hidden: Tensor) -> Tensor:
        """`(texts, width)`: the first token's vector as a head reads it."""
        if self.pooler is None:
            raise UnlikeBert("the weights hold no pooler")
        return torch.tanh(self.pooler(hidden[:, 0]))


def _embedding(weights: Tensor) -> nn.Embedding:
    made: nn.Embedding = nn.Embedding.from_pretrained(weights)  # type: ignore[no-untyped-call]
    return made


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights in `folder` in float32, those of the encoder without its prefix. Raises UnlikeBert where there is no such file."""
    if not (folder / WEIGHTS).is_file():
        raise UnlikeBert(f"there is no {WEIGHTS}")
    found = load_file(folder / WEIGHTS)
    return {name.removeprefix(PREFIX): tensor.float() for name, tensor in found.items()}


def bert_with(folder: Path, weights: Mapping[str, Tensor]) -> Bert:
    """The encoder that the configuration in `folder` describes, with these weights. Raises UnlikeBert."""
    config = _config(folder)
    try:
        return Bert(config, _renamed(weights, int(config["num_hidden_layers"])))
    except (KeyError, RuntimeError) as error:
        raise UnlikeBert(f"the weights are not those of the configuration: {error}") from error


def bert_vocabulary(folder: Path, outputs: Sequence[str], max_tokens: int) -> Vocabulary:
    """How texts become numbers, cut to so many tokens. Raises UnlikeBert where transformers would set the tokenizer up another way than its file."""
    path, told = folder / "tokenizer.json", _json(folder / "tokenizer_config.json")
    if not path.is_file() or told.get("tokenizer_class") not in _TOKENIZERS:
        raise UnlikeBert("there is no tokenizer of BERT")
    normalizer = json.loads(path.read_text(encoding="utf-8")).get("normalizer") or {}
    for ours, theirs in _NORMALIZER.items():
        if told.get(ours) != normalizer.get(theirs) and told.get(ours) is not None:
            raise UnlikeBert(f"the tokenizer's configuration and its file differ in {ours}")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    names = told.get("model_input_names", INPUTS)
    pad = told.get("pad_token") or "[PAD]"
    pad_id = tokenizer.token_to_id(pad["content"] if isinstance(pad, dict) else pad)
    return Vocabulary(tokenizer, tuple(n for n in INPUTS if n in names), tuple(outputs), pad_id or 0, max_tokens)


def _config(folder: Path) -> dict[str, Any]:
    config = _json(folder / "config.json")
    plain = (
        config.get("model_type") == "bert"
        and config.get("hidden_act", "gelu") in _ACTIVATIONS
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder")
        and not config.get("add_cross_attention")
    )
    if not plain:
        raise UnlikeBert("the configuration is not that of a plain BERT")
    return config


def _renamed(weights: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The weights by the names of `Bert`; what belongs to a head is left out."""
    embedded = {"words": "word_embeddings", "places": "position_embeddings", "types": "token_type_embeddings"}
    made = {f"{ours}.weight": weights[f"embeddings.{theirs}.weight"] for ours, theirs in embedded.items()}
    for kind in ("weight", "bias"):
        made[f"norm.{kind}"] = weights[f"embeddings.LayerNorm.{kind}"]
        if f"pooler.dense.{kind}" in weights:
            made[f"pooler.{kind}"] = weights[f"pooler.dense.{kind}"]
        for i in range(layers):
            layer = f"encoder.layer.{i}"
            asked = [weights[f"{layer}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
            made[f"layers.{i}.asked.{kind}"] = torch.cat(asked)
            for ours, theirs in _PARTS.items():
                made[f"layers.{i}.{ours}.{kind}"] = weights[f"{layer}.{theirs}.{kind}"]
    return made


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
