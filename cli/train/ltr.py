"""`citewell train ltr`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from citewell.cli.common import ConsoleProgress, Place, place_options

PATH = click.Path(path_type=Path)


@click.command(short_help="Fit learning to rank.")
@click.option("--data", type=PATH, multiple=True, help="Dataset to fit on, in the BEIR layout (again for more).")
@click.option("--texts", type=PATH, multiple=True, help="Folder of files, or with corpus.jsonl, to make needs of.")
@click.option("--index", "cache", type=PATH, help="Folder for the indexes (default: DIR/evaluation).")
@click.option("--out", type=PATH, required=True, help="Folder that gets weights.json.")
@click.option("--seed", type=int, default=13, show_default=True)
@place_options
def ltr(
    data: tuple[Path, ...], texts: tuple[Path, ...], cache: Path | None, out: Path, seed: int, place: Place
) -> None:
    """Fit the weights of learning to rank on the blend part of public questions and texts.

    Every figure is shown on the part that was fitted and on the part that was not. A path inside `measure` is refused.

    \b
    citewell train ltr --data train/squad_v11 --texts docs/ --out ltr/
    """
    settings = place.settings()
    from citewell.rerank.learned import FILE
    from citewell.training.blend import fit_ranker
    from citewell.training.prepare import Sources

    with ConsoleProgress("fit learning to rank") as progress:
        fitted = fit_ranker(Sources(data, texts), settings, cache or place.directory / "evaluation", seed, progress)
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE).write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    click.echo(json.dumps(fitted, indent=2))
