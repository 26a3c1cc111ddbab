"""Cross-encoders as networks: tokens of question and passage in, scores out, and with a reader's heads where the answer stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentence_transformers import CrossEncoder
from torch import Tensor, nn
from transformers.utils import logging

from citewell.core.errors import ModelMismatch, ModelUnavailable
from citewell.encoders.chain import Chain
from citewell.encoders.network import Loaded, vocabulary_of
from citewell.rerank.cross_encoder import HINT
from citewell.rerank.pair_model import PairModel

SCORES = "scores"
READS = ("relevance", "answerable", "start", "end")


class ReadingNetwork(nn.Module):
    """A PairModel whose outputs are a tuple, in the order of READS."""

    def __init__(self, model: PairModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits: the first two `(pairs,)`, the others `(pairs, tokens)`."""
        out = self.model(input_ids, attention_mask, token_type_ids)
        return out.relevance, out.answerable, out.start, out.end


def load_cross_encoder(folder: Path, max_tokens: int) -> Loaded:
    """The cross-encoder in `folder`. Raises ModelUnavailable or ModelMismatch."""
    model = _load(folder, max_tokens)
    vocabulary = vocabulary_of(model.tokenizer, ["relevance"], max_tokens)
    return Loaded(Chain(model, SCORES).eval(), vocabulary)


def load_reader(folder: Path, max_tokens: int) -> Loaded:
    """The cross-encoder in `folder` with its reader's heads. Raises ModelUnavailable or ModelMismatch."""
    model = _load(folder, max_tokens)
    vocabulary = vocabulary_of(model.tokenizer, READS, max_tokens)
    trunk: Any = model.model
    try:
        reader = PairModel.with_heads(trunk, folder)
    except Exception as error:  # a damaged file, or heads of another trunk
        raise ModelUnavailable(f"the reader in {folder} cannot be loaded: {type(error).__name__}") from error
    return Loaded(ReadingNetwork(reader).eval(), vocabulary)


def _load(folder: Path, max_tokens: int) -> CrossEncoder:
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: CrossEncoder = CrossEncoder(str(folder), max_length=max_tokens, local_files_only=True, device="cpu")
    except Exception as error:  # every way in which loading fails means the same to the user
        what = f"the cross-encoder in {folder} cannot be loaded: {type(error).__name__}"
        raise ModelUnavailable(what, hint=HINT) from error
    known, words = getattr(getattr(model.model, "config", None), "vocab_size", None), len(model.tokenizer)
    if known is not None and words > known:
        what = f"the tokenizer in {folder} has {words} words and the model {known}: it belongs to another model"
        raise ModelMismatch(what, hint=HINT)
    return model
