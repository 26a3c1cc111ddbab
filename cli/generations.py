"""`citewell generations list|publish|rollback|prune`."""

from __future__ import annotations

from dataclasses import asdict

import click

from citewell.cli.common import Place, common_options, print_json
from citewell.core.errors import GenerationNotFound


@click.group(short_help="List, publish and prune the generations of the index.")
def generations() -> None:
    """List, publish and prune the generations of the index.

    A running service follows: its next answer comes from the generation that is live then. Which documents are alive and who may
    read them is always asked of the present, whichever generation answers.
    """


@generations.command(name="list")
@common_options
def list_generations(place: Place, as_json: bool) -> None:
    """List the generations that are kept."""
    engine = place.engine()
    rows = engine.catalog.generation_rows()
    engine.close()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    for row in rows:
        told = f"published {row.published_at}" if row.published_at else "not published"
        click.echo(f"{row.generation:06d}  {row.made_by:<8} built {row.built_at}  {told}{'  live' if row.live else ''}")
    click.echo(f"{len(rows)} generations")


@generations.command()
@click.argument("generation", type=click.IntRange(1))
@common_options
def publish(generation: int, place: Place, as_json: bool) -> None:
    """Let the kept generation GENERATION answer from now on."""
    _make_live(place, generation, as_json=as_json)


@generations.command()
@common_options
def rollback(place: Place, as_json: bool) -> None:
    """Let the generation before the live one answer again.

    Documents and rights stay as they are: what was deleted since stays deleted.
    """
    engine = place.engine()
    rows = engine.catalog.generation_rows()
    engine.close()
    live = next((row.generation for row in rows if row.live), 0)
    before = [row.generation for row in rows if row.generation < live and row.published_at]
    if not before:
        raise GenerationNotFound(
            "there is no earlier generation to go back to", hint="storage.keep_generations says how many are kept."
        )
    _make_live(place, before[-1], as_json=as_json)


@generations.command()
@click.option("--keep", type=click.IntRange(1), default=1, show_default=True, help="Newest generations that stay.")
@common_options
def prune(keep: int, place: Place, as_json: bool) -> None:
    """Remove generations but for the live one and the newest."""
    settings = place.settings()
    from citewell.index.store.writer import CatalogWriter

    place.require_index()
    with CatalogWriter(place.directory, settings.storage) as writer:
        gone = [f"{number:06d}" for number in writer.prune(keep)]
    if as_json:
        print_json({"removed": gone})
    else:
        click.echo(f"removed {', '.join(gone) if gone else 'nothing'}")


def _make_live(place: Place, generation: int, *, as_json: bool) -> None:
    settings = place.settings()
    from citewell.index.store.writer import CatalogWriter

    place.require_index()
    with CatalogWriter(place.directory, settings.storage) as writer:
        writer.make_live(generation, deliberate=True)
    if as_json:
        print_json({"live": f"{generation:06d}"})
    else:
        click.echo(f"generation {generation:06d} answers now")
