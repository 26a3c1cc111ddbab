"""Hybrid, with learning to rank, with the cross-encoder, and with both, over several judged sets, with a pooled paired test.

python benchmarks/reranking.py SCIFACT CRANFIELD … [--limit 150] [--whole scifact] [--cache DIR] [--set rerank.weight=0.4] [--out FILE]

Every variant goes through the functions that serve. A set of more queries than the limit gives its first ones.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from citewell.core.settings import Settings, load_settings
from citewell.evaluation.indexing import Indexed, index_dataset
from citewell.evaluation.measures.ranking import parse_measures, values_by_topic
from citewell.evaluation.measures.statistics import estimate, paired_difference
from citewell.evaluation.retrieval import best_passages
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.trec import canonical_run
from citewell.evaluation.topics.types import Dataset
from citewell.pipeline.retrieve import first_stage, learn_to_rank, rerank_head
from citewell.pipeline.wiring import Engine

MEASURE = "nDCG@10"
VARIANTS: Mapping[str, dict[str, Any]] = {
    "hybrid": {"ltr": False, "model": ""},
    "+ ltr": {"ltr": True, "model": ""},
    "+ cross-encoder": {"ltr": False},
    "+ both": {"ltr": True},
}


def main() -> None:
    """Prints a line a set and variant, the pooled gains, and the forwards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=150, help="first queries of a set")
    parser.add_argument("--whole", nargs="*", default=["scifact"], help="sets of which all queries are asked")
    parser.add_argument("--cache", type=Path, default=Path(".cache/datasets"))
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="rerank.FIELD=VALUE")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    values = dict(text.removeprefix("rerank.").split("=", 1) for text in arguments.overrides)
    pooled: dict[str, dict[str, float]] = {name: {} for name in VARIANTS}
    for location in arguments.datasets:
        dataset = first_queries(read_dataset(location, judged_only=True), arguments.limit, arguments.whole)
        indexed = index_dataset(dataset, load_settings(), arguments.cache, arguments.cache)
        found = measure(indexed, dataset, values)
        name = "/".join(location.parts[-2:]) if location.parent.name == "mtrag" else dataset.name
        report(name, found)
        for variant, by_topic in found.items():
            pooled[variant] |= {f"{name} {topic}": value for topic, value in by_topic.items()}
    report("pooled", pooled)
    if arguments.out:
        arguments.out.write_text(json.dumps(pooled, indent=1) + "\n", encoding="utf-8")


def first_queries(dataset: Dataset, limit: int, whole: Sequence[str]) -> Dataset:
    """The dataset with its first judged queries, or with all where it is named."""
    judged = dataset.judged if dataset.name in whole else dataset.judged[:limit]
    kept = {topic.query_id for topic in judged}
    return replace(dataset, topics=judged, qrels={q: g for q, g in dataset.qrels.items() if q in kept})


def measure(indexed: Indexed, dataset: Dataset, values: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """The measure's value by topic for each variant; the first stage runs once, and a pair is read once."""
    base = settings_of(values)
    engine = indexed.engine.variant(base)
    engines: dict[str, Engine] = {
        name: engine.variant(base.model_copy(update={"rerank": base.rerank.model_copy(update=change)}))
        for name, change in VARIANTS.items()
    }
    for other in engines.values():
        other.__dict__["score_cache"] = engine.score_cache
    snapshot = engine.snapshot()
    runs: dict[str, dict[str, dict[str, float]]] = {name: {} for name in VARIANTS}
    for topic in dataset.topics:
        first = first_stage(engine, snapshot, topic.query)
        hybrid = first.fuse(base.fusion)
        for name, variant in engines.items():
            ranking, _ = rerank_head(variant, topic.query, learn_to_rank(variant, first, hybrid))
            runs[name][topic.query_id] = best_passages(ranking, indexed.names)
    parsed = parse_measures([MEASURE])
    return {
        name: dict(values_by_topic(parsed, dataset.qrels, canonical_run(run))[MEASURE]) for name, run in runs.items()
    }


def settings_of(values: Mapping[str, str]) -> Settings:
    """The default settings with some of reranking."""
    return load_settings(rerank=dict(values))


def report(name: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """Means with intervals, and each variant's gain over hybrid with its p."""
    hybrid = found["hybrid"]
    for variant, by_topic in found.items():
        mean = estimate(by_topic)
        line = f"{name:16s} {len(by_topic):4d} {variant:16s} {mean.mean:.4f} [{mean.low:.3f}, {mean.high:.3f}]"
        if variant != "hybrid":
            gain = paired_difference(hybrid, by_topic)
            line += f"  {gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] p {gain.p:.4f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
