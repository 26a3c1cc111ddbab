"""The bi-encoder as one network: tokens in, a vector for each text out, pooling included."""

from __future__ import annotations

from pathlib import Path

from sentence_transformers import SentenceTransformer
from transformers.utils import logging

from citewell.core.errors import ModelMismatch, ModelUnavailable
from citewell.encoders.chain import Chain
from citewell.encoders.network import Loaded, vocabulary_of

VECTOR = "sentence_embedding"


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
    return Loaded(Chain(modules, VECTOR).eval(), vocabulary)
