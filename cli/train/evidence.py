"""`citewell train evidence`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from citewell.cli.common import ConsoleProgress, Place, place_options

PATH = click.Path(path_type=Path)


@click.command(short_help="Fit and calibrate what evidence is worth.")
@click.option(
    "--data",
    type=PATH,
    multiple=True,
    required=True,
    help="Dataset with judged questions, in the BEIR layout (again for more).",
)
@click.option("--index", "cache", type=PATH, help="Folder for the indexes (default: DIR/evaluation).")
@click.option("--out", type=PATH, required=True, help="Folder that gets evidence.json.")
@click.option(
    "--most", type=click.IntRange(1), default=200, show_default=True, help="Most questions of a set and part."
)
@click.option("--seed", type=int, default=13, show_default=True)
@place_options
def evidence(data: tuple[Path, ...], cache: Path | None, out: Path, most: int, seed: int, place: Place) -> None:
    """Fit what sentences and contexts are worth as evidence, and calibrate the probability that the documents answer.

    Fitted on one part of the questions and calibrated on another; neither trained the models that the numbers come from. A path inside
    `measure` is refused.

    \b
    citewell train evidence --data train/squad_v2 --data train/nq_oracle --out evidence/
    """
    settings = place.settings()
    from citewell.generate.evidence.model import FILE
    from citewell.training.evidence import fit_evidence

    with ConsoleProgress("weigh evidence") as progress:
        model = fit_evidence(data, settings, cache or place.directory / "evaluation", most, seed, progress)
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE).write_text(model.model_dump_json(indent=1) + "\n", encoding="utf-8")
    told = [
        {name: getattr(one, name) for name in ("generator", "reranker", "language", "questions", "error", "auroc")}
        for one in model.configurations
    ]
    click.echo(json.dumps(told, indent=2))
