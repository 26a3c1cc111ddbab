"""Answers without a language model: what is answered and how well, what is refused, what is cited, how long it takes.

    python benchmarks/answers.py DATASET... [--limit N] [--without-article] [--every K] [--cache DIR] [--out FILE.jsonl]

Each citation is read back from the catalog. With `--without-article` every K-th answerable question is asked once more without the
documents of the same title as those that hold its answer: nothing answers it then. A row a question goes to FILE.jsonl, as it is made.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from measuring import describe_machine, percentiles

from citewell.core.scores import auroc
from citewell.core.settings import load_settings
from citewell.evaluation.answers import Played, Player, askable, holds
from citewell.evaluation.evidence_fit import calibration_error
from citewell.evaluation.indexing import Indexed, index_dataset
from citewell.evaluation.measures.abstention import risk_coverage, threshold_for_risk
from citewell.evaluation.measures.answers import contains, token_f1
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.types import Dataset

RISKS = (0.05, 0.1)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one question; `article` says whether the documents that answer it could be found."""

    question: str
    article: bool
    answerable: bool
    answered: bool
    probability: float
    uncalibrated: str
    right: bool
    found_right: bool
    contains: float | None
    short_f1: float | None
    precision: float | None
    evidence: bool | None
    words: int
    sentences: int
    citations: int
    broken: int
    ms: dict[str, float]


def main() -> None:
    """Prints a paragraph a dataset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--without-article", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path(".cache/datasets"))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    print(describe_machine())
    settings = load_settings()
    for name in arguments.datasets:
        dataset = read_dataset(Path(name), limit=arguments.limit)
        indexed = index_dataset(dataset, settings, arguments.cache, arguments.cache)
        rows = []
        for row in play(indexed, dataset, arguments.every if arguments.without_article else 0):
            rows.append(row)
            if arguments.out:
                with arguments.out.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps({"dataset": name, **{k: getattr(row, k) for k in Row.__slots__}}) + "\n")
        tell(name, rows)


def play(indexed: Indexed, dataset: Dataset, every: int) -> Iterator[Row]:
    """Every question, and every so many an answerable one without its article."""
    player, engine = Player(indexed, dataset), indexed.engine
    titles = {summary.doc_id: summary.title for summary in engine.catalog.summaries()}
    answerable = 0
    for topic in askable(dataset)[0]:
        played, _ = player.play(topic)
        yield _row(played, indexed, article=True)
        answerable += bool(topic.answerable)
        named = sorted({titles[d] for d in played.gold.documents if titles.get(d) and '"' not in titles[d]})
        if every and topic.answerable and answerable % every == 0 and named:
            values = ",".join(f'"{title}"' for title in named)
            without = replace(topic, answerable=False, answers=(), filter=f"NOT title={values}")
            yield _row(player.play(without)[0], indexed, article=False)


def _row(played: Played, indexed: Indexed, *, article: bool) -> Row:
    topic, answer = played.topic, played.answer
    accepted = topic.answers if played.answerable else ()
    held = [holds(c, topic, played.gold) for c in played.citations]
    known = played.answerable and (played.gold.level != "unknown" or bool(topic.answers))
    stored = [
        indexed.engine.catalog.text_at(c.doc_id, c.version, c.start_char, c.end_char) == c.quote
        for c in played.citations
    ]
    return Row(
        question=topic.text, article=article, answerable=played.answerable, answered=played.answered,
        probability=answer.sufficiency.probability if played.found else 0.0, uncalibrated=answer.sufficiency.uncalibrated,
        right=played.right, found_right=played.found_right,
        contains=float(contains(played.said, accepted)) if accepted else None,
        short_f1=token_f1(answer.short_answer or played.said, accepted) if accepted else None,
        precision=sum(held) / len(held) if held and known else None, evidence=any(held) if known else None,
        words=len(played.said.split()), sentences=len(answer.sentences), citations=len(stored), broken=stored.count(False),
        ms=dict(answer.timings_ms),
    )  # fmt: skip


def tell(name: str, rows: list[Row]) -> None:
    """The figures of one dataset."""
    full, without = [r for r in rows if r.article], [r for r in rows if not r.article]
    able, unable = [r for r in full if r.answerable], [r for r in full if not r.answerable]
    said = [r for r in able if r.answered]
    notes = sorted({r.uncalibrated for r in full if r.uncalibrated})
    print(
        f"\n{name}: {len(able)} answerable, {len(unable)} not{'; UNCALIBRATED: ' + '; '.join(notes) if notes else ''}"
    )
    print(
        f"  citations read back {sum(r.citations for r in rows)} of {sum(r.answered for r in rows)} answers, broken {sum(r.broken for r in rows)}; "
        f"at most {max(r.sentences for r in rows)} sentences, {max(r.words for r in rows)} words"
    )
    print(
        f"  answered {_share(r.answered for r in able)} of the answerable, {_share(r.answered for r in unable)} of the others"
    )
    print(
        f"  containment {_mean(r.contains for r in said)} of those answered ({_mean(r.contains for r in able)} of all); short F1 {_mean(r.short_f1 for r in said)} "
        f"({_mean(r.short_f1 for r in able)}); citation precision {_mean(r.precision for r in said)}, evidence cited {_mean(r.evidence for r in said)} ({_mean(r.evidence for r in able)})"
    )
    print(f"  right, or rightly silent {_share(r.right for r in full)}")
    for what, others in (("the unanswerable", unable), ("those without their article", without)):
        told = auroc([r.probability for r in able], [r.probability for r in others])
        if told is not None and others:
            print(
                f"  AUROC against {what} {told:.3f} ({len(others)}); answered {_share(r.answered for r in others)} of these"
            )
    curve = risk_coverage([r.probability for r in full], [r.found_right for r in full])
    points = {risk: threshold_for_risk(curve, risk) for risk in RISKS}
    print(
        "  coverage of all at risk "
        + ", ".join(f"{risk}: {p.coverage if p else 0:.3f}" for risk, p in points.items())
        + "; risk at coverage "
        + ", ".join(
            f"{c}: {next((p.risk for p in curve if p.coverage >= c), 1.0):.3f}" for c in (0.1, 0.2, 0.3, 0.4, 0.5)
        )
    )
    truth = np.array([r.answerable for r in full])
    print(f"  expected calibration error {calibration_error(np.array([r.probability for r in full]), truth):.3f}")
    stages: dict[str, list[float]] = defaultdict(list)
    for row in full:
        for stage, ms in row.ms.items():
            stages[stage].append(ms)
    times = {stage: percentiles(ms) for stage, ms in stages.items()}
    print("  ms p50/p95: " + ", ".join(f"{stage} {a:.0f}/{b:.0f}" for stage, (a, b) in times.items()))


def _share(flags: Iterator[bool]) -> str:
    found = list(flags)
    return f"{sum(found) / len(found):.3f}" if found else "-"


def _mean(values: Iterator[float | None]) -> str:
    found = [float(v) for v in values if v is not None]
    return f"{statistics.fmean(found):.3f}" if found else "-"


if __name__ == "__main__":
    began = time.perf_counter()
    main()
    print(f"\n{time.perf_counter() - began:.0f} s")
