"""BM25: the inverted index against exact BM25 by rank_bm25 on the same tokens: the first ten, and the time of a query, top 100.

python benchmarks/lexical.py SCIFACT_FOLDER [--queries 100]
python benchmarks/lexical.py --made 250000 [--queries 20]

The time of the inverted index includes the analysis of the question, that of rank_bm25 does not. Both run in one process on one thread, by turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from made import engine_of
from measuring import describe_machine

from citewell.core.settings import load_settings
from citewell.evaluation.topics.corpora import JsonlCorpus
from citewell.evaluation.topics.datasets import read_dataset
from citewell.index.analysis import analyse
from citewell.index.lexical import LexicalIndex, LexicalRow, open_lexical, write_lexical

DEPTH = 100
AT = 10
ROUNDS = 3


def main() -> None:
    """Prints the overlap, both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, nargs="?")
    parser.add_argument("--made", type=int, help="so many made-up passages instead of a dataset")
    parser.add_argument("--queries", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.made:
            texts, questions = made(Path(folder) / "engine", arguments.made, arguments.queries)
        else:
            texts, questions = read(arguments.dataset, arguments.queries)
        indexes: dict[str, LexicalIndex] = {}
        for engine in ("tantivy", "rank_bm25"):
            (place := Path(folder, engine)).mkdir()
            began = time.perf_counter()
            write_lexical(engine, (LexicalRow(n, "en", text) for n, text in enumerate(texts)), place)
            indexes[engine] = open_lexical(engine, place)
            print(f"{engine}: {len(texts)} passages indexed and opened in {time.perf_counter() - began:.1f} s")
        compare(indexes["tantivy"], indexes["rank_bm25"], questions)


def read(folder: Path, count: int) -> tuple[list[str], list[str]]:
    """The passages and questions of a dataset."""
    dataset = read_dataset(folder, limit=count, judged_only=True)
    entries = JsonlCorpus(dataset.name, folder / "corpus.jsonl").entries()
    texts = [f"{e.document.title}\n{e.document.text}" for e in entries if e.document is not None]
    return texts, [topic.text for topic in dataset.topics]


def made(directory: Path, count: int, questions: int) -> tuple[list[str], list[str]]:
    """Made-up passages and questions."""
    corpus = engine_of(directory, load_settings()).__dict__["embedder"]
    texts = [
        passage.text
        for first in range(0, count, 10_000)
        for passage in corpus.passages(first, min(10_000, count - first))
    ]
    return texts, [text for text, _ in corpus.questions(questions)]


def compare(ours: LexicalIndex, exact: LexicalIndex, questions: Sequence[str]) -> None:
    """Asks both each question, by turns."""
    overlaps: list[float] = []
    times: dict[str, list[float]] = {"tantivy": [], "rank_bm25": []}
    for number in range(ROUNDS):
        for question in questions:
            began = time.perf_counter()
            found, _ = ours.best(analyse(question), DEPTH)
            times["tantivy"].append(time.perf_counter() - began)
            terms = analyse(question)
            began = time.perf_counter()
            best, scores = exact.best(terms, DEPTH)
            times["rank_bm25"].append(time.perf_counter() - began)
            if number == 0 and len(best):
                right = set(best[: np.count_nonzero(scores >= scores[min(AT, len(scores)) - 1] - 1e-6)].tolist())
                wanted = min(AT, len(best))
                overlaps.append(len(right & set(found[:AT].tolist())) / wanted)
    ms = {engine: statistics.median(spent) * 1000 for engine, spent in times.items()}
    print(
        f"{len(questions)} questions, {describe_machine()}: overlap of the first {AT} with exact BM25 {np.mean(overlaps):.4f}"
    )
    print(
        f"median of a query, top {DEPTH}: tantivy {ms['tantivy']:.2f} ms, rank_bm25 {ms['rank_bm25']:.2f} ms: {ms['rank_bm25'] / ms['tantivy']:.0f} times"
    )


if __name__ == "__main__":
    main()
