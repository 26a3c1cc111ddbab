"""What a running service does for ingestion: it works on jobs that nobody else works on, one at a time."""

from __future__ import annotations

import logging
import threading

from citewell.core.errors import CitewellError, WriterBusy
from citewell.index.store.catalog import CATALOG_NAME
from citewell.index.store.migrations import format_of
from citewell.index.store.owners import alive
from citewell.index.store.queue import JobRow
from citewell.index.store.schema import FORMAT_VERSION
from citewell.index.store.staging import Staging
from citewell.pipeline.ingestion.worker import Worker
from citewell.pipeline.wiring import Engine

INTERVAL_S = 1.0
_log = logging.getLogger("citewell.ingestion")


class JobKeeper:
    """A thread that finishes what was sent or interrupted, between `start` and `stop`."""

    def __init__(self, engine: Engine, interval_s: float = INTERVAL_S) -> None:
        self._engine = engine
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; the window under way is stored first, and the job goes on with the next start."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            try:
                self.look_once()
            except WriterBusy:
                continue  # looked at again
            except CitewellError as error:
                _log.error("a job was not finished: %s (%s)", error.message, error.hint)
            except Exception:
                _log.exception("a job was not finished")

    def look_once(self) -> list[int]:
        """Works on the jobs that nobody works on; their numbers."""
        waiting = self._waiting()
        if not waiting:
            return []
        with Worker(self._engine) as worker:
            mine = [job for job in waiting if worker.takes(job)]
            for job in mine:
                worker.run(job.job_id, self._stopped)
        return [job.job_id for job in mine]

    def _waiting(self) -> list[JobRow]:
        directory = self._engine.directory
        if format_of(directory / CATALOG_NAME) != FORMAT_VERSION:
            return []
        with Staging(directory) as staging:
            return [
                job
                for job in staging.queue.jobs(unfinished=True)
                if job.state in {"running", "publishing"}
                and job.kind != "documents"
                and not alive(directory, job.owner)
            ]
