"""What reranking costs: time and forwards with and without stopping early, nDCG@10 of both, and the time of learning to rank.

python benchmarks/cascade.py DATASET [--queries 50] [--forwards 50] [--cache DIR] [--set rerank.max_tokens=256]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import describe_machine, percentiles

from citewell.core.settings import RerankSettings, load_settings
from citewell.core.types import Chunk, Query, Ranking
from citewell.evaluation.indexing import Indexed, index_dataset
from citewell.evaluation.measures.ranking import parse_measures, values_by_topic
from citewell.evaluation.retrieval import best_passages
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.trec import canonical_run
from citewell.evaluation.topics.types import Dataset
from citewell.pipeline.retrieve import SETTLED, FirstStage, first_stage, learn_to_rank
from citewell.rerank.cascade import rerank

MEASURE = "nDCG@10"


def main() -> None:
    """Times every query in one run: all passages, as many as are needed, and as many of those that are read by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--forwards", type=int, default=50)
    parser.add_argument("--cache", type=Path, default=Path(".cache/datasets"))
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="rerank.FIELD=VALUE")
    arguments = parser.parse_args()
    values = dict(text.removeprefix("rerank.").split("=", 1) for text in arguments.overrides)
    dataset = read_dataset(arguments.dataset, limit=arguments.queries, judged_only=True)
    settings = load_settings(rerank=values | {"max_forwards": arguments.forwards})
    indexed = index_dataset(dataset, settings, arguments.cache, arguments.cache)
    engine, snapshot = indexed.engine, indexed.engine.snapshot()
    firsts = {topic.query_id: first_stage(engine, snapshot, topic.query) for topic in dataset.topics}
    ordered = {key: learn_to_rank(engine, first, first.fuse(settings.fusion)) for key, first in firsts.items()}
    print(f"{dataset.name}, {len(firsts)} queries, {describe_machine()}")
    tell_learning(indexed, firsts)
    tell_reading(indexed, dataset, ordered, f"all {arguments.forwards}", {"early_exit": False})
    tell_reading(indexed, dataset, ordered, "stopping early", {"early_exit": True})
    default = RerankSettings().max_forwards
    tell_reading(indexed, dataset, ordered, f"of the first {default}", {"early_exit": True, "max_forwards": default})
    engine.close()


def tell_learning(indexed: Indexed, firsts: dict[str, FirstStage]) -> None:
    """The time of learning to rank over the head of the fused ranking."""
    engine = indexed.engine
    times = []
    for first in firsts.values():
        hybrid = first.fuse(engine.settings.fusion)
        began = time.perf_counter()
        learn_to_rank(engine, first, hybrid)
        times.append((time.perf_counter() - began) * 1000)
    p50, p95 = percentiles(times)
    print(f"learning to rank, {engine.settings.rerank.ltr_depth} candidates: p50 {p50:.2f} ms   p95 {p95:.2f} ms")


def tell_reading(
    indexed: Indexed, dataset: Dataset, ordered: dict[str, Ranking], what: str, change: dict[str, Any]
) -> None:
    """Time, forwards and measure of the cross-encoder over the head."""
    engine = indexed.engine.variant(indexed.engine.settings)
    engine.__dict__.pop("reranker")  # a model that has read nothing yet
    reranker = engine.reranker
    if reranker is None:
        print("no cross-encoder is configured: --set rerank.model=NAME")
        return
    settings = engine.settings.rerank.model_copy(update=change)
    times, forwards = [], []
    run: dict[str, dict[str, float]] = {}
    reranker.score(Query("the model is loaded before the clock runs"), [probe(indexed)])
    for topic in dataset.topics:
        head = ordered[topic.query_id].head(settings.max_forwards)
        chunks = {key: stored.chunk for key, stored in engine.catalog.passages(head.candidates).items()}
        began = time.perf_counter()
        done = rerank(topic.query, head, chunks, reranker, settings, max(SETTLED, engine.settings.context.max_passages))
        times.append((time.perf_counter() - began) * 1000)
        forwards.append(done.forwards)
        run[topic.query_id] = best_passages(done.ranking, indexed.names)
    values = values_by_topic(parse_measures([MEASURE]), dataset.qrels, canonical_run(run))[MEASURE]
    p50, p95 = percentiles(times)
    print(f"{what:18s} p50 {p50:7.1f} ms   p95 {p95:7.1f} ms   forwards {np.mean(forwards):5.1f}   {MEASURE} {np.mean(list(values.values())):.4f}")  # fmt: skip


def probe(indexed: Indexed) -> Chunk:
    """Any passage of the index."""
    return indexed.engine.catalog.chunks_of(next(iter(indexed.names)))[0]


if __name__ == "__main__":
    main()
