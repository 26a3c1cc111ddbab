"""The reader with the right passage given: exact match and F1 of its answers, and how well it tells that there is none.

python benchmarks/reader.py SQUAD_V2_FOLDER [--limit N] [--model NAME] [--cache DIR]

A question's passage is the document that its qrels name. Against random passages, each question is also read over the passage of
another one, drawn from a seed.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from citewell.core.models import model_folder
from citewell.core.scores import auroc
from citewell.core.settings import RerankSettings, load_settings
from citewell.core.types import Chunk, Query
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.measures.answers import exact_match, token_f1
from citewell.evaluation.topics.datasets import read_dataset
from citewell.rerank.reader import ReadingCrossEncoder

SEED = 13


def main() -> None:
    """Reads every question over its passage and over a random one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--model", default="citewell-reader", help="a cross-encoder with a reader")
    parser.add_argument("--max-tokens", type=int, default=384)
    parser.add_argument("--cache", type=Path, default=Path(".cache/datasets"))
    arguments = parser.parse_args()
    dataset = read_dataset(arguments.dataset, limit=arguments.limit)
    indexed = index_dataset(dataset, load_settings(chunking={"method": "none"}), arguments.cache, arguments.cache)
    ids = {name: doc_id for doc_id, name in indexed.names.items()}
    passages: dict[str, Chunk] = {name: indexed.engine.catalog.chunks_of(doc_id)[0] for name, doc_id in ids.items()}
    settings = RerankSettings(max_tokens=arguments.max_tokens)
    reader = ReadingCrossEncoder(model_folder(arguments.model), settings)
    chance = random.Random(SEED)
    names = sorted(passages)
    exact: list[float] = []
    f1: list[float] = []
    answerable: dict[str, list[float]] = {"yes": [], "no": [], "random": []}
    for topic in dataset.topics:
        named = [item.document for item in topic.evidence] or list(dataset.qrels.get(topic.query_id, {}))
        if not named:
            continue
        passage, other = passages[named[0]], passages[chance.choice([name for name in names if name != named[0]])]
        own, wrong = reader.read(Query(topic.text), [passage, other])
        answerable["yes" if topic.answerable else "no"].append(own.answerable)
        if topic.answerable:
            answerable["random"].append(wrong.answerable)
            found = passage.text[own.start_char : own.end_char]
            exact.append(exact_match(found, topic.answers))
            f1.append(token_f1(found, topic.answers))
    print(f"{dataset.name}: {len(f1)} answerable, {len(answerable['no'])} unanswerable questions")
    print(f"exact match {100 * sum(exact) / len(exact):.1f}   F1 {100 * sum(f1) / len(f1):.1f}")
    print(f"AUROC of no answer: adversarial {auroc(answerable['yes'], answerable['no']):.3f}, random passages {auroc(answerable['yes'], answerable['random']):.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
