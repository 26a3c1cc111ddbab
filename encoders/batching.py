"""How texts share a forward pass, and how callers share an encoder."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

BATCH_TOKENS = 2048  # of a batch, padding included: larger ones leave the processor's cache and are slower


def batches(lengths: Sequence[int], most_tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Places of texts of like length, longest first, whose number times the longest is at most `most_tokens`; one text at least."""
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    at = 0
    while at < len(order):
        size = max(1, most_tokens // max(1, lengths[order[at]]))
        yield order[at : at + size]
        at += size


class Turns:
    """A lock that serves its callers in the order in which they came; `threading.Lock` lets the one who has it take it again."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._next_ticket = 0
        self._served = 0

    def __enter__(self) -> None:
        with self._change:
            ticket = self._next_ticket
            self._next_ticket += 1
            self._change.wait_for(lambda: self._served == ticket)

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._served += 1
            self._change.notify_all()
