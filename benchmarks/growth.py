"""How search grows with the corpus: build time, disk, memory, opening, and hybrid latency on one thread, half of the passages allowed.

python benchmarks/growth.py [--sizes 10000 100000 1000000] [--queries 300] [--dir DIR] [--plot growth.png]

Text and vectors are made up (benchmarks/made.py). Each size is built in DIR and then searched by a process of its own, whose memory is told.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from made import engine_of, store
from measuring import describe_machine, peak_resident_mb

from citewell.core.settings import load_settings

GROUPS = (("half", 0.5),)
DEPTH = 100
COLUMNS = ("passages", "build_s", "disk_mb", "open_s", "resident_mb", "p50_ms", "p95_ms", "p99_ms")


def main() -> None:
    """Prints a table, and draws it where a plot is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000, 300_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.search:
        print(json.dumps(search(arguments.search, arguments.queries)))
        return
    print(f"{describe_machine()}; searched on one thread by a caller who may read half")
    print("  ".join(f"{name:>11}" for name in COLUMNS))
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for size in arguments.sizes:
            directory = (arguments.dir or Path(temporary)) / str(size)
            rows.append({"passages": size} | build(directory, size) | searched(directory, arguments.queries))
            print("  ".join(f"{rows[-1][name]:11.1f}" for name in COLUMNS), flush=True)
    if arguments.plot:
        draw(rows, arguments.plot)


def build(directory: Path, size: int) -> dict[str, float]:
    """Builds an index of so many passages."""
    began = time.perf_counter()
    engine = engine_of(directory, load_settings())
    if not (directory / "catalog.sqlite").exists():
        store(engine, size, GROUPS)
    engine.close()
    files = [path.stat().st_size for path in directory.rglob("*") if path.is_file()]
    return {"build_s": time.perf_counter() - began, "disk_mb": sum(files) / 1e6}


def searched(directory: Path, queries: int) -> dict[str, float]:
    """What a process of its own measured."""
    surroundings = os.environ | {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--search", str(directory), "--queries", str(queries)]
    done = subprocess.run(command, env=surroundings, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def search(directory: Path, queries: int) -> dict[str, float]:
    """Opens the index and asks, first some questions that are not counted."""
    import numpy as np

    from citewell.core.types import Query
    from citewell.pipeline.retrieve import first_stage

    engine = engine_of(
        directory, load_settings(storage={"verify_on_open": False}, rerank={"model": ""}, embedder={"threads": 1})
    )
    questions = engine.__dict__["embedder"].questions(queries + 20)
    began = time.perf_counter()
    snapshot = engine.snapshot(frozenset({"half"}))
    opened = time.perf_counter() - began
    times = []
    for text, vector in questions:
        snapshot.dense.remember([text], vector[None])
        began = time.perf_counter()
        first_stage(engine, snapshot, Query(text)).fuse(engine.settings.fusion)
        times.append((time.perf_counter() - began) * 1000)
    p50, p95, p99 = np.percentile(times[20:], [50, 95, 99])
    engine.close()
    return {"open_s": opened, "resident_mb": peak_resident_mb(), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}


def draw(rows: list[dict[str, float]], path: Path) -> None:
    """Latency and memory over size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    sizes = [row["passages"] for row in rows]
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        left.plot(sizes, [row[name] for row in rows], marker="o", label=name.removesuffix("_ms"))
    left.set(xscale="log", yscale="log", xlabel="passages", ylabel="ms a query, one thread")
    left.legend()
    for name in ("disk_mb", "resident_mb"):
        right.plot(sizes, [row[name] for row in rows], marker="o", label=name.removesuffix("_mb"))
    right.set(xscale="log", yscale="log", xlabel="passages", ylabel="MB")
    right.legend()
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
