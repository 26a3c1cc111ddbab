"""`citewell evaluate gate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from citewell.cli.common import ConsoleProgress, Place, place_options
from citewell.cli.evaluate.common import PATH, Source, dataset_options, deliver, json_option
from citewell.cli.evaluate.tables import print_table

if TYPE_CHECKING:
    from citewell.evaluation.gate import Verdict


@click.command(short_help="Exit 1 when a measure falls against a baseline.")
@click.option("--baseline", type=PATH, help="Records to hold against (default: those of the sample data).")
@dataset_options
@click.option("--tolerance", default=0.02, show_default=True, type=click.FloatRange(0, 1), help="A larger fall of a mean fails, also when it is not significant; never less than 1.5 questions' worth.")  # fmt: skip
@click.option("--save", type=PATH, help="Measure, and write a baseline to FILE instead of judging.")
@json_option
@place_options
def gate(
    baseline: Path | None, source: Source, tolerance: float, save: Path | None, out: str | None, place: Place
) -> None:  # fmt: skip
    """Say whether to ship: exit 1 when a measure falls against the baseline, significantly or beyond the tolerance.

    A baseline is what --save writes, or a record written with --json by `evaluate retrieval` or `evaluate answers`. Its own topics
    are asked again. Without a baseline, the bundled one of the sample data is used.

    \b
    citewell evaluate gate
    citewell evaluate gate --dataset scifact --save scifact-baseline.json
    citewell evaluate gate --baseline scifact-baseline.json
    """
    settings = place.settings()
    from citewell.evaluation import gate as gating
    from citewell.evaluation.record import read_records, write_json

    known = [] if save else read_records(baseline or gating.sample_baseline())
    default = Path(known[0].provenance.location) if known else None
    data = source.read(default=default)
    if known:
        data = gating.same_topics(data, known)
    indexed = source.index(data, place, settings)
    with ConsoleProgress(f"questions of {data.name}") as progress:
        now = gating.measure_again(indexed, data, known, progress) if known else gating.measure(indexed, data, progress)
    indexed.engine.close()
    if save:
        write_json([gating.slim(record).model_dump(mode="json") for record in now], save)
        click.echo(f"baseline of {len(data.topics)} questions written to {save}")
        return
    verdict = gating.judge(known, now, tolerance)
    if not deliver(verdict.as_json(), out):
        print_verdict(verdict, tolerance)
    if not verdict.passed:
        sys.exit(1)


def print_verdict(verdict: Verdict, tolerance: float) -> None:
    """Every measure against the baseline, then what fell."""
    from citewell.evaluation.gate import allowed

    for comparison in verdict.comparisons:
        rows = [
            [
                r.measure,
                f"{r.a:.4f}",
                f"{r.b:.4f}",
                f"{r.difference.mean:+.4f}",
                f"{r.p_holm:.4f}",
                f"{allowed(tolerance, r.topics):.3f}",
            ]
            for r in comparison.rows
        ]
        header = ["measure", "baseline", "now", "change", "p (Holm)", "tolerance"]
        print_table(f"{comparison.b} against {comparison.a}", header, rows)
    for note in verdict.notes:
        click.echo(note)
    for fall in verdict.falls:
        click.secho(f"FAILED: {fall.sentence()}", fg="red")
    if verdict.passed:
        click.secho("passed: no measure fell", fg="green")
