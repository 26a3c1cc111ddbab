"""Bulk work lets others in after each batch, in the order in which they came."""

from __future__ import annotations

import threading
import time

from citewell.encoders.batching import Turns
from citewell.index.embed import SentenceEmbedder


def test_callers_are_served_in_the_order_in_which_they_came() -> None:
    turns, served = Turns(), []

    def take(name: int) -> None:
        with turns:
            served.append(name)

    with turns:
        threads = []
        for name in range(5):
            threads.append(threading.Thread(target=take, args=(name,)))
            threads[-1].start()
            time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert served == [0, 1, 2, 3, 4]


def test_a_question_is_embedded_while_a_long_ingestion_is(embedder: SentenceEmbedder) -> None:
    bulk_done = threading.Event()

    def bulk() -> None:
        embedder.embed(["a rather long passage about pumps and valves " * 20] * 96)
        bulk_done.set()

    thread = threading.Thread(target=bulk)
    thread.start()
    time.sleep(0.1)
    embedder.embed(["a question"])
    assert not bulk_done.is_set()
    thread.join()
