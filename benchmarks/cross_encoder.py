"""The cross-encoder as it is served against sentence-transformers' own CrossEncoder with the same weights, in one run.

python benchmarks/cross_encoder.py speed SCIFACT [--cores 1] [--runtime auto]
python benchmarks/cross_encoder.py quality SCIFACT CRANFIELD CISI --cache DIR [--runtime auto] [--limit 300]

`speed`: 50 passages of 200 tokens for each of some questions, both in turn, and Kendall's tau over the first 20 of sentence-transformers'
order. `quality`: nDCG@10 with this runtime and with PyTorch in float32, as it is served and by the cross-encoder's word
alone, with a paired test.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

import numpy as np
from measuring import describe_machine
from scipy.stats import kendalltau
from sentence_transformers import CrossEncoder

from citewell.core.machine import this_machine
from citewell.core.models import model_folder
from citewell.core.settings import EncoderSettings, Settings, load_settings
from citewell.core.types import Chunk, Query, text_version
from citewell.encoders.kept import Kept, cache_folder
from citewell.encoders.runtimes import REFERENCE
from citewell.encoders.tune import tune
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.measures.ranking import parse_measures, values_by_topic
from citewell.evaluation.measures.statistics import estimate, paired_difference
from citewell.evaluation.retrieval import best_passages
from citewell.evaluation.topics.corpora import JsonlCorpus
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.trec import canonical_run
from citewell.pipeline.retrieve import first_stage, learn_to_rank, rerank_head
from citewell.rerank.reader import ReadingCrossEncoder

PASSAGES = 50
TOKENS = 200
QUESTIONS = 12
TOP = 20
MEASURE = "nDCG@10"


def main() -> None:
    """Prints the times and their ratio, or a line a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "quality"])
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--cores", type=int, help="bind the process to so many cores")
    parser.add_argument("--cache", type=Path, default=Path(".cache/datasets"))
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--limit", type=int, default=300, help="first judged queries of a set")
    arguments = parser.parse_args()
    if arguments.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    print(f"{describe_machine()}, {this_machine().name}", flush=True)
    if arguments.what == "speed":
        speed(arguments.datasets[0], arguments.runtime)
    else:
        for location in arguments.datasets:
            quality(location, arguments.runtime, arguments.cache, arguments.limit)


def reader_with(runtime: str) -> ReadingCrossEncoder:
    """The cross-encoder as it is served; for `auto` the machine is measured where that was not done."""
    settings = EncoderSettings.model_validate({"runtime": runtime})
    rerank = load_settings().rerank
    reader = ReadingCrossEncoder(model_folder(rerank.model), rerank, settings, Kept(cache_folder("")))
    if runtime == "auto" and reader.encoder.tuning is None:
        tune(reader.encoder)
    return reader


def speed(location: Path, runtime: str) -> None:
    """Both in turn, question by question."""
    reader = reader_with(runtime)
    theirs = CrossEncoder(
        str(model_folder(load_settings().rerank.model)), max_length=256, device="cpu", local_files_only=True
    )
    dataset = read_dataset(location, judged_only=True)
    questions = [topic.query for topic in dataset.topics[:QUESTIONS]]
    chunks = _passages(location, reader)
    ours_s, theirs_s, taus, deviations = [], [], [], []
    reader.score(Query("The first call is not counted."), chunks)
    theirs.predict([("The first call is not counted.", chunk.text) for chunk in chunks])
    for query in questions:
        began = time.perf_counter()
        truth = theirs.predict([(query.text, chunk.text) for chunk in chunks], show_progress_bar=False)
        theirs_s.append(time.perf_counter() - began)
        began = time.perf_counter()
        found = np.array(reader.score(query, chunks))
        ours_s.append(time.perf_counter() - began)
        top = np.argsort(-truth, kind="stable")[:TOP]
        taus.append(float(kendalltau(truth[top], found[top]).statistic))
        deviations.append(float(np.abs(truth - found).max()))
    ours, other = statistics.median(ours_s), statistics.median(theirs_s)
    print(
        f"{PASSAGES} passages of {TOKENS} tokens, {len(questions)} questions: sentence-transformers {other * 1000:.0f} ms, "
        f"{reader.encoder.decision.bulk} {ours * 1000:.0f} ms: {other / ours:.2f} times faster; Kendall's tau over the first {TOP} "
        f"{statistics.mean(taus):.4f} on average, {min(taus):.4f} at least; scores differ by at most {max(deviations):.3f}"
    )


