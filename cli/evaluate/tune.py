"""`citewell evaluate tune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from citewell.cli.common import ConsoleProgress, Place, place_options
from citewell.cli.evaluate.common import PATH, Source, dataset_options, deliver, json_option
from citewell.cli.evaluate.tables import print_table

if TYPE_CHECKING:
    from citewell.evaluation.tune import Tuning


@click.command(short_help="Choose settings on judged questions, cross-validated.")
@dataset_options
@click.option("--measure", default="nDCG@10", show_default=True, help="What to improve, as in ir-measures.")
@click.option(
    "--folds", default=5, show_default=True, type=click.IntRange(2, 20), help="Parts of the cross-validation."
)
@click.option("--write", type=PATH, help="Set what was chosen in this settings file, if the gain is significant.")
@json_option
@place_options
def tune(source: Source, measure: str, folds: int, write: Path | None, out: str | None, place: Place) -> None:
    """Choose fusion, depths and other settings on judged questions, cross-validated; keep them only if the gain is real.

    The gain is counted on held-out folds that the choice has not seen. Without a significant gain nothing is written.

    \b
    citewell evaluate tune --dataset questions.jsonl --write citewell.toml
    """
    settings = place.settings()
    from citewell.evaluation.measures.ranking import parse_measures
    from citewell.evaluation.settings_file import write_settings
    from citewell.evaluation.tune import tune as choose

    parse_measures([measure])
    data = source.read(judged_only=True)
    indexed = source.index(data, place, settings)
    with ConsoleProgress(f"tune on {data.name}") as progress:
        tuning = choose(indexed, data, measure=measure, folds=folds, progress=progress)
    indexed.engine.close()
    written = bool(write and tuning.significant and tuning.chosen)
    if write and written:
        write_settings(tuning.chosen, write)
    body: dict[str, Any] = tuning.as_json() | {"written": str(write) if written else None}
    if not deliver(body, out):
        print_tuning(tuning, write, written=written)


def print_tuning(tuning: Tuning, write: Path | None, *, written: bool) -> None:
    """Folds, gain, verdicts, and what became of the settings."""
    rows = [
        [str(n), str(fold.topics), f"{fold.default:.4f}", f"{fold.tuned:.4f}", _told(fold.chosen)]
        for n, fold in enumerate(tuning.folds, start=1)
    ]
    title = f"{tuning.dataset}: {tuning.measure} on held-out folds of {tuning.topics} judged queries"
    print_table(title, ["fold", "queries", "present", "tuned", "chosen on the other folds"], rows)
    gain = tuning.gain
    click.echo(f"held out: present {tuning.default:.4f}, tuned {tuning.tuned:.4f}, gain {gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}], p {gain.p:.4f}; {tuning.tried} settings tried")  # fmt: skip
    for verdict in tuning.verdicts:
        click.echo(verdict)
    click.echo(f"chosen on all queries: {_told(tuning.chosen)}")
    if written:
        click.secho(f"written to {write}", fg="green")
    elif not tuning.significant:
        click.secho("the gain is not significant: keep the present settings" + (f"; {write} is not written" if write else ""), bold=True)  # fmt: skip
    elif not write:
        click.echo("the gain is significant: --write citewell.toml would set this")


def _told(chosen: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in chosen.items()) or "the present settings"
