"""What is known of a pair already: the same question and passage are not read twice by the same model."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

from citewell.core.types import Chunk, Query

V = TypeVar("V")
Key = tuple[str, str, str]
CAPACITY = 50_000  # pairs, of about 200 bytes


class PairCache(Generic[V]):
    """The last values by question and passage. A passage's id names its text and its header is part of the key, so a changed one is read anew. Safe between threads."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Key, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def known(self, query: Query, passages: Sequence[Chunk]) -> dict[str, V]:
        """The value of each passage that has one, by its id."""
        found: dict[str, V] = {}
        with self._lock:
            for passage in passages:
                key = _key(query, passage)
                if key in self._values:
                    self._values.move_to_end(key)
                    found[passage.chunk_id] = self._values[key]
        return found

    def keep(self, query: Query, passages: Sequence[Chunk], values: Sequence[V]) -> None:
        """Remembers; the longest unused go when there are too many."""
        with self._lock:
            for passage, value in zip(passages, values, strict=True):
                self._values[_key(query, passage)] = value
            while len(self._values) > self._capacity:
                self._values.popitem(last=False)


def _key(query: Query, passage: Chunk) -> Key:
    return query.text, passage.chunk_id, passage.header
