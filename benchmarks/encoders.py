"""Runtimes of the bi-encoder, side by side: texts and questions a second, likeness to PyTorch in float32, and nDCG@10 with each.

python benchmarks/encoders.py speed SCIFACT [--cores 1] [--runtimes NAME …]
python benchmarks/encoders.py quality SCIFACT CRANFIELD --cache DIR [--runtimes NAME …]

`speed` binds the process to so many cores first, and runs every runtime in turn, several times over. `quality` embeds every passage of
the sets with each runtime (kept in DIR/runtimes, so that it can be gone on with) and searches all of them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from measuring import describe_machine
from numpy.typing import NDArray

from citewell.core.machine import this_machine
from citewell.core.settings import EncoderSettings, load_settings
from citewell.encoders.encoder import Decision
from citewell.encoders.runtimes import NAMES, REFERENCE, missing_for, suits
from citewell.evaluation.indexing import Indexed, index_dataset
from citewell.evaluation.measures.ranking import parse_measures, values_by_topic
from citewell.evaluation.measures.statistics import estimate, paired_difference
from citewell.evaluation.topics.corpora import JsonlCorpus
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.trec import canonical_run
from citewell.index.embed import SentenceEmbedder, embedding_input

MEASURE = "nDCG@10"
TEXTS = 128
TOKENS = 196
ROUNDS = 3
QUESTIONS = 60
DEPTH = 100


def main() -> None:
    """Prints a line a runtime."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "quality"])
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--cores", type=int, help="bind the process to so many cores")
    parser.add_argument("--cache", type=Path, default=Path(".cache/datasets"))
    parser.add_argument(
        "--runtimes", nargs="*", default=[n for n in NAMES if suits(n, this_machine()) and not missing_for(n)]
    )
    arguments = parser.parse_args()
    if arguments.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    print(f"{describe_machine()}, {this_machine().name}", flush=True)
    names = list(dict.fromkeys([REFERENCE, *arguments.runtimes]))
    if arguments.what == "speed":
        speed(names, arguments.datasets[0])
    else:
        for location in arguments.datasets:
            quality(names, location, arguments.cache)


def embedder_with(name: str) -> SentenceEmbedder:
    """The default bi-encoder, run by this runtime, also by one that would be refused for what it computes."""
    embedder = SentenceEmbedder(load_settings().embedder, EncoderSettings())
    embedder.encoder.convert(name)
    embedder.encoder.__dict__["decision"] = Decision(name, name, "it is measured")
    return embedder


def speed(names: list[str], location: Path) -> None:
    """Texts of TOKENS tokens a second, and questions a second one by one: the best of several rounds in which all take turns."""
    embedders = {name: embedder_with(name) for name in names}
    texts = _texts(location, embedders[REFERENCE])
    questions = [topic.query.text for topic in read_dataset(location, judged_only=True).topics[:QUESTIONS]]
    vectors: dict[str, NDArray[np.float32]] = {}
    bulk: dict[str, list[float]] = defaultdict(list)
    single: dict[str, list[float]] = defaultdict(list)
    for name, embedder in embedders.items():
        vectors[name] = embedder.embed(texts)
        embedder.embed_questions(questions[:1])
    for _ in range(ROUNDS):
        for name, embedder in embedders.items():
            began = time.perf_counter()
            embedder.embed(texts)
            bulk[name].append(len(texts) / (time.perf_counter() - began))
            for question in questions:
                began = time.perf_counter()
                embedder.embed_questions([question])
                single[name].append(time.perf_counter() - began)
    base, first = max(bulk[REFERENCE]), statistics.median(single[REFERENCE])
    print(f"{len(texts)} texts of {TOKENS} tokens; {len(questions)} questions of SciFact one by one")
    for name in names:
        most, one = max(bulk[name]), statistics.median(single[name])
        cosines = (vectors[name] * vectors[REFERENCE]).sum(axis=1)
        print(
            f"{name:18s} {most:6.1f} texts/s ({most / base:.2f}x)  {1 / one:6.1f} questions/s ({first / one:.2f}x)  "
            f"cosine mean {cosines.mean():.4f} min {cosines.min():.4f}",
            flush=True,
        )


def _texts(location: Path, embedder: SentenceEmbedder) -> list[str]:
    """Beginnings of documents, of TOKENS tokens with the special ones."""
    texts = []
    for entry in JsonlCorpus("benchmark", location / "corpus.jsonl").entries():
        text = entry.document.text if entry.document else ""
        spans = embedder.tokenizer.spans(text)
        if len(spans) >= TOKENS - 2:
            texts.append(text[: spans[TOKENS - 3][1]])
        if len(texts) == TEXTS:
            break
    return texts


def quality(names: list[str], location: Path, cache: Path) -> None:
    """Likeness over all passages, and nDCG@10 of the dense search with each runtime, with a paired test against the reference."""
    dataset = read_dataset(location, judged_only=True)
    indexed = index_dataset(dataset, load_settings(rerank={"model": ""}), cache, cache)
    places, inputs = _passages(indexed)
    questions = [topic.query.text for topic in dataset.judged]
    found: dict[str, dict[str, float]] = {}
    reference: NDArray[np.float32] | None = None
    for name in names:
        kept = cache / "runtimes" / f"{dataset.name}-{name}.npz"
        if not kept.is_file():
            kept.parent.mkdir(exist_ok=True)
            embedder = embedder_with(name)
            began = time.perf_counter()
            passages, asked = embedder.embed(inputs), np.stack([embedder.embed_questions([q])[0] for q in questions])
            print(
                f"{dataset.name}: {len(inputs)} passages by {name} in {time.perf_counter() - began:.0f} s", flush=True
            )
            np.savez(kept, passages=passages, asked=asked)
        stored = np.load(kept)
        passages, asked = stored["passages"], stored["asked"]
        reference = passages if reference is None else reference
        scores = asked @ passages.T
        run = {}
        for topic, row in zip(dataset.judged, scores, strict=True):
            best: dict[str, float] = {}
            for place in np.argsort(-row, kind="stable"):
                best.setdefault(places[place], float(row[place]))
                if len(best) == DEPTH:
                    break
            run[topic.query_id] = best
        values = values_by_topic(parse_measures([MEASURE]), dataset.qrels, canonical_run(run))[MEASURE]
        found[name] = dict(values)
        cosines = (passages * reference).sum(axis=1)
        change = paired_difference(found[names[0]], found[name])
        print(
            f"{dataset.name:12s} {name:18s} {MEASURE} {estimate(values).mean:.4f} ({change.mean:+.4f}, p {change.p:.3f})  "
            f"cosine mean {cosines.mean():.4f} min {cosines.min():.4f} over {len(inputs)} passages",
            flush=True,
        )


def _passages(indexed: Indexed) -> tuple[list[str], list[str]]:
    """For each passage of the index its document's name in the judgements, and what is embedded."""
    engine = indexed.engine
    names, inputs = [], []
    for summary in engine.catalog.summaries():
        for chunk in engine.chunker.split(engine.catalog.document(summary.doc_id)):
            names.append(indexed.names[summary.doc_id])
            inputs.append(embedding_input(chunk.header, chunk.text, engine.tokenizer, engine.embedder.max_tokens))
    return names, inputs


if __name__ == "__main__":
    main()
