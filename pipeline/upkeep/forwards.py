"""A time budget as a number of forwards: the machine is measured once, so that results never depend on its load."""

from __future__ import annotations

import json
import os
import platform
import statistics
import threading
import time
from contextlib import suppress
from pathlib import Path

from citewell.core.files import replace_text
from citewell.core.machine import available_threads
from citewell.core.protocols import Reranker
from citewell.core.types import Chunk, Query, text_version

FILE = "machine.json"
RUNS = 5
BATCH = 8
LEAST_MS = 0.001
# About two hundred tokens, as a passage has.
_TEXT = "The quick brown fox jumps over the lazy dog while seven wizards quietly box four jugs of very old liquor. " * 9
_measuring = threading.Lock()


def forwards_within(budget_ms: float, forward_ms: float) -> int:
    """How many forwards of `forward_ms` fit into the budget; at least one."""
    return max(1, int(budget_ms / forward_ms))


def measured_forward(directory: Path, reranker: Reranker, threads: int) -> float:
    """Milliseconds of one forward on this machine, from DIR/machine.json; measured where it is not known there.

    A directory that cannot be written to has it measured once a process.
    """
    path = directory / FILE
    key = f"{reranker.fingerprint} on {platform.node()}, {platform.machine()}, {available_threads(threads)} threads"
    with _measuring:
        known = _read(path)
        if key not in known:
            known[key] = measure_forward(reranker)
            with suppress(OSError):
                replace_text(path, json.dumps({"forward_ms": known}, indent=2) + "\n")
        return known[key]


def measure_forward(reranker: Reranker) -> float:
    """The median over some batches, in milliseconds a passage of about 200 tokens; the first batch, which loads the model, is not counted.

    Each batch asks something else: what was read once is remembered.
    """
    passages = [
        Chunk(f"{number:016x}", "0" * 16, text_version(_TEXT), 0, len(_TEXT), _TEXT, 200) for number in range(BATCH)
    ]
    times = []
    for run in range(RUNS + 1):
        began = time.perf_counter()
        reranker.score(Query(f"How long does forward number {run} of process {os.getpid()} take here?"), passages)
        times.append((time.perf_counter() - began) * 1000 / BATCH)
    return max(LEAST_MS, round(statistics.median(times[1:]), 3))


def _read(path: Path) -> dict[str, float]:
    """What was measured; nothing when the file is not there or cannot be read, so that it is measured again."""
    try:
        known = {str(k): float(v) for k, v in json.loads(path.read_text(encoding="utf-8"))["forward_ms"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {key: value for key, value in known.items() if value >= LEAST_MS}
