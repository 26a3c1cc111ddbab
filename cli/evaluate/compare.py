"""`citewell evaluate compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from citewell.cli.evaluate.common import PATH, deliver, json_option, names
from citewell.cli.evaluate.tables import print_table

if TYPE_CHECKING:
    from citewell.evaluation.compare import Comparison
    from citewell.evaluation.topics.types import Qrels


@click.command(short_help="Compare two runs or records topic by topic.")
@click.argument("run_a", type=PATH)
@click.argument("run_b", type=PATH)
@click.option("--dataset", type=PATH, help="Folder whose qrels/SPLIT.tsv judges TREC runs.")
@click.option("--qrels", type=PATH, help="Qrels that judge TREC runs (BEIR or TREC).")
@click.option("--split", default="test", show_default=True, help="qrels/SPLIT.tsv.")
@click.option("--measures", default="nDCG@10,R@100,RR@10,AP", show_default=True, callback=names, help="For TREC runs.")
@click.option("--stage", help="Of records of retrieval, compare only this stage.")
@json_option
def compare(
    run_a: Path, run_b: Path, dataset: Path | None, qrels: Path | None, split: str, measures: list[str], stage: str | None,
    out: str | None,
) -> None:  # fmt: skip
    """Compare RUN_B with RUN_A topic by topic: is the difference real?

    Each is a TREC run, judged by --qrels or --dataset, or a record written with --json by `evaluate retrieval` or `evaluate answers`.
    Shown are the paired difference with its 95 % bootstrap interval, the p of a permutation test, corrected for the number of
    measures (Holm), and the topics that changed most.

    \b
    citewell evaluate compare runs/scifact.bm25.run runs/scifact.hybrid.run --dataset scifact
    citewell evaluate compare before.json after.json
    """
    from citewell.evaluation.compare import compare as compare_sides
    from citewell.evaluation.compare import read_side

    judged = _qrels(dataset, qrels, split)
    comparison = compare_sides(*(read_side(path, judged, measures, stage) for path in (run_a, run_b)))
    if not deliver(comparison.as_json(), out):
        print_comparison(comparison)


def _qrels(dataset: Path | None, qrels: Path | None, split: str) -> Qrels | None:
    from citewell.evaluation.topics.datasets import read_dataset
    from citewell.evaluation.topics.trec import read_qrels

    if qrels is not None:
        return read_qrels(qrels)[0]
    if dataset is not None:
        return read_dataset(dataset, split=split, judged_only=True).qrels
    return None


def print_comparison(comparison: Comparison) -> None:
    """The measures, a verdict, and the topics that changed most."""
    rows = [
        [
            row.measure, f"{row.a:.4f}", f"{row.b:.4f}", f"{row.difference.mean:+.4f}",
            f"[{row.difference.low:+.4f}, {row.difference.high:+.4f}]", f"{row.difference.p:.4f}", f"{row.p_holm:.4f}",
            f"{row.difference.wins}/{row.difference.ties}/{row.difference.losses}", "yes" if row.significant else "no",
        ]
        for row in comparison.rows
    ]  # fmt: skip
    header = ["measure", "A", "B", "B - A", "95 % interval", "p", "p (Holm)", "wins/ties/losses", "significant"]
    print_table(f"A {comparison.a}, B {comparison.b}: {comparison.rows[0].topics} topics", header, rows)
    if not comparison.changed:
        click.echo("no difference: every topic has the same value in both")
    else:
        changed = [[c.query_id, f"{c.a:.4f}", f"{c.b:.4f}", f"{c.b - c.a:+.4f}"] for c in comparison.changed]
        print_table(f"changed most in {comparison.changed_in}", ["query", "A", "B", "B - A"], changed)
    for note in comparison.notes:
        click.echo(note)
