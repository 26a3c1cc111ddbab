"""The bi-encoder as one network: tokens in, a vector for each text out, pooling included."""

from __future__ import annotations

from pathlib import Path

from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from transformers.utils import logging

from citewell.core.errors import ModelMismatch, ModelUnavailable
from citewell.encoders.network import Loaded, vocabulary_of

VECTOR = "sentence_embedding"


class SentenceNetwork(nn.Module):
    """The modules of a sentence-transformer one after the other; its vectors need not be of length 1."""

    def __init__(self, modules: list[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(modules)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """`(texts, dimension)` for `(texts, tokens)` of int64 each."""
        features = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            features["token_type_ids"] = token_type_ids
        for part in self.parts:
            features = part(features)
        vector: Tensor = features[VECTOR]
        return vector


def load_sentence_network(folder: Path, max_tokens: int) -> Loaded:
    """The sentence-transformer in `folder`. Raises ModelUnavailable, or ModelMismatch for one that treats prompts unlike text."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = SentenceTransformer(str(folder), local_files_only=True, device="cpu")
    except Exception as error:  # every way in which loading fails means the same to the user
        what = f"the embedder in {folder} cannot be loaded: {type(error).__name__}"
        raise ModelUnavailable(what, hint="Name another model with embedder.model.") from error
    modules = list(model)
    if any(getattr(module, "include_prompt", True) is False for module in modules):
        raise ModelMismatch(
            f"the embedder in {folder} leaves its prompt out of the vector, which is not supported",
            hint="Name another model with embedder.model.",
        )
    vocabulary = vocabulary_of(model.tokenizer, ["vector"], max_tokens)
    return Loaded(SentenceNetwork(modules).eval(), vocabulary)
