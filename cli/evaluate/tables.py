"""Figures as tables for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from citewell.evaluation.record import AnswersRecord, Record, RetrievalRecord

NO_TERMINAL_WIDTH = 200


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One table, the first column to the left; in a log or a pipe nothing is wrapped."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), box=box.SIMPLE_HEAD, title_justify="left")
    for number, name in enumerate(header):
        table.add_column(escape(name), justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(escape, row))
    console = Console() if sys.stdout.isatty() else Console(width=NO_TERMINAL_WIDTH)
    console.print(table)


def print_retrieval(record: RetrievalRecord, *, slices: bool = False) -> None:
    """Stages in rows, measures in columns; recall by depth; the slices when asked for."""
    measures = list(next(iter(record.stages.values())))
    rows = [
        [stage, *(f"{by[m]:.4f}  [{lo:.3f}, {hi:.3f}]" for m in measures for lo, hi in [record.intervals[stage][m]])]
        for stage, by in record.stages.items()
    ]
    print_table(
        f"{record.dataset}: {record.topics} judged queries, mean and 95 % bootstrap interval",
        ["stage", *measures],
        rows,
    )
    depths = list(next(iter(record.depths.values())))
    print_table(
        "recall of relevant documents by depth",
        ["stage", *depths],
        [[stage, *(f"{by[d]:.4f}" for d in depths)] for stage, by in record.depths.items()],
    )
    into = record.into_rerank
    order = ", ".join(f"{k.removeprefix('order ')} {v:.4f}" for k, v in into.items() if k.startswith("order"))
    order = f"; order, as a share of the best one's nDCG@10: {order}" if order else ""
    click.echo(f"Into the reranker (first {into['depth']:.0f} passages): recall {into['recall']:.4f}{order}")
    if record.passages:
        columns = list(next(iter(record.passages.values())))
        print_table(
            "passages against evidence spans",
            ["stage", *columns],
            [[stage, *(f"{by[c]:.4f}" for c in columns)] for stage, by in record.passages.items()],
        )
    if slices:
        _print_slices(record, measures[0])
    _close(record)


def _print_slices(record: RetrievalRecord, measure: str) -> None:
    stages = list(record.stages)
    for name, values in record.slices.items():
        rows = [
            [value, str(cell["topics"]), *(f"{cell['stages'][s][measure]:.4f}" for s in stages)]
            for value, cell in values.items()
        ]
        print_table(f"{measure} by {name}", [name, "topics", *stages], rows)


def print_answers(record: AnswersRecord) -> None:
    """Answers, citations, refusals, the waterfall and where the time went."""
    from citewell.evaluation.record import ANSWER_MEASURES
    from citewell.evaluation.waterfall import STEPS

    rows = []
    for name, meaning in ANSWER_MEASURES.items():
        values = record.per_topic.get(name, {})
        if values:
            low, high = record.intervals[name]
            rows.append(
                [meaning, f"{sum(values.values()) / len(values):.4f}", f"[{low:.3f}, {high:.3f}]", str(len(values))]
            )
    title = f"{record.dataset}: {record.topics} questions, {record.answerable} answerable, {record.unanswerable} not"
    print_table(title, ["measure", "mean", "95 % interval", "questions"], rows)
    found = record.abstention
    auroc = "-" if found.auroc is None else f"{found.auroc:.4f}"
    click.echo(f"abstention: precision {found.precision:.4f}, recall {found.recall:.4f}, F1 {found.f1:.4f}; sufficiency AUROC {auroc}, AURC {found.aurc:.4f}")  # fmt: skip
    risk = "-" if found.risk is None else f"{found.risk:.4f}"
    click.echo(f"at the threshold {found.threshold:.2f}: {found.coverage:.4f} are answered, {risk} of the answers are wrong")  # fmt: skip
    for met, how in ((found.threshold_for_risk, "on these questions"), (found.threshold_for_risk_sure, "with 95 % confidence")):  # fmt: skip
        reached = "no threshold" if met is None else f"threshold {met.threshold:.4f} (coverage {met.coverage:.4f})"
        click.echo(f"  a risk of {found.stated_risk:.2f} {how}: {reached}")
    if record.overall:
        click.echo(f"over all questions, silence right where nothing answers: EM {record.overall['em']:.4f}, F1 {record.overall['f1']:.4f}")  # fmt: skip
    click.echo("citation recall by verifier: " + ", ".join(f"{n} {v:.4f}" for n, v in record.by_verifier.items()))
    click.echo("mean tokens: " + ", ".join(f"{n.removesuffix('_tokens')} {v:.1f}" for n, v in record.tokens.items()))
    click.echo(f"citations read back from the store: {record.citations['checked']}, of which differ: {record.citations['broken']}")  # fmt: skip
    print_table(
        f"the first stage that lost the evidence, of {record.waterfall.answerable} answerable questions",
        ["step", "count", "for example"],
        [
            [STEPS[step], str(count), " ".join(record.waterfall.examples.get(step, [])[:3])]
            for step, count in record.waterfall.counts.items()
        ],
    )
    for reason, count in record.waterfall.reasons.get("dropped", {}).items():
        click.echo(f"  dropped, {reason}: {count}")
    print_table(
        "milliseconds by stage",
        ["stage", "p50", "p95"],
        [[s, f"{t.p50:.1f}", f"{t.p95:.1f}"] for s, t in record.latency_ms.items()],
    )
    if record.judge:
        judge = record.judge
        click.echo(f"judge {judge.name}: accepts {judge.accepted:.4f} of {judge.judged} answers, kappa with the labels {judge.kappa:.4f}")  # fmt: skip
    _close(record)


def _close(record: Record) -> None:
    for note in record.notes:
        click.echo(note)
    click.echo(f"config {record.config_hash}, generation {record.generation}, corpus {record.provenance.corpus_sha256[:12]}")  # fmt: skip
