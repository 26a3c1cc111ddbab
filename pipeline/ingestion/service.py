"""What a running service does for ingestion: it works on jobs that nobody else works on, one at a time."""

from __future__ import annotations

from citewell.index.store.catalog import CATALOG_NAME
from citewell.index.store.migrations import format_of
from citewell.index.store.owners import alive
from citewell.index.store.queue import JobRow
from citewell.index.store.schema import FORMAT_VERSION
from citewell.index.store.staging import Staging
from citewell.pipeline.ingestion.worker import Worker
from citewell.pipeline.upkeep.chore import Chore
from citewell.pipeline.wiring import Engine

INTERVAL_S = 1.0


class JobKeeper(Chore):
    """Finishes what was sent or interrupted; when it stops, the window under way is stored first, and the job goes on with the next start."""

    def __init__(self, engine: Engine, interval_s: float = INTERVAL_S) -> None:
        super().__init__("jobs", interval_s)
        self._engine = engine

    def look_once(self) -> list[int]:
        """Works on the jobs that nobody works on; their numbers."""
        waiting = self._waiting()
        if not waiting:
            return []
        with Worker(self._engine) as worker:
            mine = [job for job in waiting if worker.takes(job)]
            for job in mine:
                worker.run(job.job_id, self.stopped)
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
