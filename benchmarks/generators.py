"""What generators write: with verification and without, beside quotation, on the same questions.

    python benchmarks/generators.py DATASET [--model NAME ...] [--limit N] [--answer-tokens N] [--context-tokens N] [--cache DIR] [--out FILE.jsonl]

NAME is what `generate.model` takes, `+lines` after it when the model is asked for lines instead of JSON; `extractive` quotes. "Drafted" is
what the model wrote first, which would have left without verification; "served" what left, quoted where nothing of the model's was accepted.
Citation precision is the share of cited spans that hold the evidence, recall the share of answers that cite it at all. Rows go to FILE.jsonl as
they are made, and questions that are there already are not asked again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from measuring import describe_machine, percentiles

from citewell.core.answers import Draft, Sentence
from citewell.core.protocols import Generator
from citewell.core.settings import load_settings
from citewell.evaluation.answers import Player, askable, holds
from citewell.evaluation.indexing import Indexed, index_dataset
from citewell.evaluation.measures.answers import contains, token_f1
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.gold import Gold
from citewell.evaluation.topics.types import Dataset, Topic

QUOTES = "extractive"


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--model", action="append", dest="models")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--answer-tokens", type=int, default=96)
    parser.add_argument("--context-tokens", type=int, default=768)
    parser.add_argument("--cache", type=Path, default=Path(".cache/datasets"))
    parser.add_argument("--out", type=Path, default=Path("generators.jsonl"))
    arguments = parser.parse_args()
    print(describe_machine())
    dataset = read_dataset(arguments.dataset, limit=arguments.limit)
    for model in arguments.models or [QUOTES, "smollm2"]:
        named, _, form = ("" if model == QUOTES else model).partition("+")
        settings = load_settings(
            generate={
                "model": named,
                "structured": form != "lines",
                "answer_tokens": arguments.answer_tokens,
                "timeout_s": 300.0,
            },
            context={"tokens": arguments.context_tokens},
        )
        indexed = index_dataset(dataset, settings, arguments.cache, arguments.cache)
        play(indexed, dataset, model, arguments.out)
    tell([json.loads(line) for line in arguments.out.read_text(encoding="utf-8").splitlines()], dataset.name)


def play(indexed: Indexed, dataset: Dataset, model: str, out: Path) -> None:
    """Asks what was not asked yet."""
    known = {(row["dataset"], row["model"], row["query_id"]) for row in _rows(out)}
    player = Player(indexed, dataset)
    drafts = recorded(indexed.engine.generator)
    for topic in askable(dataset)[0]:
        if (dataset.name, model, topic.query_id) in known:
            continue
        drafts.clear()
        began = time.perf_counter()
        played, _ = player.play(topic)
        seconds = time.perf_counter() - began
        answer = played.answer
        row = {
            "dataset": dataset.name, "model": model, "query_id": topic.query_id, "answerable": bool(topic.answerable), "status": answer.status,
            "route": answer.route, "reasons": list(answer.reasons), "seconds": seconds, "usage": dict(answer.usage),
            "checks": len(answer.checks), "dropped": sum(not check.kept for check in answer.checks),
            "asked": bool(drafts) or model == QUOTES, "drafting": sum(seconds for _, seconds in drafts),
            "drafted": _figures(topic, played.gold, drafts[0][0].sentences if drafts else ()), "served": _figures(topic, played.gold, answer.sentences),
            "broken": sum(indexed.engine.catalog.text_at(c.doc_id, c.version, c.start_char, c.end_char) != c.quote for c in played.citations),
        }  # fmt: skip
        with out.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")


def recorded(generator: Generator) -> list[tuple[Draft, float]]:
    """The drafts of a generator with the seconds that each took, from now on; one that it did not finish is empty."""
    drafts: list[tuple[Draft, float]] = []
    write = generator.generate

    def writing(*arguments: Any) -> Draft:
        began, draft = time.perf_counter(), Draft((), generator.route)
        try:
            draft = write(*arguments)
            return draft
        finally:
            drafts.append((draft, time.perf_counter() - began))

    generator.generate = writing  # type: ignore[method-assign]
    return drafts


def _rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.is_file() else []


def _figures(topic: Topic, gold: Gold, sentences: Sequence[Sentence]) -> dict[str, float | None]:
    said = " ".join(sentence.text for sentence in sentences)
    citations = [citation for sentence in sentences for citation in sentence.citations]
    judged = bool(topic.answerable) and bool(sentences)
    return {
        "sentences": len(sentences), "citations": len(citations),
        "f1": token_f1(said, topic.answers) if judged and topic.answers else None,
        "contains": float(contains(said, topic.answers)) if judged and topic.answers else None,
        "precision": sum(holds(c, topic, gold) for c in citations) / len(citations) if judged and citations else None,
        "recall": float(any(holds(c, topic, gold) for c in citations)) if judged else None,
    }  # fmt: skip


def tell(rows: list[dict[str, Any]], dataset: str) -> None:
    """A line for each model."""
    by: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["dataset"] == dataset:
            by[row["model"]].append(row)
    for model, own in by.items():
        able = [row for row in own if row["answerable"]]
        print(f"\n{dataset}, {model}: {len(own)} questions, {len(able)} answerable")
        print(
            f"  answered {_share(r['status'] != 'abstained' for r in able)} of the answerable, {_share(r['status'] != 'abstained' for r in own if not r['answerable'])} of the others; "
            f"the model was asked {sum(r['asked'] for r in own)} times, and {sum(r['route'] != QUOTES for r in own)} answers are its own"
        )
        for what in ("drafted", "served"):
            told = [row[what] for row in able]
            print(
                f"  {what}: F1 {_mean(t['f1'] for t in told)}, containment {_mean(t['contains'] for t in told)}, citation precision {_mean(t['precision'] for t in told)}, recall {_mean(t['recall'] for t in told)}, sentences {sum(row[what]['sentences'] for row in own)}"
            )
        checks, dropped = sum(r["checks"] for r in own), sum(r["dropped"] for r in own)
        print(
            f"  sentences checked {checks}, dropped {dropped}; citations that do not resolve {sum(r['broken'] for r in own)}"
        )
        reasons = sorted({reason for row in own for reason in row["reasons"]})
        print("  " + ", ".join(f"{reason} {sum(reason in r['reasons'] for r in own)}" for reason in reasons))
        p50, p95 = percentiles([r["seconds"] for r in own])
        print(
            f"  seconds p50 {p50:.1f}, p95 {p95:.1f}; of these for the first draft, mean {_mean(r['drafting'] for r in own if r['asked'])}"
        )


def _share(flags: Iterable[bool]) -> str:
    found = list(flags)
    return f"{sum(found) / len(found):.3f}" if found else "-"


def _mean(values: Iterable[float | None]) -> str:
    found = [value for value in values if value is not None]
    return f"{statistics.fmean(found):.3f} ({len(found)})" if found else "-"


if __name__ == "__main__":
    main()
