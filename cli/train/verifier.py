"""`citewell train verifier`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from citewell.cli.common import Place, place_options

PATH = click.Path(path_type=Path)


@click.command(short_help="Train what checks sentences by meaning.")
@click.option(
    "--claims", type=PATH, required=True, help="Folder of judged claims: *.jsonl with premise, hypothesis, label."
)
@click.option(
    "--data", type=PATH, multiple=True, help="Dataset to make claims of, in the BEIR layout (again for more)."
)
@click.option(
    "--out",
    type=PATH,
    required=True,
    help="Folder of the run: checkpoint, log, and `best`, which can be named as generate.verifier.",
)
@click.option("--epochs", type=click.IntRange(1), default=2, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=32, show_default=True, help="Claims a step.")
@click.option("--seed", type=int, default=13, show_default=True)
@place_options
def verifier(claims: Path, data: tuple[Path, ...], out: Path, place: Place, **recipe: Any) -> None:
    """Train the verifier on the cross-encoder of the settings: low-rank changes of its weights and a head, a few hundred thousand numbers.

    The same command again goes on with a run that was stopped or killed. Only the parts that may train weights train them; what
    alignment and meaning are worth together, and the thresholds, are fitted on others. A path inside `measure` is refused.

    \b
    citewell train verifier --claims train/groundedness --data train/squad_v11 --out run/
    """
    settings = place.settings()
    from citewell.training.verifier.run import train_verifier

    told = train_verifier(claims, data, out, settings, lambda event: click.echo(json.dumps(event)), **recipe)
    click.echo(json.dumps(told, indent=2))
    click.secho(f"the verifier is in {out / 'best'}", fg="green", err=True)
