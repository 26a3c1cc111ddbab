"""`citewell train blend`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from citewell.cli.common import ConsoleProgress, Place, place_options

PATH = click.Path(path_type=Path)


@click.command(short_help="Fit how much a cross-encoder's word counts.")
@click.argument("model", type=PATH)
@click.option("--data", type=PATH, multiple=True, help="Dataset to fit on, in the BEIR layout (again for more).")
@click.option("--texts", type=PATH, multiple=True, help="Folder of files, or with corpus.jsonl, to make needs of.")
@click.option("--index", "cache", type=PATH, help="Folder for the indexes (default: DIR/evaluation).")
@click.option("--most", type=click.IntRange(1), default=300, show_default=True, help="Most questions read of a set.")
@click.option("--forwards", type=click.IntRange(1), help="Candidates read a question (default: as the settings say).")
@click.option("--seed", type=int, default=13, show_default=True)
@place_options
def blend(
    model: Path, data: tuple[Path, ...], texts: tuple[Path, ...], cache: Path | None, most: int, forwards: int | None, seed: int,
    place: Place,
) -> None:  # fmt: skip
    """Fit how much the word of the cross-encoder in the folder MODEL counts, question by question, and declare it there.

    Fitted on the blend part of public questions and texts, which trained no weights; every figure is shown on the part that was
    fitted and on one that was not. A path inside `measure` is refused.

    \b
    citewell train blend run/best --data train/squad_v11 --texts docs/
    """
    from citewell.core.models import CHECKSUMS, require_checksums
    from citewell.rerank.declaration import declare_blend
    from citewell.training.blend import fit_blend
    from citewell.training.prepare import Sources

    settings = place.settings()
    read = {} if forwards is None else {"max_forwards": forwards, "ltr_depth": max(forwards, settings.rerank.ltr_depth)}
    settings = settings.model_copy(
        update={"rerank": settings.rerank.model_copy(update={"model": str(model.resolve())} | read)}
    )
    sources = Sources(data, texts)
    if (model / CHECKSUMS).is_file():
        require_checksums(model)
    with ConsoleProgress("fit the blend") as progress:
        fitted = fit_blend(sources, settings, cache or place.directory / "evaluation", seed, most, progress)
    declare_blend(model, fitted["terms"])  # type: ignore[arg-type]
    click.echo(json.dumps(fitted, indent=2))
