"""`citewell train reranker`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from citewell.cli.common import ConsoleProgress, Place, place_options

PATH = click.Path(path_type=Path)
GROUPS_FILE = "groups.jsonl"
MADE_FOR_FILE = "groups.json"  # what the groups were made of


@click.command(short_help="Train a cross-encoder with a reader.")
@click.option("--data", type=PATH, multiple=True, help="Dataset to learn from, in the BEIR layout (again for more).")
@click.option("--texts", type=PATH, multiple=True, help="Folder of files, or with corpus.jsonl, to make questions of.")
@click.option("--out", type=PATH, required=True, help="Folder of the run: groups, checkpoint, log, and `best` weights.")
@click.option("--per-source", type=click.IntRange(1), help="Most questions of one source and kind.")
@click.option(
    "--negatives", type=click.IntRange(1, 15), default=3, show_default=True, help="Wrong passages a question."
)
@click.option("--epochs", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True)
@click.option("--max-tokens", type=click.IntRange(16, 512), default=192, show_default=True)
@click.option(
    "--batch", "batch_groups", type=click.IntRange(1), default=12, show_default=True, help="Questions a step."
)
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=8e-5, show_default=True)
@click.option(
    "--start", default="all-MiniLM-L6-v2", show_default=True, help="Encoder, or trained reader, that it starts from."
)
@click.option("--seed", type=int, default=13, show_default=True)
@click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True)
@place_options
def reranker(data: tuple[Path, ...], texts: tuple[Path, ...], out: Path, per_source: int | None, negatives: int, place: Place, **recipe: Any) -> None:  # fmt: skip
    """Train a cross-encoder that also finds the answer's words and says when there is none.

    Wrong passages are found by the product's own retrieval over each source. The same command again goes on with a run that was
    stopped or killed. Of datasets only the parts that may train weights are used; a path inside `measure` is refused.

    \b
    citewell train reranker --data train/squad_v2 --texts docs/ --out run/
    """
    settings = place.settings()
    from filelock import FileLock, Timeout

    from citewell.core.errors import SettingsError
    from citewell.rerank.train.groups import read_groups, write_groups
    from citewell.rerank.train.loop import LOG, TrainSettings, train
    from citewell.training.prepare import Sources, prepare

    sources = Sources(data, texts)
    settings_of_run = TrainSettings(threads=settings.encoders.threads, **recipe)
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise SettingsError(f"another run is at work in {out}", hint="Wait for it, or choose another --out.") from None
    packed = out / GROUPS_FILE
    asked_for = {"sources": sources.names(), "negatives": negatives, "per_source": per_source, "seed": recipe["seed"]}
    made_for = out / MADE_FOR_FILE
    if packed.is_file() and made_for.is_file() and json.loads(made_for.read_text(encoding="utf-8")) != asked_for:
        raise SettingsError(
            f"{packed} was made of other sources", hint="Choose another folder with --out, or remove it."
        )
    if not packed.is_file():
        made_for.write_text(json.dumps(asked_for) + "\n", encoding="utf-8")
        with ConsoleProgress("find wrong passages") as progress:
            groups = prepare(sources, settings, out / "cache", negatives=negatives, per_source=per_source, seed=recipe["seed"], progress=progress)  # fmt: skip
            write_groups(groups, packed)
    with (out / LOG).open("a", encoding="utf-8") as log:

        def tell(event: dict[str, Any]) -> None:
            line = json.dumps(event)
            log.write(line + "\n")
            log.flush()
            click.echo(line)

        train(list(read_groups(packed)), out, settings_of_run, tell)
    click.secho(f"the weights are in {out / 'best'}", fg="green", err=True)
