"""The cross-encoder that also reads: relevance, the answer's words, and whether there is an answer, on one forward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from citewell.core.errors import ModelUnavailable
from citewell.core.types import Chunk, Query, Reading
from citewell.rerank.cache import PairCache
from citewell.rerank.cross_encoder import BATCH_SIZE, CrossEncoderReranker
from citewell.rerank.window import Window

if TYPE_CHECKING:
    from citewell.rerank.pair_model import PairModel

READER_FILE = "reader.safetensors"
KEPT = 4096  # readings: those of the last few dozen questions


def can_read(folder: Path) -> bool:
    """Whether the cross-encoder in `folder` has a reader's heads."""
    return (folder / READER_FILE).is_file()


class ReadingCrossEncoder(CrossEncoderReranker):
    """A cross-encoder with a reader. What was scored for reranking is not run again to be read."""

    @cached_property
    def _pair_model(self) -> PairModel:
        from citewell.rerank.pair_model import PairModel

        try:
            trunk = self._model.model
            assert trunk is not None
            return PairModel.with_heads(trunk, self._folder).to(trunk.device).eval()
        except Exception as error:  # a damaged file, or heads of another trunk
            what = f"the reader in {self._folder} cannot be loaded: {type(error).__name__}"
            raise ModelUnavailable(what) from error

    @cached_property
    def _readings(self) -> PairCache[Reading]:
        return PairCache(KEPT)

    def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
        """The relevance of each passage, in their order."""
        return [reading.relevance for reading in self.read(query, passages)]

    def read(self, query: Query, passages: Sequence[Chunk]) -> list[Reading]:
        """What each passage holds for the question, in their order. Raises ModelUnavailable, ModelMismatch or ModelFailed."""
        known = self._readings.known(query, passages)
        new = [passage for passage in passages if passage.chunk_id not in known]
        if new:
            windows = self.windows(query, new)
            made = self._checked(
                lambda: self._forward(query, new, windows),
                lambda found: (x for r in found for x in (r.relevance, r.answerable, r.span_score)),
            )
            self._readings.keep(query, new, made)
            known |= {passage.chunk_id: reading for passage, reading in zip(new, made, strict=True)}
        return [known[passage.chunk_id] for passage in passages]

    def _forward(self, query: Query, passages: Sequence[Chunk], windows: Sequence[Window]) -> list[Reading]:
        import torch

        from citewell.rerank.pair_model import compute_dtype

        model, tokenizer = self._pair_model, self._model.tokenizer
        dtype, device = compute_dtype(self._settings.dtype), next(model.parameters()).device
        order = sorted(range(len(windows)), key=lambda i: (-len(windows[i].text), i))
        readings: dict[int, Reading] = {}
        for at in range(0, len(order), BATCH_SIZE):
            batch = order[at : at + BATCH_SIZE]
            encoded = tokenizer(
                [query.text] * len(batch), [windows[i].text for i in batch], truncation="longest_first",
                max_length=self._settings.max_tokens, padding=True, return_offsets_mapping=True, return_tensors="pt",
            )  # fmt: skip
            inputs = [encoded[name].to(device) for name in ("input_ids", "attention_mask", "token_type_ids")]
            with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                out = model(*inputs)
            starts, ends = out.start.cpu().numpy(), out.end.cpu().numpy()
            for row, index in enumerate(batch):
                span = _span(
                    passages[index], windows[index], encoded["offset_mapping"][row].tolist(), starts[row], ends[row]
                )
                answerable = 1 / (1 + math.exp(-float(out.answerable[row])))
                readings[index] = Reading(float(out.relevance[row]), answerable, *span)
        return [readings[i] for i in range(len(windows))]


def _span(
    passage: Chunk, window: Window, offsets: list[list[int]], start: NDArray[np.float32], end: NDArray[np.float32]
) -> tuple[int, int, float]:
    """The likeliest answer in characters of the passage's text, and its logit.

    Neither the header above the text holds an answer nor what stands on both sides of something that was cut out: the answer is looked
    for in each part of the window, and the best is taken.
    """
    from citewell.rerank.pair_model import OUTSIDE, best_span

    best = (0, 1, OUTSIDE * 2)
    placed = [window.source_span(a, b) if b > a else (0, 0) for a, b in offsets]
    for part_start, part_end in window.parts:
        low = max(part_start, passage.header_length)
        inside = np.array([low <= a < b <= part_end for a, b in placed])
        inside &= start > OUTSIDE
        if not inside.any():
            continue
        first, last, score = best_span(np.where(inside, start, OUTSIDE), np.where(inside, end, OUTSIDE))
        if score > best[2]:
            best = (placed[first][0] - passage.header_length, placed[last][1] - passage.header_length, score)
    return min(best[0], len(passage.text) - 1), min(best[1], len(passage.text)), best[2]
