"""`citewell ingest`."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from citewell.cli.common import SOME_FILES_FAILED, ConsoleProgress, Place, common_options, print_json

if TYPE_CHECKING:
    from citewell.ingest.jobs import IngestReport
    from citewell.pipeline.ingestion.preview import Preview
    from citewell.pipeline.wiring import Engine

STDIN = Path("-")
MOST_DUPLICATES = 10


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, allow_dash=True), metavar="PATH…")
@click.option("--source", metavar="NAME", help="Name of the source (default: the folder's name).")
@click.option("--name", metavar="FILE", help="Name of the document that standard input holds (PATH is -).")
@click.option("--prune", is_flag=True, help="Also remove documents whose files are gone.")
@click.option(
    "--dry-run", is_flag=True, help="Say what would be added, changed, removed and passed over; change nothing."
)
@click.option("--force", is_flag=True, help="Read also files that have not changed.")
@click.option("--follow", is_flag=True, help="PATH is a page: ingest the files of its folder that its links lead to.")
@click.option("--detach", is_flag=True, help="Only queue it; `citewell worker` or the running service does the work.")
@click.option("--watch", is_flag=True, help="Go on looking for changes until it is stopped.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Also write the report as a page.")
@click.option("--rebuild", is_flag=True, help="Split and embed all stored documents anew, with the present settings.")
@common_options
def ingest(
    paths: tuple[Path, ...], source: str | None, name: str | None, prune: bool, dry_run: bool, force: bool, follow: bool, detach: bool, watch: bool,
    html: Path | None, rebuild: bool, place: Place, as_json: bool,
) -> None:  # fmt: skip
    """Bring the index up to the files below PATH…: new ones are added, changed ones replaced, unchanged ones left alone.

    Files of any format are told by what they hold; archives and attachments are opened. Those that cannot be read are listed with the
    reason; the others are ingested, and the exit code is 3. The new state is searchable once the command ends, and the former one until
    then. If it is stopped or killed, the same command goes on where it was.

    \b
    citewell ingest ~/handbook
    citewell ingest ~/handbook --dry-run    what would be done
    citewell ingest ~/handbook --prune      also forget files that are gone
    citewell ingest feed.jsonl              documents with their groups and metadata, one JSON object a line
    curl -s URL | citewell ingest - --name page.html
    citewell ingest site/index.html --follow
    citewell ingest --rebuild               after a change of chunking or embedder
    """
    alone = _stands_alone(paths, name, rebuild=rebuild)
    if watch and (follow or alone):
        raise click.UsageError("--watch looks after folders and files, not after feeds or pages that lead to others")
    engine = place.engine()
    if dry_run:
        _preview(engine, paths, source, prune=prune, force=force, follow=follow, as_json=as_json)
        return
    if watch:
        _watch(engine, paths, source, prune=prune, as_json=as_json)
        return
    from citewell.pipeline import build

    with ConsoleProgress("ingest", quiet=as_json) as progress:
        if rebuild:
            report = build.rebuild(engine, progress=progress)
        elif STDIN in paths:
            data = sys.stdin.buffer.read(engine.settings.ingest.max_file_bytes + 1)
            report = build.ingest_upload(engine, name or "", data)
        elif detach:
            report = build.queue_paths(engine, paths, source=source, prune=prune, follow=follow)
        else:
            common: dict[str, Any] = {"source": source, "prune": prune, "force": force, "progress": progress}
            report = (
                build.ingest_feed(engine, paths[0], **common)
                if alone
                else build.ingest_paths(engine, paths, follow=follow, **common)
            )
    if html is not None:
        from citewell.pipeline.ingestion.page import write_page

        write_page(report, html)
    if detach:
        click.echo(
            f"job {report.job} is queued; `citewell jobs watch {report.job}` follows it"
        ) if not as_json else print_json(asdict(report))
        engine.close()
        return
    finish(engine, report, as_json=as_json)


def _stands_alone(paths: tuple[Path, ...], name: str | None, *, rebuild: bool) -> bool:
    """Whether the only path is a feed or standard input. Raises UsageError for what cannot be meant."""
    from citewell.ingest.feed import is_feed

    if bool(paths) == rebuild:
        raise click.UsageError("give a PATH to ingest, or --rebuild alone")
    alone = any(path == STDIN or is_feed(path) for path in paths)
    if alone and len(paths) > 1:
        raise click.UsageError("give a feed (.jsonl) or - alone")
    if STDIN in paths and not name:
        raise click.UsageError("say with --name what standard input holds, such as --name page.html")
    return alone


def _preview(
    engine: Engine,
    paths: tuple[Path, ...],
    source: str | None,
    *,
    prune: bool,
    force: bool,
    follow: bool,
    as_json: bool,
) -> None:
    from citewell.pipeline.ingestion.preview import preview

    told = preview(engine, paths, source=source, prune=prune, force=force, follow=follow)
    engine.close()
    if as_json:
        print_json(asdict(told))
    else:
        print_preview(told)


def _watch(engine: Engine, paths: tuple[Path, ...], source: str | None, *, prune: bool, as_json: bool) -> None:
    from citewell.pipeline.ingestion.watch import watch_paths

    def tell(report: IngestReport) -> None:
        if as_json:
            print_json(asdict(report))
        elif report.published or report.failed:
            print_report(report)

    with ConsoleProgress("ingest", quiet=as_json) as progress:
        watch_paths(engine, paths, source=source, prune=prune, progress=progress, tell=tell)
    engine.close()


def finish(engine: Engine, report: IngestReport, *, as_json: bool) -> None:
    """Prints a report, looks after the index, and ends the program."""
    if as_json:
        print_json(asdict(report))
    else:
        print_report(report)
    if report.published:
        _compact(engine, quiet=as_json)
    engine.close()
    sys.exit(SOME_FILES_FAILED if report.failed or report.needs_ocr else 0)


def _compact(engine: Engine, *, quiet: bool) -> None:
    """Merges small blocks where there are some; what was ingested is searchable already, and a running service merges them else."""
    from citewell.core.errors import WriterBusy
    from citewell.pipeline.upkeep import maintain

    with contextlib.suppress(WriterBusy):
        name = maintain.compact(engine)
        if name is not None and not quiet:
            click.echo(f"small blocks of the index were merged: generation {name}")


def print_report(report: IngestReport) -> None:
    """The report for people: counts first, then what needs attention."""
    needs = f", {len(report.needs_ocr)} need OCR" if report.needs_ocr else ""
    click.echo(
        f"{len(report.added)} added, {len(report.changed)} changed, {report.unchanged} unchanged, {len(report.removed)} removed, "
        f"{len(report.failed)} failed{needs}; {report.passages} passages, {report.chunks_embedded} embedded, {report.ms / 1000:.1f} s"
    )
    if report.timings_ms and report.ms > 2000:
        stages = ", ".join(f"{name} {ms / 1000:.1f} s" for name, ms in report.timings_ms.items())
        click.echo(f"{report.pages} pages, {report.tokens} tokens; {stages}")
    if report.generation:
        click.echo(
            f"generation {report.generation} {'is now live' if report.published else 'stays live: nothing changed'}"
        )
    if report.redacted:
        click.echo("taken out: " + ", ".join(f"{count} {kind}" for kind, count in sorted(report.redacted.items())))
    _print_duplicates(report)
    for kind, failures in (("failed", report.failed), ("no text", report.needs_ocr)):
        for failure in failures:
            click.echo(f"  {kind:<8} {failure.uri}: {failure.reason}\n           {failure.hint}", err=True)
    _print_passed_over(report)


def _print_duplicates(report: IngestReport) -> None:
    for pair in report.duplicates[:MOST_DUPLICATES]:
        click.echo(f"  alike    {pair['uri']} says nearly what {pair['like']} says ({pair['likeness']:.2f})")
    if len(report.duplicates) > MOST_DUPLICATES:
        click.echo(f"  alike    and {len(report.duplicates) - MOST_DUPLICATES} more; --json lists all")


def _print_passed_over(report: IngestReport) -> None:
    for warning in report.warnings:
        click.echo(f"  partly   {warning}", err=True)
    for uri in report.skipped:
        click.echo(f"  skipped  {uri}: the settings or .citewellignore say so", err=True)
    if report.missing:
        click.echo(f"  {len(report.missing)} documents have no file any more; --prune removes them:", err=True)
        for uri in report.missing:
            click.echo(f"  missing  {uri}", err=True)


def print_preview(told: Preview) -> None:
    """What would be done, a line a file that something would be done with."""
    for kind in ("added", "changed", "removed", "refused", "skipped", "missing"):
        for line in getattr(told, kind):
            click.echo(f"  {kind:<8} {line}")
    click.echo(
        f"would be: {len(told.added)} added, {len(told.changed)} changed, {told.unchanged} unchanged, {len(told.removed)} removed, "
        f"{len(told.refused)} refused, {len(told.skipped)} passed over; nothing was changed"
    )
