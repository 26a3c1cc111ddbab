"""OpenMP's idle threads are given back, and what computes next starts its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from citewell.core.models import BUNDLED_EMBEDDER, model_folder
from citewell.core.settings import EmbedderSettings, EncoderSettings
from citewell.core.threads import release_threads
from citewell.encoders.runtimes import REFERENCE
from citewell.index.embed import SentenceEmbedder

TASKS = Path("/proc/self/task")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted as Linux shows them")


def running() -> set[str]:
    """The threads of this process."""
    return set(os.listdir(TASKS))


def left_of(own: set[str]) -> int:
    """The threads beside those, once what ends has ended."""
    until = time.monotonic() + 5
    while (left := len(running() - own)) and time.monotonic() < until:
        time.sleep(0.01)
    return left


def product() -> float:
    """A matrix product that is large enough for two threads."""
    made = torch.ones(600, 600)
    return float((made @ made).sum())


def test_threads_that_computed_end_when_they_are_released_and_come_back_when_they_are_needed() -> None:
    torch.set_num_threads(2)  # which starts threads of another kind

    def measured() -> list[int]:
        own, counts = running(), []
        for _ in range(2):
            assert product() == 600.0**3
            counts.append(len(running() - own))
            release_threads()
            counts.append(left_of(own))
        return counts

    with ThreadPoolExecutor(1) as fresh:  # a thread that never computed has no pool
        first, after, second, at_last = fresh.submit(measured).result()
    assert first >= 1
    assert second >= 1
    assert (after, at_last) == (0, 0)


def test_a_model_that_ran_leaves_no_thread_behind() -> None:
    settings = EncoderSettings(runtime=REFERENCE, threads=2)
    embedder = SentenceEmbedder(EmbedderSettings(model=str(model_folder(BUNDLED_EMBEDDER))), settings)
    texts = ["the pump is blocked by sand " * 20] * 8
    embedder.embed(texts)  # whatever else is started with the first text stays

    def measured() -> int:
        own = running()
        embedder.embed(texts)
        return left_of(own)

    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(measured).result() == 0


LATE = """
from citewell.core.threads import release_threads
release_threads()
import os, torch
torch.set_num_threads(2)
def computed():
    own = set(os.listdir("/proc/self/task"))
    a = torch.ones(600, 600)
    (a @ a).sum()
    began = len(set(os.listdir("/proc/self/task")) - own)
    release_threads()
    return began, len(set(os.listdir("/proc/self/task")) - own)
print(*computed())
"""


def test_what_is_loaded_after_the_first_release_is_released_too() -> None:
    told = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True, timeout=120)
    began, left = map(int, told.stdout.split())
    assert began >= 1
    assert left == 0
