"""Chunkers compared on exact evidence spans: how much of the evidence the best passages hold, and how much else.

    python benchmarks/chunking.py CHUNKING_EVAL_FOLDER [--grid structure:256,fixed:256:64] [--stage hybrid] [--cache DIR] [--out FILE]

CHUNKING_EVAL_FOLDER holds questions.jsonl (`question`, `corpus`, `references` with `content`, `start_index`) and corpora/NAME.md. The grid
names METHOD:MAX_TOKENS[:OVERLAP_TOKENS]; the first is what the others are compared with. Passages of one chunker are not those of another,
so all are judged by characters. Recall within a number of tokens is the fair comparison: of what the first passages of a size hold, more
tokens hold more. `in context` is what `ask` would show its generator of its last stage, which reads with the cross-encoder only when
the stage is `rerank`; a document of these sets is a hundred texts in one file, so the cap per document is lifted.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from citewell.core.settings import Settings, load_settings
from citewell.core.tracing import tracing
from citewell.core.types import Chunk, Context
from citewell.evaluation.indexing import Indexed, index_dataset
from citewell.evaluation.measures.spans import Span, SpanScores, span_scores
from citewell.evaluation.measures.statistics import Difference, holm, paired_difference
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.gold import GoldFinder, span_of
from citewell.evaluation.topics.types import Dataset
from citewell.generate.assembly.assemble import assemble
from citewell.pipeline.retrieve import STAGES, retrieve

CUTOFFS = (5, 10)
BUDGETS = (512, 1024, 1536)  # tokens of passages; the last is the product's own context
FETCHED = 60  # passages of 32 tokens that fill the largest budget
GRID = "structure:256,sentences:256,sentences:256:64,paragraphs:256,fixed:256,fixed:256:64"

Values = dict[str, dict[str, float]]  # column -> query -> value
Copies = dict[str, list[tuple[Span, ...]]]  # query -> for each piece of evidence, where its words stand


def convert(source: Path, target: Path) -> Path:
    """The set as a folder of questions and files."""
    (target / "corpus").mkdir(parents=True, exist_ok=True)
    for file in (source / "corpora").glob("*.md"):
        shutil.copy(file, target / "corpus" / file.name)
    rows = []
    for line in (source / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        evidence = [{"document": f"{row['corpus']}.md", "quote": r["content"]} for r in row["references"]]
        rows.append({"_id": row["_id"], "text": row["question"], "evidence": evidence})
    (target / "topics.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return target


def settings_of(name: str, stage: str) -> Settings:
    """The settings of one row of the grid."""
    method, size, overlap = (*name.split(":"), "0")[:3]
    chunking = {"method": method, "max_tokens": size, "min_tokens": min(48, int(size) // 2), "overlap_tokens": overlap}
    reading = {} if stage == "rerank" else {"model": ""}
    return load_settings(chunking=chunking, rerank=reading, context={"per_document": 100})


def copies_of(indexed: Indexed, dataset: Dataset) -> Copies:
    """Where each piece of evidence stands; these sets hold many texts twice."""
    gold = GoldFinder(indexed.engine.catalog, indexed.names)
    found: Copies = {}
    for topic in dataset.judged:
        grades = dataset.qrels[topic.query_id]
        places = [gold.find(replace(topic, evidence=(item,)), grades).spans for item in topic.evidence]
        found[topic.query_id] = [spans for spans in places if spans]
    return found


def measure(indexed: Indexed, dataset: Dataset, stage: str, copies: Copies) -> Values:
    """Each column for each question."""
    engine = indexed.engine
    chunks = {chunk.chunk_id: chunk for doc_id in indexed.names for chunk in engine.catalog.chunks_of(doc_id)}
    values: Values = defaultdict(dict)
    for topic in dataset.judged:
        with tracing():
            found = retrieve(engine, engine.snapshot(), topic.query)
        context = assemble(found.final, found.passages, engine.generator(found.snapshot), engine.settings.context)
        ranked = [chunks[c.chunk_id] for c in found.ranking(stage).head(FETCHED).candidates]
        for column, value in _columns(ranked, context, copies[topic.query_id]):
            values[column][topic.query_id] = value
    return values


def _columns(
    chunks: Sequence[Chunk], context: Context, evidence: Sequence[tuple[Span, ...]]
) -> Iterator[tuple[str, float]]:
    for cutoff in CUTOFFS:
        scores = _scores(evidence, [span_of(chunk) for chunk in chunks[:cutoff]])
        yield f"R@{cutoff}", scores.recall
        yield f"P@{cutoff}", scores.precision
        yield f"IoU@{cutoff}", scores.iou
        yield f"tokens@{cutoff}", sum(chunk.token_count for chunk in chunks[:cutoff])
    for budget in BUDGETS:
        yield f"R in {budget}", _scores(evidence, _within(chunks, budget)).recall
    seen = [(p.chunk.doc_id, p.chunk.start_char, p.chunk.start_char + len(p.text)) for p in context.passages]
    yield "R in context", _scores(evidence, seen).recall
    yield "context tokens", context.token_count


def _scores(evidence: Sequence[tuple[Span, ...]], passages: Sequence[Span]) -> SpanScores:
    """Each piece of evidence counts where it is held best, so that one copy of it is enough."""
    best = [max(places, key=lambda span: span_scores([span], passages).recall) for places in evidence]
    return span_scores(best, passages)


def _within(chunks: Sequence[Chunk], budget: int) -> list[Span]:
    """The spans of the first passages up to `budget` tokens, the last one in part: sizes are not compared by what is left over."""
    spans: list[Span] = []
    for chunk in chunks:
        share = min(1.0, budget / chunk.token_count) if chunk.token_count else 1.0
        spans.append((chunk.doc_id, chunk.start_char, chunk.start_char + int(len(chunk.text) * share)))
        budget -= chunk.token_count
        if budget <= 0:
            break
    return spans


def main() -> None:
    """Prints a row a strategy, and how each differs from the first in recall within a budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--grid", default=GRID)
    parser.add_argument("--stage", default="hybrid", choices=STAGES)
    parser.add_argument("--cache", type=Path, default=Path(".cache/chunking"))
    parser.add_argument("--out", type=Path, help="per-question values as JSON")
    arguments = parser.parse_args()
    dataset = read_dataset(convert(arguments.folder, arguments.cache / "dataset"))
    print(f"{dataset.name}: {len(dataset.judged)} questions; {arguments.stage}", flush=True)
    grid = arguments.grid.split(",")
    table: dict[str, Values] = {}
    copies: Copies = {}
    for name in grid:
        indexed = index_dataset(dataset, settings_of(name, arguments.stage), arguments.cache)
        copies = copies or copies_of(indexed, dataset)
        table[name] = measure(indexed, dataset, arguments.stage, copies)
        passages = indexed.engine.catalog.counts()["passages"]
        means = {column: float(np.mean(list(by.values()))) for column, by in table[name].items()}
        told = "  ".join(f"{c} {m:.0f}" if "tokens" in c else f"{c} {m:.4f}" for c, m in means.items())
        print(f"{name:<20} {passages:>5} passages  {told}", flush=True)
        indexed.engine.close()
        if arguments.out:
            arguments.out.write_text(json.dumps(table), encoding="utf-8")
    for column in (*(f"R in {budget}" for budget in BUDGETS), "R in context"):
        _print_differences(table, column, grid)


def _print_differences(table: dict[str, Values], column: str, grid: Sequence[str]) -> None:
    """Paired by question; p by the permutation test, corrected for the number of strategies (Holm, 1979)."""
    found: dict[str, Difference] = {
        name: paired_difference(table[grid[0]][column], table[name][column]) for name in grid[1:]
    }
    corrected = holm([difference.p for difference in found.values()])
    print(f"{column}: difference to {grid[0]}")
    for (name, d), p in zip(found.items(), corrected, strict=True):
        print(f"  {name:<20} {d.mean:+.4f} [{d.low:+.4f}, {d.high:+.4f}]  p {d.p:.4f}, corrected {p:.4f}")


if __name__ == "__main__":
    main()
