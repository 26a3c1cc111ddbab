"""`citewell ingest`."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from citewell.cli.common import SOME_FILES_FAILED, ConsoleProgress, Place, common_options, print_json

if TYPE_CHECKING:
    from citewell.ingest.jobs import IngestReport
    from citewell.pipeline.wiring import Engine


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH…")
@click.option("--source", metavar="NAME", help="Name of the source (default: the folder's name).")
@click.option("--prune", is_flag=True, help="Also remove documents whose files are gone.")
@click.option("--rebuild", is_flag=True, help="Split and embed all stored documents anew, with the present settings.")
@common_options
def ingest(
    paths: tuple[Path, ...], source: str | None, prune: bool, rebuild: bool, place: Place, as_json: bool
) -> None:
    """Bring the index up to the files below PATH…: new ones are added, changed ones replaced, unchanged ones left alone.

    Files that cannot be read are listed with the reason; the others are ingested, and the exit code is 3.
    The new state is searchable once the command ends, and the former one until then.

    \b
    citewell ingest ~/handbook
    citewell ingest ~/handbook --prune      also forget files that are gone
    citewell ingest feed.jsonl              documents with their groups and metadata, one JSON object a line
    citewell ingest --rebuild               after a change of chunking or embedder
    """
    if bool(paths) == rebuild:
        raise click.UsageError("give a PATH to ingest, or --rebuild alone")
    engine = place.engine()
    from citewell.ingest.feed import is_feed
    from citewell.pipeline import build

    feeds = [path for path in paths if is_feed(path)]
    if feeds and len(paths) > 1:
        raise click.UsageError("give a feed (.jsonl) alone")
    if rebuild:
        report = build.rebuild(engine)
    elif feeds:
        with ConsoleProgress("ingest", quiet=as_json) as progress:
            report = build.ingest_feed(engine, feeds[0], source=source, prune=prune, progress=progress)
    else:
        with ConsoleProgress("ingest", quiet=as_json) as progress:
            report = build.ingest_paths(engine, paths, source=source, prune=prune, progress=progress)
    if as_json:
        print_json(asdict(report))
    else:
        print_report(report)
    if report.published:
        _compact(engine, quiet=as_json)
    engine.close()
    sys.exit(SOME_FILES_FAILED if report.failed else 0)


def _compact(engine: Engine, *, quiet: bool) -> None:
    """Merges small blocks where there are some; what was ingested is searchable already, and a running service merges them else."""
    from citewell.core.errors import WriterBusy
    from citewell.pipeline import maintain

    with contextlib.suppress(WriterBusy):
        name = maintain.compact(engine)
        if name is not None and not quiet:
            click.echo(f"small blocks of the index were merged: generation {name}")


def print_report(report: IngestReport) -> None:
    """The report for people: counts first, then what needs attention."""
    click.echo(
        f"{len(report.added)} added, {len(report.changed)} changed, {report.unchanged} unchanged, {len(report.removed)} removed, "
        f"{len(report.failed)} failed; {report.passages} passages, {report.chunks_embedded} embedded, {report.ms / 1000:.1f} s"
    )
    click.echo(f"generation {report.generation} {'is now live' if report.published else 'stays live: nothing changed'}")
    for failure in report.failed:
        click.echo(f"  failed   {failure.uri}: {failure.reason}\n           {failure.hint}", err=True)
    for uri in report.skipped:
        click.echo(f"  skipped  {uri}: no parser for this format", err=True)
    if report.missing:
        click.echo(f"  {len(report.missing)} documents have no file any more; --prune removes them:", err=True)
        for uri in report.missing:
            click.echo(f"  missing  {uri}", err=True)
