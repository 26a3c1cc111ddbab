"""A cache forgets what was unused longest and counts what it was asked."""

from __future__ import annotations

from citewell.core.cache import Cache


def test_the_longest_unused_goes_first() -> None:
    cache: Cache[str, int] = Cache("numbers", 2)
    cache.keep({"a": 1, "b": 2})
    assert cache.known(["a"]) == {"a": 1}
    cache.keep({"c": 3})
    assert cache.known(["a", "b", "c"]) == {"a": 1, "c": 3}
    assert len(cache) == 2


def test_hits_and_misses_are_counted() -> None:
    cache: Cache[str, int] = Cache("numbers", 10)
    assert (cache.use.hits, cache.use.misses, cache.use.hit_rate) == (0, 0, 0.0)
    cache.known(["a", "b"])
    cache.keep({"a": 1})
    cache.known(["a", "a"])
    assert (cache.use.name, cache.use.held, cache.use.capacity) == ("numbers", 1, 10)
    assert (cache.use.hits, cache.use.misses, cache.use.hit_rate) == (2, 2, 0.5)
