"""A worker: takes windows of tasks from the queue, reads the next one while one is embedded, stores what they came to, and publishes a
job when all its tasks are settled. Any number of workers may do so at once, in any processes of one machine.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from citewell.core.errors import JobState
from citewell.core.tracing import stage, tracing
from citewell.core.types import document_id
from citewell.index.store.catalog import CATALOG_NAME
from citewell.index.store.fingerprints import require_same
from citewell.index.store.migrations import format_of
from citewell.index.store.owners import Owner, alive
from citewell.index.store.queue import JobRow, Task, clock
from citewell.index.store.schema import FORMAT_VERSION
from citewell.index.store.staging import Dead, Settled, Staged, Staging
from citewell.index.store.writer import CatalogWriter
from citewell.ingest.jobs import Progress, Silent
from citewell.pipeline.ingestion.embedding import split_and_embed
from citewell.pipeline.ingestion.reading import Composed, WindowReader, spool_of
from citewell.pipeline.wiring import Engine

LEASE_S = 60.0
BEAT_S = 15.0
POLL_S = 0.1
WRITER_WAIT_S = 600.0
ENDED = ("done", "cancelled", "superseded")


def prepare(engine: Engine) -> None:
    """Makes the catalog, or brings an older one forward. Raises IndexIncompatible when the live index is not of these settings, and WriterBusy."""
    if format_of(engine.directory / CATALOG_NAME) == FORMAT_VERSION:
        built = engine.catalog.live_fingerprints()
    else:
        with CatalogWriter(engine.directory, engine.settings.storage) as writer:
            built = writer.live_fingerprints()
    if built is not None:
        require_same(built, engine.fingerprints)


def recipe_key(engine: Engine) -> str:
    """Names how this engine makes passages and vectors."""
    return f"{engine.fingerprints.chunker}:{engine.fingerprints.embedder}"


class Worker:
    """Works on the queue of one data directory; use it as a context. `force` reads also what is known."""

    def __init__(
        self,
        engine: Engine,
        progress: Progress | None = None,
        *,
        force: bool = False,
        writer_wait_s: float = WRITER_WAIT_S,
    ) -> None:
        prepare(engine)
        self._engine = engine
        self._progress = progress or Silent()
        self._writer_wait_s = writer_wait_s
        self.owner = Owner(engine.directory)
        self.staging = Staging(engine.directory)
        self._reader = WindowReader(engine, force=force)
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead")
        self._stopped = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._beating.start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._ahead.shutdown(cancel_futures=True)
        self._beating.join()
        self._reader.close()
        with contextlib.suppress(Exception):  # an error under way is the one to tell; the leases run out
            self.staging.queue.give_back(self.owner.name)
        self.staging.close()
        self.owner.close()

    def is_alive(self, owner: str) -> bool:
        """Whether another worker, or this one, is at work."""
        return owner == self.owner.name or alive(self._engine.directory, owner)

    def run(self, job_id: int, stop: threading.Event | None = None) -> JobRow:
        """Works until a job has ended, or is paused and nothing of it is under way; what became of it.

        Raises JobNotFound, and JobState for one that was planned with settings that make other passages or vectors.
        """
        queue = self.staging.queue
        begun = queue.job(job_id)
        if begun.state not in ENDED and begun.request.get("recipe") != recipe_key(self._engine):
            raise JobState(
                f"job {job_id} was planned with other settings of chunking or embedder",
                hint=f"Set them back, or end it with `citewell jobs cancel {job_id}` and ingest again.",
            )
        reading: Future[list[Composed]] | None = None
        while True:
            stopping = stop is not None and stop.is_set()
            reading = reading or (None if stopping else self._take(job_id))
            if reading is not None:
                window = reading.result()
                reading = None if stopping else self._take(job_id)
                self._store(window)
                continue
            job = queue.job(job_id)
            self._advance(job)
            if job.state in ENDED or (job.state == "paused" and not job.leased) or stopping:
                return job
            if not self.publish(job_id):
                queue.take_back(clock(), self.is_alive)
                time.sleep(POLL_S)

    def serve(self, stop: threading.Event, idle_s: float = 1.0, *, until_idle: bool = False) -> list[int]:
        """Works on whatever job is open, until it is told to stop or, with `until_idle`, nothing is left; the jobs that ended."""
        ended: list[int] = []
        while not stop.is_set():
            open_jobs = [j for j in self.staging.queue.jobs(unfinished=True) if self.takes(j)]
            ended += [j.job_id for j in open_jobs if self.run(j.job_id, stop).state in ENDED]
            if until_idle and not open_jobs:
                break
            stop.wait(0 if open_jobs else idle_s)
        return ended

    def takes(self, job: JobRow) -> bool:
        """Whether this worker can go on with a job: it is planned, runs, and makes passages and vectors as these settings do."""
        return (
            job.state in {"running", "publishing"}
            and job.kind != "documents"
            and job.request.get("recipe") == recipe_key(self._engine)
        )

    def _take(self, job_id: int) -> Future[list[Composed]] | None:
        tasks = self.staging.queue.lease(self.owner.name, LEASE_S, clock(), recipe_key(self._engine), job_id)
        if not tasks:
            return None
        self._advance(self.staging.queue.job(job_id), tasks)
        return self._ahead.submit(self._read, tasks)

    def _read(self, tasks: list[Task]) -> list[Composed]:
        began = time.perf_counter()
        window = self._reader.read(tasks)
        if window:
            window[0].told["window_read_ms"] = round((time.perf_counter() - began) * 1000, 1)
        return window

    def _store(self, window: list[Composed]) -> None:
        """Makes passages and vectors of a window and stores what its tasks came to."""
        window = [found for found in window if not self._postponed(found)]
        if not window:
            return
        settings = self._engine.settings.ingest
        with_text = [(found, found.document) for found in window if found.document is not None]
        with tracing() as trace:
            embedded = split_and_embed(self._engine, [document for _, document in with_text], self._progress)
            splits = dict(zip((found.task.task_id for found, _ in with_text), embedded.splits, strict=True))
            settled = []
            for found in window:
                split = splits.get(found.task.task_id)
                staged = None
                if split is not None and found.document is not None:
                    task = found.task
                    staged = Staged(
                        found.document, task.source, task.path, found.content_key, split.chunks, split.hashes
                    )
                    found.told["passages"], found.told["tokens"] = len(split.chunks), split.tokens
                settled.append(self._settled(found, staged))
            with stage("store"):
                recipe = self._engine.embedding_recipe if embedded.vectors else self._engine.recipe
                read_ms = sum(float(str(found.told.pop("window_read_ms", 0))) for found in window)
                report = {
                    "timings_ms": {"read": read_ms, **trace.timings_ms()},
                    "chunks_embedded": len(embedded.vectors),
                    "measured": embedded.measured,
                }
                limits = (settings.window_documents, settings.window_bytes)
                self.staging.settle(self.owner.name, settled, embedded.vectors, recipe, limits, report)
        self.staging.tell_timing(window[0].task.job_id, "store", trace.timings_ms().get("store", 0.0))

    def _settled(self, found: Composed, staged: Staged | None) -> Settled:
        outcome = found.outcome
        if outcome == "read":
            outcome = "changed" if self.staging.known(found.task.source, found.task.path) else "added"
        dead = None
        if found.error is not None:
            told = found.error
            dead = Dead(told.code, told.message, told.hint, found.content_key, found.task.location)
        return Settled(found.task, outcome, found.told, staged, dead, found.members)

    def _postponed(self, found: Composed) -> bool:
        """Whether a failure may pass and the task is tried again later."""
        if found.error is None or not found.error.retryable:
            return False
        return self.staging.queue.postpone(found.task, self.owner.name, clock())

    def publish(self, job_id: int) -> bool:
        """Makes a job's documents searchable when all its tasks are settled; whether this worker did. Raises WriterBusy."""
        if not self.staging.queue.begin_publishing(job_id, self.owner.name, self.is_alive):
            return False
        self._progress.advance(1, 1, "writing the index")
        with CatalogWriter(self._engine.directory, self._engine.settings.storage, self._writer_wait_s) as writer:
            if writer.needs_publishing(job_id):
                began = time.perf_counter()
                writer.publish(job_id, self._engine.recipe, {"published": True})
                self.staging.tell_timing(job_id, "publish", (time.perf_counter() - began) * 1000)
            else:
                writer.finish(job_id, {"published": False, "generation": f"{writer.live_generation() or 0:06d}"})
        self._tell_alike(job_id)
        self._empty_spool()
        return True

    def _empty_spool(self) -> None:
        """Removes what was sent to or unpacked by jobs that have ended, also by those that were killed."""
        unfinished = {str(job.job_id) for job in self.staging.queue.jobs(unfinished=True)}
        spool = spool_of(self._engine)
        for folder in spool.iterdir() if spool.is_dir() else ():
            if folder.name not in unfinished:
                shutil.rmtree(folder, ignore_errors=True)

    def _tell_alike(self, job_id: int) -> None:
        """Says of each new document which others say nearly the same."""
        told = []
        for source, path, outcome, _ in self.staging.queue.told(job_id):
            if outcome in {"added", "changed"}:
                alike = self._engine.catalog.alike(document_id(source, path))
                told += [
                    {"uri": f"{source}/{path}", "like": a.uri, "likeness": round(a.likeness, 2)} for a in alike[:1]
                ]
        if told:
            self.staging.tell(job_id, {"duplicates": told})

    def _advance(self, job: JobRow, tasks: list[Task] | None = None) -> None:
        what = tasks[0].uri if tasks else ("waiting for other workers" if job.leased else "writing the index")
        self._progress.advance(job.settled, job.tasks, what)

    def _beat(self) -> None:
        """Says that this worker lives, on a connection of its own."""
        with Staging(self._engine.directory) as staging:
            while not self._stopped.wait(BEAT_S):
                staging.queue.beat(self.owner.name, LEASE_S, clock())
