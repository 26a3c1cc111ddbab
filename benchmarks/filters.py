"""Rights and filters inside both searches: recall@10 against exact filtered search, forbidden passages, and time.

python benchmarks/filters.py [--passages 50000] [--queries 10000] [--checked 200] [--dir DIR]

Each document names each of four groups with its probability; a caller of one group asks. Exact is every passage scored, then filtered.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from made import engine_of, store
from measuring import describe_machine, percentiles

from citewell.core.settings import load_settings
from citewell.core.types import Query, Ranking
from citewell.index.snapshot import Snapshot
from citewell.pipeline.wiring import Engine

GROUPS = (("half", 0.5), ("fifth", 0.2), ("hundredth", 0.01), ("thousandth", 0.001))
DEPTH = 100
AT = 10


def main() -> None:
    """Prints a line for each share and retriever, and how many forbidden passages were seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--checked", type=int, default=200, help="queries a group whose exact result is computed")
    parser.add_argument("--dir", type=Path)
    arguments = parser.parse_args()
    print(f"{arguments.passages} passages, {describe_machine()}")
    with tempfile.TemporaryDirectory() as temporary:
        engine = engine_of(
            arguments.dir or Path(temporary), load_settings(rerank={"model": ""}, embedder={"threads": 1})
        )
        store(engine, arguments.passages, GROUPS)
        questions = engine.__dict__["embedder"].questions(arguments.queries // len(GROUPS))
        forbidden = sum(measure(engine, name, questions, arguments.checked) for name, _ in GROUPS)
        print(f"{forbidden} forbidden passages in {len(questions) * len(GROUPS)} queries")
        engine.close()


def measure(engine: Engine, group: str, questions: list[tuple[str, np.ndarray]], checked: int) -> int:
    """Asks every question as a caller of one group; returns how many forbidden passages came back."""
    everything, snapshot = engine.snapshot(), engine.snapshot(frozenset({group}))
    allowed = {f"{number:016x}" for number in engine.catalog.documents_shown({group}, None).tolist()}
    forbidden = 0
    for name in ("bm25", "dense"):
        times, recalls = [], []
        for number, (text, vector) in enumerate(questions):
            query = Query(text)
            snapshot.dense.remember([text], vector[None])
            everything.dense.remember([text], vector[None])
            began = time.perf_counter()
            found: Ranking = getattr(snapshot, name).search(query, DEPTH)
            times.append((time.perf_counter() - began) * 1000)
            forbidden += sum(c.doc_id not in allowed for c in found.candidates)
            if number < checked:
                recalls.append(recall(everything, name, query, found, allowed))
        p50, p95 = percentiles(times)
        print(
            f"{group:11} {len(allowed):6} documents  {name:5}  recall@{AT} {np.mean(recalls):.4f}  p50 {p50:6.2f} ms  p95 {p95:6.2f} ms"
        )
    return forbidden


def recall(everything: Snapshot, name: str, query: Query, found: Ranking, allowed: set[str]) -> float:
    """The share of the exact best that was found; a passage whose score equals the last of them counts as one of them."""
    every = getattr(everything, name).search(query, everything.manifest.documents)
    exact = [c.score for c in every.candidates if c.doc_id in allowed][:AT]
    if not exact:
        return 1.0
    return sum(c.score >= exact[-1] - 1e-6 for c in found.candidates[: len(exact)]) / len(exact)


if __name__ == "__main__":
    main()
