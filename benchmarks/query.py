"""Median and 95th percentile of search and ask, by stage, on the index of a dataset.

python benchmarks/query.py SCIFACT_FOLDER [--queries 200] [--cache DIR]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from measuring import describe_machine, percentiles

from citewell.core.settings import load_settings
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.topics.datasets import read_dataset
from citewell.pipeline.ask import ask, search


def main() -> None:
    """Searches one half of the queries and asks the other, after a warm-up, and prints the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--cache", type=Path, default=Path(".cache/datasets"))
    arguments = parser.parse_args()
    dataset = read_dataset(arguments.dataset, limit=arguments.queries, judged_only=True)
    engine = index_dataset(dataset, load_settings(), arguments.cache, arguments.cache).engine
    ask(engine, "warm up the models with this question")
    times: dict[str, list[float]] = defaultdict(list)
    for query in dataset.topics[::2]:  # what the cross-encoder has read for one is remembered for the other
        _, _, trace = search(engine, query.text)
        times["search"].append(sum(trace.timings_ms().values()))
    for query in dataset.topics[1::2]:
        timings = ask(engine, query.text).timings_ms
        for stage, ms in timings.items():
            times["ask" if stage == "total" else f"  {stage}"].append(ms)
    print(f"{dataset.name}, {len(dataset.topics)} queries, {describe_machine()}")
    for stage in ("search", "ask", *sorted(s for s in times if s.startswith(" "))):
        p50, p95 = percentiles(times[stage])
        print(f"{stage:<14} p50 {p50:8.2f} ms   p95 {p95:8.2f} ms")
    engine.close()


if __name__ == "__main__":
    main()
