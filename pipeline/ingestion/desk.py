"""What is asked about jobs and dead letters from outside: by the command line and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from citewell.core.errors import DocumentNotFound
from citewell.index.store.queue import JobQueue, JobRow, NewTask
from citewell.index.store.staging import Staging
from citewell.ingest.jobs import IngestReport, Progress
from citewell.pipeline.ingestion.report import report_of
from citewell.pipeline.ingestion.worker import Worker, prepare, recipe_key
from citewell.pipeline.wiring import Engine


def jobs(directory: Path) -> list[JobRow]:
    """The jobs that are remembered, the newest last."""
    with Staging(directory) as staging:
        return staging.queue.jobs()


def job(directory: Path, job_id: int) -> tuple[JobRow, IngestReport]:
    """A job and what it has done so far. Raises JobNotFound."""
    with Staging(directory) as staging:
        found = staging.queue.job(job_id)
        return found, report_of(staging.queue, found)


def change(directory: Path, what: str, job_id: int) -> JobRow:
    """Pauses, resumes or cancels a job; what it is then. Raises JobNotFound or JobState."""
    with Staging(directory) as staging:
        actions: Mapping[str, Callable[[JobQueue, int], None]] = {
            "pause": JobQueue.pause,
            "resume": JobQueue.resume,
            "cancel": JobQueue.cancel,
        }
        actions[what](staging.queue, job_id)
        return staging.queue.job(job_id)


def work_on(engine: Engine, job_id: int, progress: Progress | None = None, *, force: bool = False) -> IngestReport:
    """Works on a job until it has ended; what it did."""
    started = time.perf_counter()
    with Worker(engine, progress, force=force) as worker:
        worker.run(job_id)
        report = report_of(worker.staging.queue, worker.staging.queue.job(job_id))
    report.ms = round((time.perf_counter() - started) * 1000, 1)
    return report


def retry(engine: Engine, uris: Collection[str], progress: Progress | None = None) -> IngestReport:
    """Reads files again that became no document, all of them when none is named. A file that lies in another is read with that one.

    Raises DocumentNotFound for a uri that is no dead letter, and for one whose file is not there any more.
    """
    prepare(engine)
    letters = {letter["uri"]: letter for letter in engine.catalog.dead_letters()}
    unknown = sorted(set(uris) - letters.keys())
    if unknown:
        raise DocumentNotFound(f"{unknown[0]} is no dead letter", hint="`citewell dead-letter list` shows them.")
    roots = engine.catalog.sources()
    tasks: dict[tuple[str, str], NewTask] = {}
    for uri in uris or letters:
        task = _task_of(uri, roots)
        if task is None:
            if uris:
                raise DocumentNotFound(
                    f"the file of {uri} is not there any more", hint="Ingest it again, or drop the dead letter."
                )
            continue
        tasks[task.source, task.path] = task
    with Worker(engine, progress, force=True) as worker:
        queue, settings = worker.staging.queue, engine.settings.ingest
        request = {"sources": sorted({source for source, _ in tasks}), "recipe": recipe_key(engine)}
        job_id = queue.create("retry", f"{len(tasks)} dead letters", request, worker.owner.name)
        queue.plan(job_id, tasks.values(), settings.window_documents, settings.window_bytes)
        worker.run(job_id)
        return report_of(queue, queue.job(job_id))


def _task_of(uri: str, roots: Mapping[str, str]) -> NewTask | None:
    """The task that reads a document's file, or the file on disk that it lies in; None when there is none."""
    source, _, path = uri.partition("/")
    root = Path(roots.get(source, ""))
    if source not in roots:
        return None
    if root.is_file():  # a feed: all its lines are read again by ingesting it
        return None
    while path:
        location = root / path
        if location.is_file():
            return NewTask("read", source, path, str(location), size_bytes=location.stat().st_size)
        path = path.rpartition("/")[0]
    return None


def drop(directory: Path, uris: Collection[str]) -> list[str]:
    """Forgets dead letters; those that there were."""
    with Staging(directory) as staging:
        return staging.drop_letters(uris)
