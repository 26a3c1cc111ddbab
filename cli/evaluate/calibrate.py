"""`citewell evaluate calibrate`."""

from __future__ import annotations

from pathlib import Path

import click

from citewell.cli.common import ConsoleProgress, Place, place_options
from citewell.cli.evaluate.common import Source, dataset_options, deliver, json_option

PATH = click.Path(path_type=Path)


@click.command(short_help="Calibrate when to answer, on your own judged questions.")
@dataset_options
@click.option("--plot", type=PATH, help="Write the reliability plot to FILE.svg or FILE.png.")
@click.option("--dry-run", is_flag=True, help="Only tell the figures; keep nothing.")
@json_option
@place_options
def calibrate(source: Source, plot: Path | None, dry_run: bool, out: str | None, place: Place) -> None:
    """Calibrate the probability that the documents answer, on questions of which that is known, and keep it beside the index in --dir.

    From then on it is used instead of the shipped one wherever it was made for: this generator, these models, the language of the
    questions. At least 40 answerable questions and 40 that nothing answers are needed; each answerable one is also asked without the
    documents that hold its answer. Choose the share of answers that may be wrong with generate.risk.

    \b
    citewell evaluate calibrate --dataset questions.jsonl --plot reliability.svg
    """
    settings = place.settings()
    from citewell.evaluation.own_calibration import calibrate_own, keep

    data = source.read()
    indexed = source.index(data, place, settings)
    with ConsoleProgress(f"questions of {data.name}") as progress:
        made = calibrate_own(indexed, data, progress)
    indexed.engine.close()
    if plot:
        from citewell.evaluation.report.plots import reliability

        drawn = reliability(made.points)
        plot.write_bytes(drawn.png if plot.suffix == ".png" else drawn.svg.encode())
    path = None if dry_run else keep(made.model, place.directory)
    told = {"kept": str(path) if path else None, "configurations": made.told}
    if deliver(told, out):
        return
    for row in made.told:
        click.echo(
            f"{row['language']}: {row['questions']} cases, AUROC {row['auroc']:.3f}, calibration error {row['error_before']:.3f} before, "
            f"{row['error']:.3f} after on a fold left out"
        )
        for risk in row["risks"]:
            click.echo(
                f"  at most {risk['risk']:.0%} wrong: threshold {risk['threshold']:.2f}, answers {risk['coverage']:.0%}"
            )
    click.secho(f"kept in {path}" if path else "nothing was kept (--dry-run)", fg="green", err=True)
