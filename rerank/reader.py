"""The cross-encoder that also reads: relevance, the answer's words, and whether there is an answer, on one forward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from citewell.core.models import file_sha256
from citewell.core.types import Chunk, Query, Reading
from citewell.encoders.network import Loaded
from citewell.encoders.window import Window
from citewell.rerank.cache import PairCache
from citewell.rerank.cross_encoder import CrossEncoderReranker
from citewell.rerank.spans import OUTSIDE, best_span

READER_FILE = "reader.safetensors"
KEPT = 4096  # readings: those of the last few dozen questions


def has_reader(folder: Path) -> bool:
    """Whether the cross-encoder in `folder` has a reader's heads."""
    return (folder / READER_FILE).is_file()


class ReadingCrossEncoder(CrossEncoderReranker):
    """A cross-encoder with a reader. What was scored for reranking is not run again to be read."""

    @cached_property
    def _network_key(self) -> str:
        return f"reader-{file_sha256(self._folder / READER_FILE)[:8]}-{super()._network_key}"

    def _load(self) -> Loaded:
        from citewell.rerank.reading_network import load_reader

        return load_reader(self._folder, self._settings.max_tokens)

    @cached_property
    def readings(self) -> PairCache[Reading]:
        """What was read already."""
        return PairCache(KEPT, "readings")

    def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
        """The relevance of each passage, in their order."""
        return [reading.relevance for reading in self.read(query, passages)]

    def read(self, query: Query, passages: Sequence[Chunk]) -> list[Reading]:
        """What each passage holds for the question, in their order. Raises ModelUnavailable, ModelMismatch or ModelFailed."""
        known = self.readings.known(query, passages)
        new = [passage for passage in passages if passage.chunk_id not in known]
        if new:
            made = self._forward(query, new, self.windows(query, new))
            self.readings.keep(query, new, made)
            known |= {passage.chunk_id: reading for passage, reading in zip(new, made, strict=True)}
        return [known[passage.chunk_id] for passage in passages]

    def _forward(self, query: Query, passages: Sequence[Chunk], windows: Sequence[Window]) -> list[Reading]:
        readings: dict[int, Reading] = {}
        for batch in self.run([(query.text, window.text) for window in windows]):
            relevance, answerable, starts, ends = batch.outputs
            for row, place in enumerate(batch.places):
                offsets = batch.encodings[row].offsets
                width = len(offsets)
                span = _span(passages[place], windows[place], offsets, starts[row, :width], ends[row, :width])
                probability = 1 / (1 + math.exp(-float(answerable[row])))
                readings[place] = Reading(float(relevance[row]), probability, *span)
        return [readings[place] for place in range(len(windows))]


def _span(
    passage: Chunk,
    window: Window,
    offsets: Sequence[tuple[int, int]],
    start: NDArray[np.float32],
    end: NDArray[np.float32],
) -> tuple[int, int, float]:
    """The likeliest answer in characters of the passage's text, and its logit.

    Neither the header above the text holds an answer nor what stands on both sides of something that was cut out: the answer is looked
    for in each part of the window, and the best is taken.
    """
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
