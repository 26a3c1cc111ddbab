"""Chunkers compared on exact evidence spans: how much of the evidence the best passages hold, and how much else.

    python benchmarks/chunking.py CHUNKING_EVAL_FOLDER [--max-tokens 96,160,256,400] [--cache DIR]

CHUNKING_EVAL_FOLDER holds questions.jsonl (`question`, `corpus`, `references` with `content`, `start_index`) and corpora/NAME.md. Passages
of one chunker are not those of another, so all are judged by characters; recall within the context's token budget is the fair
comparison.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from citewell.core.settings import load_settings
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.retrieval import evaluate_retrieval
from citewell.evaluation.topics.datasets import read_dataset

COLUMNS = ("passage nDCG@10", "span R@5", "span P@5", "span IoU@5", "span R@10")


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


def main() -> None:
    """Prints a row a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--max-tokens", default="96,160,256,400")
    parser.add_argument("--cache", type=Path, default=Path(".cache/chunking"))
    arguments = parser.parse_args()
    dataset = read_dataset(convert(arguments.folder, arguments.cache / "dataset"))
    print(f"{dataset.name}: {len(dataset.judged)} questions; hybrid")
    for size in map(int, arguments.max_tokens.split(",")):
        settings = load_settings(chunking={"max_tokens": size, "min_tokens": min(48, size // 2)})
        indexed = index_dataset(dataset, settings, arguments.cache)
        record = evaluate_retrieval(indexed, dataset, stages=["hybrid"])
        row = record.passages["hybrid"]
        budget = next(name for name in row if name.startswith("span R in"))
        passages = indexed.engine.catalog.counts()["passages"]
        print(
            f"max_tokens {size:>4}: {passages:>5} passages  "
            + "  ".join(f"{c} {row[c]:.4f}" for c in (*COLUMNS, budget))
        )
        indexed.engine.close()


if __name__ == "__main__":
    main()
