"""`citewell jobs list|show|watch|pause|resume|cancel`, `citewell dead-letter list|retry|drop` and `citewell worker`."""

from __future__ import annotations

import signal
import sys
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from citewell.cli.common import SOME_FILES_FAILED, ConsoleProgress, Place, common_options, print_json

if TYPE_CHECKING:
    from citewell.index.store.queue import JobRow

WATCH_S = 0.5


@click.group()
def jobs() -> None:
    """List, watch, pause, resume and cancel ingestions."""


@jobs.command(name="list")
@common_options
def list_jobs(place: Place, as_json: bool) -> None:
    """List the jobs that are remembered, the newest last."""
    from citewell.pipeline.ingestion import desk

    place.require_index()
    found = desk.jobs(place.directory)
    if as_json:
        print_json([asdict(job) for job in found])
        return
    for job in found:
        click.echo(line_of(job))
    click.echo(f"{len(found)} jobs")


@jobs.command()
@click.argument("job_id", type=int, metavar="NUMBER")
@common_options
def show(job_id: int, place: Place, as_json: bool) -> None:
    """Show the job NUMBER: how far it is, and what became of each file."""
    from citewell.cli.ingest import print_report
    from citewell.pipeline.ingestion import desk

    place.require_index()
    job, report = desk.job(place.directory, job_id)
    if as_json:
        print_json({"job": asdict(job), "report": asdict(report)})
        return
    click.echo(line_of(job))
    print_report(report)


@jobs.command()
@click.argument("job_id", type=int, metavar="NUMBER")
@common_options
def watch(job_id: int, place: Place, as_json: bool) -> None:
    """Follow the job NUMBER until it has ended."""
    from citewell.pipeline.ingestion import desk

    place.require_index()
    with ConsoleProgress(f"job {job_id}", quiet=as_json) as progress:
        job, report = desk.job(place.directory, job_id)
        while job.ended_at is None:
            progress.advance(job.settled, job.tasks, job.state)
            time.sleep(WATCH_S)
            job, report = desk.job(place.directory, job_id)
    if as_json:
        print_json({"job": asdict(job), "report": asdict(report)})
    else:
        click.echo(line_of(job))
    sys.exit(SOME_FILES_FAILED if report.failed or report.needs_ocr else 0)


@jobs.command()
@click.argument("job_id", type=int, metavar="NUMBER")
@common_options
def pause(job_id: int, place: Place, as_json: bool) -> None:
    """Let no worker take more of the job NUMBER; what is under way is finished."""
    _change("pause", job_id, place, as_json)


@jobs.command()
@click.argument("job_id", type=int, metavar="NUMBER")
@common_options
def cancel(job_id: int, place: Place, as_json: bool) -> None:
    """End the job NUMBER and drop what it has not published; what is searchable stays."""
    _change("cancel", job_id, place, as_json)


@jobs.command()
@click.argument("job_id", type=int, metavar="NUMBER")
@click.option("--detach", is_flag=True, help="Leave the work to other workers, or to the running service.")
@common_options
def resume(job_id: int, detach: bool, place: Place, as_json: bool) -> None:
    """Go on with the job NUMBER, which was paused or whose process has ended."""
    from citewell.cli.ingest import finish
    from citewell.pipeline.ingestion import desk

    place.require_index()
    desk.change(place.directory, "resume", job_id)
    if detach:
        _change("resume", job_id, place, as_json)
        return
    engine = place.engine()
    with ConsoleProgress("ingest", quiet=as_json) as progress:
        report = desk.work_on(engine, job_id, progress)
    finish(engine, report, as_json=as_json)


def _change(what: str, job_id: int, place: Place, as_json: bool) -> None:
    from citewell.pipeline.ingestion import desk

    place.require_index()
    job = desk.change(place.directory, what, job_id)
    if as_json:
        print_json(asdict(job))
    else:
        click.echo(line_of(job))


def line_of(job: JobRow) -> str:
    """A job on one line."""
    outcomes = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(job.outcomes.items()))
    return f"{job.job_id:>4}  {job.state:<10} {job.settled} of {job.tasks}  {job.kind} {job.label}  {outcomes}".rstrip()


@click.group(name="dead-letter")
def dead_letter() -> None:
    """List the files that became no document, try them again, or forget them."""


@dead_letter.command(name="list")
@common_options
def list_letters(place: Place, as_json: bool) -> None:
    """List the files that became no document: why, how often they were tried, and which bytes those were."""
    engine = place.engine()
    letters = engine.catalog.dead_letters()
    engine.close()
    if as_json:
        print_json(letters)
        return
    for letter in letters:
        click.echo(f"{letter['uri']}: {letter['reason']} ({letter['code']})\n    {letter['hint']}")
    click.echo(f"{len(letters)} files")


@dead_letter.command()
@click.argument("uris", nargs=-1, metavar="[URI]…")
@common_options
def retry(uris: tuple[str, ...], place: Place, as_json: bool) -> None:
    """Read the files URI… again, or all that became no document."""
    from citewell.cli.ingest import finish
    from citewell.pipeline.ingestion import desk

    place.require_index()
    engine = place.engine()
    with ConsoleProgress("retry", quiet=as_json) as progress:
        report = desk.retry(engine, uris, progress)
    finish(engine, report, as_json=as_json)


@dead_letter.command()
@click.argument("uris", nargs=-1, required=True, metavar="URI…")
@common_options
def drop(uris: tuple[str, ...], place: Place, as_json: bool) -> None:
    """Forget that the files URI… became no document; they are tried again when they are ingested again."""
    from citewell.pipeline.ingestion import desk

    place.require_index()
    dropped = desk.drop(place.directory, uris)
    if as_json:
        print_json({"dropped": dropped})
    else:
        click.echo(f"{len(dropped)} forgotten")


@click.command()
@click.option("--until-idle", is_flag=True, help="End when nothing is left to do.")
@common_options
def worker(until_idle: bool, place: Place, as_json: bool) -> None:
    """Work on the jobs of the data directory, beside any other worker, until it is stopped."""
    place.require_index()
    engine = place.engine()
    from citewell.pipeline.ingestion.worker import Worker

    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with ConsoleProgress("worker", quiet=as_json) as progress, Worker(engine, progress) as working:
        done = working.serve(stop, until_idle=until_idle)
    engine.close()
    if as_json:
        print_json({"jobs": done})
    else:
        click.echo(f"{len(done)} jobs ended")
