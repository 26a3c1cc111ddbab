"""Asks judged questions and checks every citation; prints how many answers cite a relevant document and how many refusals are right.

    python benchmarks/answers.py sample
    python benchmarks/answers.py DATASET_FOLDER --limit 200      a BEIR folder with answers.jsonl, such as squad_v2

A citation counts as checked when its quote is the stored text at its span, read anew from the catalog.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from citewell.core.errors import DocumentNotFound
from citewell.core.resources import package_path
from citewell.core.settings import load_settings
from citewell.core.types import Answer
from citewell.evaluation.datasets import read_dataset, read_qrels
from citewell.evaluation.retrieval import index_dataset
from citewell.pipeline.ask import ask
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine


@dataclass(frozen=True, slots=True)
class Topic:
    """A question, whether the documents answer it, the accepted answers, and the grades of documents."""

    query_id: str
    text: str
    answerable: bool
    answers: tuple[str, ...]
    grades: Mapping[str, int]


@dataclass(slots=True)
class Tally:
    """What was counted."""

    citations: int = 0
    wrong_quotes: int = 0
    unknown_documents: int = 0
    answered: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    asked: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    relevant: int = 0
    contained: int = 0


def jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file."""
    with path.open(encoding="utf-8") as stream:
        yield from (json.loads(line) for line in stream if line.strip())


def sample(cache: Path) -> tuple[Engine, list[Topic]]:
    """The bundled sample documents and topics."""
    folder = package_path("data", "sample")
    engine = Engine(cache / "sample", load_settings())
    ingest_paths(engine, [folder / "corpus"], source="sample", prune=True)
    qrels = read_qrels(folder / "qrels" / "test.tsv")
    topics = [
        Topic(
            row["_id"], row["text"], row["answerable"], tuple(row["answers"]),
            {f"sample/{d}": g for d, g in qrels.get(row["_id"], {}).items()},
        )
        for row in jsonl(folder / "topics.jsonl")
    ]  # fmt: skip
    return engine, topics


def dataset(folder: Path, cache: Path, limit: int) -> tuple[Engine, list[Topic]]:
    """A BEIR folder with answers.jsonl: its first `limit` questions in file order, answerable or not."""
    engine, _ = index_dataset(read_dataset(folder), load_settings(), cache)
    qrels = read_qrels(folder / "qrels" / "test.tsv")
    texts = {row["_id"]: row["text"] for row in jsonl(folder / "queries.jsonl")}
    rows = [row for row in jsonl(folder / "answers.jsonl") if row["_id"] in texts]
    step = max(1, len(rows) // limit)  # spread over all articles
    return engine, [
        Topic(row["_id"], texts[row["_id"]], row["answerable"], tuple(row["answers"]), qrels.get(row["_id"], {}))
        for row in rows[::step][:limit]
    ]


def count(engine: Engine, topic: Topic, answer: Answer, tally: Tally) -> None:
    """Adds one answer to the tally."""
    tally.asked[topic.answerable] += 1
    tally.answered[topic.answerable] += answer.status != "abstained"
    cited = [citation for sentence in answer.sentences for citation in sentence.citations]
    for citation in cited:
        tally.citations += 1
        try:
            document = engine.catalog.document(citation.doc_id, citation.version)
        except DocumentNotFound:
            tally.unknown_documents += 1
            continue
        tally.wrong_quotes += document.text[citation.start_char : citation.end_char] != citation.quote
    if topic.answerable and cited:
        tally.relevant += any(topic.grades.get(c.uri, 0) > 0 for c in cited)
        said = " ".join(c.quote for c in cited).casefold()
        tally.contained += any(a.casefold() in said for a in topic.answers)


def report(name: str, tally: Tally) -> str:
    """The table."""
    answerable, others = tally.asked[True], tally.asked[False]
    rows = [
        (f"{name}: questions asked", answerable + others, ""),
        ("citations checked", tally.citations, ""),
        ("  whose quote differs from the stored text", tally.wrong_quotes, ""),
        ("  that name a document that does not exist", tally.unknown_documents, ""),
        ("answerable questions", answerable, ""),
        ("  answered", tally.answered[True], f"{tally.answered[True] / max(answerable, 1):.3f}"),
        ("  that cite a relevant document", tally.relevant, f"{tally.relevant / max(answerable, 1):.3f}"),
        (
            "  whose quotes hold an accepted answer word for word",
            tally.contained,
            f"{tally.contained / max(answerable, 1):.3f}",
        ),
        ("unanswerable questions", others, ""),
        ("  abstained", others - tally.answered[False], f"{(others - tally.answered[False]) / max(others, 1):.3f}"),
    ]
    return "\n".join(f"{label:<55}{value:>6}  {share}" for label, value, share in rows)


def main() -> None:
    """Asks, counts, prints; exits with 1 when a citation did not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="`sample` or a folder")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--cache", type=Path, default=Path(".cache/answers"))
    parser.add_argument("--verbose", action="store_true", help="also print each question with its outcome")
    arguments = parser.parse_args()
    if arguments.dataset == "sample":
        engine, topics = sample(arguments.cache)
    else:
        engine, topics = dataset(Path(arguments.dataset), arguments.cache, arguments.limit)
    tally = Tally()
    for topic in topics:
        answer = ask(engine, topic.text)
        count(engine, topic, answer, tally)
        if arguments.verbose:
            cited = [f"{c.uri}: {c.quote[:90]}" for s in answer.sentences for c in s.citations]
            print(
                f"{topic.query_id} answerable={topic.answerable} {answer.status} {answer.sufficiency:.2f} {topic.text}\n    {cited}"
            )
    print(report(Path(arguments.dataset).name, tally))
    sys.exit(bool(tally.wrong_quotes or tally.unknown_documents))


if __name__ == "__main__":
    main()
