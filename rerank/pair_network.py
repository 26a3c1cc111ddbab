"""Cross-encoders of sentence-transformers as networks: tokens of question and passage in, scores out."""

from __future__ import annotations

from pathlib import Path

from sentence_transformers import CrossEncoder
from transformers.utils import logging

from citewell.core.errors import ModelUnavailable
from citewell.encoders.chain import Chain
from citewell.encoders.network import Loaded, vocabulary_of
from citewell.rerank.cross_encoder import HINT, require_words

SCORES = "scores"


def load_cross_encoder(folder: Path, max_tokens: int) -> Loaded:
    """The cross-encoder in `folder`. Raises ModelUnavailable or ModelMismatch."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: CrossEncoder = CrossEncoder(str(folder), max_length=max_tokens, local_files_only=True, device="cpu")
    except Exception as error:  # every way in which loading fails means the same to the user
        what = f"the cross-encoder in {folder} cannot be loaded: {type(error).__name__}"
        raise ModelUnavailable(what, hint=HINT) from error
    known = getattr(getattr(model.model, "config", None), "vocab_size", None)
    if known is not None:
        require_words(folder, len(model.tokenizer), known)
    return Loaded(Chain(model, SCORES).eval(), vocabulary_of(model.tokenizer, ["relevance"], max_tokens))
