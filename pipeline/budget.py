"""A time budget as a number of forwards: the machine is measured once, so that results never depend on its load."""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path

from citewell.core.protocols import Reranker
from citewell.core.types import Chunk, Query, text_version

FILE = "machine.json"
RUNS = 5
BATCH = 8
# About two hundred tokens, as a passage has.
_TEXT = "The quick brown fox jumps over the lazy dog while seven wizards quietly box four jugs of very old liquor. " * 9


def forwards_within(budget_ms: float, forward_ms: float) -> int:
    """How many forwards of `forward_ms` fit into the budget; at least one."""
    return max(1, int(budget_ms / forward_ms))


def measured_forward(directory: Path, reranker: Reranker) -> float:
    """Milliseconds of one forward on this machine, from DIR/machine.json; measured and written there when it is not known."""
    path = directory / FILE
    known = _read(path)
    if reranker.fingerprint not in known:
        known[reranker.fingerprint] = measure_forward(reranker)
        directory.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{FILE}.{os.getpid()}.part")
        part.write_text(json.dumps({"forward_ms": known}, indent=2) + "\n", encoding="utf-8")
        os.replace(part, path)
    return known[reranker.fingerprint]


def measure_forward(reranker: Reranker) -> float:
    """The median over some batches, in milliseconds a passage of about 200 tokens; the first batch, which loads the model, is not counted."""
    passages = [
        Chunk(f"{number:016x}", "0" * 16, text_version(_TEXT), 0, len(_TEXT), _TEXT, 200) for number in range(BATCH)
    ]
    times = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        reranker.score(Query("How long does one forward take on this machine?"), passages)
        times.append((time.perf_counter() - began) * 1000 / BATCH)
    return round(statistics.median(times[1:]), 3)


def _read(path: Path) -> dict[str, float]:
    """What was measured; nothing when the file is not there or cannot be read, so that it is measured again."""
    try:
        return {str(k): float(v) for k, v in json.loads(path.read_text(encoding="utf-8"))["forward_ms"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
