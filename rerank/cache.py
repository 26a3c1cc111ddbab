"""Scores that are known already: the same question and passage are not read twice by the same model."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from citewell.core.types import Chunk, Query

CAPACITY = 50_000  # pairs, of about 200 bytes


class ScoreCache:
    """The last scores by question and passage. A passage's id names its text, so a changed one is scored anew. Safe between threads."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._scores: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._scores)

    def known(self, query: Query, passages: Sequence[Chunk]) -> dict[str, float]:
        """The score of each passage that has one, by its id."""
        found: dict[str, float] = {}
        with self._lock:
            for passage in passages:
                key = (query.text, passage.chunk_id)
                if key in self._scores:
                    self._scores.move_to_end(key)
                    found[passage.chunk_id] = self._scores[key]
        return found

    def keep(self, query: Query, passages: Sequence[Chunk], scores: Sequence[float]) -> None:
        """Remembers; the longest unused go when there are too many."""
        with self._lock:
            for passage, score in zip(passages, scores, strict=True):
                self._scores[query.text, passage.chunk_id] = score
            while len(self._scores) > self._capacity:
                self._scores.popitem(last=False)
