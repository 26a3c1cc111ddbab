"""What is known of a pair already: the same question and passage are not read twice by the same model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from citewell.core.cache import Cache, CacheUse
from citewell.core.types import Chunk, Query

V = TypeVar("V")
CAPACITY = 50_000  # pairs, of about 200 bytes


class PairCache(Generic[V]):
    """The last values by question and passage. A passage's id names its text and its header is part of the key, so a changed one is read anew. Safe between threads."""

    def __init__(self, capacity: int = CAPACITY, name: str = "scores") -> None:
        self._values: Cache[tuple[str, str, str], V] = Cache(name, capacity)

    def __len__(self) -> int:
        return len(self._values)

    def known(self, query: Query, passages: Sequence[Chunk]) -> dict[str, V]:
        """The value of each passage that has one, by its id."""
        keys = {_key(query, passage): passage.chunk_id for passage in passages}
        return {keys[key]: value for key, value in self._values.known(keys).items()}

    def keep(self, query: Query, passages: Sequence[Chunk], values: Sequence[V]) -> None:
        """Remembers; the longest unused go when there are too many."""
        self._values.keep({_key(query, passage): value for passage, value in zip(passages, values, strict=True)})

    @property
    def use(self) -> CacheUse:
        """How it has been used."""
        return self._values.use


def _key(query: Query, passage: Chunk) -> tuple[str, str, str]:
    return query.text, passage.chunk_id, passage.header
