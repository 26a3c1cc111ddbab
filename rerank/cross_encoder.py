"""A cross-encoder from any local path or hub name, through sentence-transformers; torch is loaded at the first pair."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citewell.core.errors import ModelFailed, ModelMismatch, ModelUnavailable
from citewell.core.models import available_threads, model_folder
from citewell.core.settings import RerankSettings
from citewell.core.types import Chunk, Query

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH_SIZE = 16
_HINT = "Name a cross-encoder with rerank.model, or leave it empty to keep the fused order."


class CrossEncoderReranker:
    """Scores question and passage together; raw model scores, higher is better.

    Raises ModelUnavailable or ModelMismatch when the folder holds no cross-encoder with one score, ModelFailed when it cannot score.
    """

    name = "cross-encoder"

    def __init__(self, settings: RerankSettings, threads: int = 0) -> None:
        self._settings = settings
        self._threads = threads
        self._folder = model_folder(settings.model)
        require_scoring_head(self._folder)
        self._lock = threading.Lock()

    @cached_property
    def _model(self) -> CrossEncoder:
        import torch
        from sentence_transformers import CrossEncoder
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.set_num_threads(available_threads(self._threads))
        try:
            model: CrossEncoder = CrossEncoder(
                str(self._folder), max_length=self._settings.max_tokens, local_files_only=True
            )
        except Exception as error:  # every way in which loading fails means the same to the user
            what = f"the cross-encoder in {self._folder} cannot be loaded: {type(error).__name__}"
            raise ModelUnavailable(what, hint=_HINT) from error
        known, words = getattr(getattr(model.model, "config", None), "vocab_size", None), len(model.tokenizer)
        if known is not None and words > known:
            what = (
                f"the tokenizer in {self._folder} has {words} words and the model {known}: it belongs to another model"
            )
            raise ModelMismatch(what, hint=_HINT)
        return model

    def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
        """A relevance score per passage, in their order; the passage is read with its title and headings."""
        if not passages:
            return []
        pairs = [(query.text, f"{p.header}\n{p.text}" if p.header else p.text) for p in passages]
        with self._lock:
            model = self._model
            try:
                scores = model.predict(pairs, batch_size=BATCH_SIZE, show_progress_bar=False)
            except Exception as error:  # out of memory, or a model that does not fit its own configuration
                what = f"the cross-encoder in {self._folder} cannot score: {type(error).__name__}"
                raise ModelFailed(what, hint=_HINT) from error
        values = [float(score) for score in scores]
        if not all(map(math.isfinite, values)):
            raise ModelFailed(f"the cross-encoder in {self._folder} gives scores that are no numbers", hint=_HINT)
        return values


def require_scoring_head(folder: Path) -> None:
    """Raises ModelUnavailable or ModelMismatch unless the configuration in `folder` is that of a model with one score a pair.

    Without this, a plain encoder would be given a head of random weights, and an entailment model a score that means something else.
    """
    config = _config(folder)
    architectures = config.get("architectures") or []
    if (folder / "modules.json").is_file():  # sentence-transformers' own layout names its head there
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        if any("pooling" in str(module.get("type", "")).lower() for module in modules):
            raise ModelMismatch(f"{folder} holds a bi-encoder, which scores no pairs", hint=_HINT)
        return
    if not any(str(name).endswith("ForSequenceClassification") for name in architectures):
        named = ", ".join(map(str, architectures)) or "an unnamed architecture"
        raise ModelMismatch(f"the model in {folder} has no scoring head: it is {named}", hint=_HINT)
    labels = len(config.get("id2label") or {"0": ""})
    if labels != 1:
        raise ModelMismatch(f"the model in {folder} gives {labels} scores a pair, and one is needed", hint=_HINT)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ModelUnavailable(f"{folder} holds no readable config.json of a model", hint=_HINT) from None
    return config if isinstance(config, dict) else {}
