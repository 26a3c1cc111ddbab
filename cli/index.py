"""`citewell index rebuild|verify|repair|compact|migrate|backup|restore`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from citewell.cli.common import ConsoleProgress, Place, common_options, print_json

PATH = click.Path(path_type=Path)
WRITER_WAIT_S = 30.0


@click.group(short_help="Verify, repair, rebuild, back up and restore the index.")
def index() -> None:
    """Verify, repair, rebuild, back up and restore the index."""


@index.command()
@click.option("--no-publish", is_flag=True, help="Leave the new generation beside the live one.")
@common_options
def rebuild(no_publish: bool, place: Place, as_json: bool) -> None:
    """Build an index with the present settings from the stored texts.

    Documents are split and embedded where these settings have not done so before; a run that was killed goes on where it was. The
    live generation answers meanwhile. With --no-publish the new one waits for `citewell generations publish`.
    """
    engine = place.engine()
    from citewell.pipeline import build

    with ConsoleProgress("rebuild") as progress:
        report = build.rebuild(engine, publish=not no_publish, progress=progress)
    engine.close()
    if as_json:
        print_json(asdict(report))
    else:
        state = "answers now" if report.published else "waits to be published"
        click.echo(f"generation {report.generation} {state}: {len(report.changed)} documents split anew, {report.chunks_embedded} passages embedded")  # fmt: skip


@index.command()
@common_options
def verify(place: Place, as_json: bool) -> None:
    """Compare everything that is stored with its checksums, and the parts with each other."""
    engine = place.engine()
    from citewell.index.store.verify import verify as look

    problems = look(engine.directory, engine.catalog)
    engine.close()
    if as_json:
        print_json([asdict(problem) for problem in problems])
    else:
        for problem in problems:
            click.secho(f"{problem.place}: {problem.detail}", fg="red")
        click.echo("run `citewell index repair`" if problems else "everything is as it was stored")
    if problems:
        sys.exit(1)


@index.command()
@common_options
def repair(place: Place, as_json: bool) -> None:
    """Mend what is damaged from the catalog: vectors are computed and generations built anew."""
    engine = place.engine()
    from citewell.pipeline.upkeep import maintain

    with ConsoleProgress("repair") as progress:
        done = maintain.repair(engine, progress)
    engine.close()
    if as_json:
        print_json(asdict(done))
        return
    for problem in done.problems:
        click.echo(f"found: {problem.place}: {problem.detail}")
    if done.generation:
        click.echo(f"generation {done.generation} was built anew and answers now")
    for uri in done.ingest_again:
        click.secho(f"the stored text of {uri} is damaged: ingest its file again", fg="yellow")
    if not done.problems:
        click.echo("nothing to repair")


@index.command()
@common_options
def compact(place: Place, as_json: bool) -> None:
    """Merge small blocks of the live generation, and drop what ended."""
    engine = place.engine()
    from citewell.pipeline.upkeep import maintain

    name = maintain.compact(engine, thoroughly=True, wait_s=WRITER_WAIT_S)
    engine.close()
    if as_json:
        print_json({"generation": name})
    else:
        click.echo(f"generation {name} answers now" if name else "nothing to merge")


@index.command()
@common_options
def migrate(place: Place, as_json: bool) -> None:
    """Bring an index of an older format forward; a copy of the old catalog stays beside it."""
    engine = place.engine()
    from citewell.index.store.catalog import CATALOG_NAME
    from citewell.index.store.migrations import format_of
    from citewell.index.store.schema import FORMAT_VERSION
    from citewell.pipeline import build

    place.require_index()
    before = format_of(place.directory / CATALOG_NAME)
    generation = None
    if before != FORMAT_VERSION:
        with ConsoleProgress("migrate") as progress:
            generation = build.rebuild(engine, progress=progress).generation
    engine.close()
    if as_json:
        print_json({"from": before, "to": FORMAT_VERSION, "generation": generation})
    else:
        click.echo(
            f"format {before} to {FORMAT_VERSION}" if generation else f"format {FORMAT_VERSION} is the present one"
        )


@index.command()
@click.argument("target", type=PATH)
@common_options
def backup(target: Path, place: Place, as_json: bool) -> None:
    """Copy the catalog and the live generation to the new folder TARGET; the service may go on."""
    engine = place.engine()
    from citewell.pipeline.upkeep import maintain

    place.require_index()
    generation = maintain.backup(engine, target)
    engine.close()
    if as_json:
        print_json({"generation": generation, "target": str(target)})
    else:
        click.echo(f"generation {generation} and the catalog are in {target}")


@index.command()
@click.argument("source", type=PATH)
@common_options
def restore(source: Path, place: Place, as_json: bool) -> None:
    """Put the backup in SOURCE in the place of the data directory; what was there is kept beside it."""
    from citewell.pipeline.upkeep import maintain

    generation = maintain.restore(source, place.directory)
    if as_json:
        print_json({"generation": generation, "directory": str(place.directory)})
    else:
        click.echo(f"generation {generation} is back in {place.directory}")