def _passages(location: Path, reader: ReadingCrossEncoder) -> list[Chunk]:
    """Beginnings of documents, of TOKENS tokens, without headers."""
    chunks = []
    for number, entry in enumerate(JsonlCorpus("benchmark", location / "corpus.jsonl").entries()):
        text = entry.document.text if entry.document else ""
        spans = reader._tokenizer.spans(text)
        if len(spans) >= TOKENS:
            cut = text[: spans[TOKENS - 1][1]]
            chunks.append(Chunk(f"{number:016x}", "0" * 16, text_version(cut), 0, len(cut), cut, TOKENS))
        if len(chunks) == PASSAGES:
            break
    return chunks


def quality(location: Path, runtime: str, cache: Path, limit: int) -> None:
    """What is served, every candidate of the head read, by both."""
    dataset = read_dataset(location, judged_only=True)
    topics = dataset.judged[:limit]
    qrels = {topic.query_id: dataset.qrels[topic.query_id] for topic in topics}
    settings = load_settings(rerank={"early_exit": False})
    indexed = index_dataset(dataset, settings, cache, cache)
    base = indexed.engine
    engines = {}
    for name in (REFERENCE, runtime):
        encoders = EncoderSettings.model_validate({"runtime": name})
        engines[name] = base.variant(settings.model_copy(update={"encoders": encoders}))
        for shared in ("embedder", "asking_embedder"):
            engines[name].__dict__[shared] = getattr(base, shared)
        engines[name].__dict__["reranker"] = reader_with(name)
    alone = {name: engine.variant(_weighing_alone(engine.settings)) for name, engine in engines.items()}
    for name, engine in alone.items():
        for shared in ("embedder", "asking_embedder", "reranker", "score_cache"):
            engine.__dict__[shared] = getattr(engines[name], shared)
    runs: dict[str, dict[str, dict[str, dict[str, float]]]] = {
        kind: {name: {} for name in engines} for kind in ("as served", "alone")
    }
    snapshot = base.snapshot()
    for topic in topics:
        first = first_stage(base, snapshot, topic.query)
        ordered = learn_to_rank(base, first, first.fuse(settings.fusion))
        for kind, group in (("as served", engines), ("alone", alone)):
            for name, engine in group.items():
                ranking, _ = rerank_head(engine, topic.query, ordered)
                runs[kind][name][topic.query_id] = best_passages(ranking, indexed.names)
    used = engines[runtime].encoders[settings.rerank.model].decision.bulk
    parsed = parse_measures([MEASURE])
    for kind, by_name in runs.items():
        values = {
            name: dict(values_by_topic(parsed, qrels, canonical_run(run))[MEASURE]) for name, run in by_name.items()
        }
        change = paired_difference(values[REFERENCE], values[runtime])
        print(
            f"{dataset.name:12s} {len(topics):4d} queries, {kind:9s}: {MEASURE} {REFERENCE} {estimate(values[REFERENCE]).mean:.4f}, "
            f"{used} {estimate(values[runtime]).mean:.4f} ({change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}], p {change.p:.3f})",
            flush=True,
        )


def _weighing_alone(settings: Settings) -> Settings:
    """The same with nothing but the cross-encoder's word on what it has read."""
    return settings.model_copy(update={"rerank": settings.rerank.model_copy(update={"weight": 1.0})})


if __name__ == "__main__":
    main()
