"""A cross-encoder from any local path or hub name, through sentence-transformers; torch is loaded at the first pair."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from citewell.core.models import available_threads, model_folder
from citewell.core.settings import RerankSettings
from citewell.core.types import Chunk, Query

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH_SIZE = 16


class CrossEncoderReranker:
    """Scores question and passage together; raw model scores, higher is better."""

    name = "cross-encoder"

    def __init__(self, settings: RerankSettings, threads: int = 0) -> None:
        self._settings = settings
        self._threads = threads
        self._folder = model_folder(settings.model)
        self._lock = threading.Lock()

    @cached_property
    def _model(self) -> CrossEncoder:
        import torch
        from sentence_transformers import CrossEncoder
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.set_num_threads(available_threads(self._threads))
        model: CrossEncoder = CrossEncoder(
            str(self._folder), max_length=self._settings.max_tokens, local_files_only=True
        )
        return model

    def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
        """A relevance score per passage, in their order; the passage is read with its title and headings."""
        if not passages:
            return []
        pairs = [(query.text, f"{p.header}\n{p.text}" if p.header else p.text) for p in passages]
        with self._lock:
            scores = self._model.predict(pairs, batch_size=BATCH_SIZE, show_progress_bar=False)
        return [float(score) for score in scores]
