"""Lexical queries a second: the inverted index against rank_bm25, the same tokens, in one run on one thread.

python benchmarks/lexical.py SCIFACT_FOLDER [--queries 100]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from citewell.evaluation.topics.corpora import JsonlCorpus
from citewell.evaluation.topics.datasets import read_dataset
from citewell.index.analysis import analyse
from citewell.index.lexical import open_lexical, write_lexical

DEPTH = 100
ROUNDS = 3


def main() -> None:
    """Prints both rates and their ratio; rounds alternate, so that a slow moment hits both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--queries", type=int, default=100)
    arguments = parser.parse_args()
    dataset = read_dataset(arguments.dataset, limit=arguments.queries, judged_only=True)
    entries = JsonlCorpus(dataset.name, arguments.dataset / "corpus.jsonl").entries()
    texts = [f"{e.document.title}\n{e.document.text}" for e in entries if e.document is not None]
    queries = [analyse(topic.text) for topic in dataset.topics]
    seconds = {"tantivy": 0.0, "rank_bm25": 0.0}
    with tempfile.TemporaryDirectory() as directory:
        indexes = {}
        for engine in seconds:
            folder = Path(directory, engine)
            folder.mkdir()
            started = time.perf_counter()
            write_lexical(engine, ((n, text, "en") for n, text in enumerate(texts)), folder)
            indexes[engine] = open_lexical(engine, folder)
            print(f"{engine}: {len(texts)} passages indexed and opened in {time.perf_counter() - started:.1f} s")
        for _ in range(ROUNDS):
            for engine, index in indexes.items():
                started = time.perf_counter()
                for terms in queries:
                    index.best(terms, DEPTH, ())
                seconds[engine] += time.perf_counter() - started
    rates = {engine: ROUNDS * len(queries) / spent for engine, spent in seconds.items()}
    for engine, rate in rates.items():
        print(f"{engine}: {rate:.0f} queries/s at depth {DEPTH}")
    print(f"ratio {rates['tantivy'] / rates['rank_bm25']:.1f}")


if __name__ == "__main__":
    main()
