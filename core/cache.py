"""A bounded memory of what was computed, which counts how often it helped."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How full a cache is and how often it held what was looked for."""

    name: str
    held: int
    capacity: int
    hits: int
    misses: int

    @property
    def hit_rate(self) -> float:
        """Share of lookups that were answered; 0 when nothing was looked for."""
        return self.hits / (self.hits + self.misses) if self.hits else 0.0


class Cache(Generic[K, V]):
    """The last `capacity` values by key; the longest unused go. Safe between threads."""

    def __init__(self, name: str, capacity: int) -> None:
        self._name = name
        self._capacity = capacity
        self._values: OrderedDict[K, V] = OrderedDict()
        self._hits = self._misses = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def known(self, keys: Iterable[K]) -> dict[K, V]:
        """The values of those keys that have one."""
        found: dict[K, V] = {}
        with self._lock:
            for key in keys:
                if key in self._values:
                    self._values.move_to_end(key)
                    found[key] = self._values[key]
                    self._hits += 1
                else:
                    self._misses += 1
        return found

    def keep(self, values: Mapping[K, V]) -> None:
        """Remembers these."""
        with self._lock:
            for key, value in values.items():
                self._values[key] = value
                self._values.move_to_end(key)
            while len(self._values) > self._capacity:
                self._values.popitem(last=False)

    @property
    def use(self) -> CacheUse:
        """How it has been used."""
        with self._lock:
            return CacheUse(self._name, len(self._values), self._capacity, self._hits, self._misses)
