"""The queue of what is to be ingested: jobs, and a task for each file, which any number of workers take from it.

A worker leases the tasks of one window at a time and says from time to time that it lives. A lease that is lost gives its tasks back. What a
task did is written in the transaction that ends it, and only by who still holds its lease: so each task has its effect once.

    job    planning -> running <-> paused -> publishing -> done
                        any but publishing -> cancelled;  running, its worker gone -> superseded by another ingestion of the same source
    task   waiting -> leased -> settled;  leased -> waiting again, after a failure that may pass or with a lost lease
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from citewell.core.errors import JobNotFound, JobState
from citewell.index.files import reached

OPEN = ("planning", "running", "paused", "publishing")
MAX_ATTEMPTS = 3
BACKOFF_S = 0.5  # before the second attempt, twice as long before the third, with as much again by chance at most
ALONE_AFTER = 3  # lost leases, after which a task is taken alone, so that one that ends its worker harms no other
MAX_LOST_ALONE = 3  # more, and it is a dead letter
KEPT_JOBS = 50  # whose tasks are remembered
Chance = Callable[[], float]


@dataclass(frozen=True, slots=True)
class NewTask:
    """What is to be done with one document's source: `read` it at `location`, or `remove` the document.

    `start_byte` and `size_bytes` say which part of a feed it is; `depth` how many files it lies in.
    """

    action: str
    source: str
    path: str
    location: str = ""
    start_byte: int = 0
    size_bytes: int = 0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Task(NewTask):
    """A task of the queue that is leased."""

    task_id: int = 0
    job_id: int = 0
    window: int = 0
    attempts: int = 0
    lost: int = 0

    @property
    def uri(self) -> str:
        """What readers are shown."""
        return f"{self.source}/{self.path}"


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job: what it is, how far it is, and what it did."""

    job_id: int
    kind: str
    label: str
    state: str
    owner: str
    request: Mapping[str, Any]
    report: Mapping[str, Any]
    created_at: str
    ended_at: str | None
    waiting: int
    leased: int
    settled: int
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def tasks(self) -> int:
        """All of them."""
        return self.waiting + self.leased + self.settled


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A write transaction: all of it or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


class JobQueue:
    """Jobs and tasks over one connection to the catalog; `chance` spreads the retries."""

    def __init__(self, db: sqlite3.Connection, chance: Chance = random.random) -> None:
        self._db = db
        self._chance = chance

    def create(self, kind: str, label: str, request: Mapping[str, Any], owner: str) -> int:
        """A new job in the state of planning; its number."""
        values = (kind, label, "planning", owner, json.dumps(request, ensure_ascii=False), now_text())
        sql = "INSERT INTO jobs (kind, label, state, owner, request, created_at) VALUES (?, ?, ?, ?, ?, ?)"
        with transaction(self._db):
            number = self._db.execute(sql, values).lastrowid
        assert number is not None
        return number

    def plan(self, job_id: int, tasks: Iterable[NewTask], window_documents: int, window_bytes: int) -> None:
        """Gives a job its tasks, in windows of so many documents and bytes at most, and lets workers take them."""
        with transaction(self._db):
            self.add(job_id, tasks, window_documents, window_bytes)
            self._db.execute("UPDATE jobs SET state = 'running' WHERE job_id = ? AND state = 'planning'", (job_id,))
        reached("job planned")

    def add(self, job_id: int, tasks: Iterable[NewTask], window_documents: int, window_bytes: int) -> None:
        """Gives a job more tasks, within the caller's transaction."""
        last = self._db.execute("SELECT coalesce(max(window), -1) FROM tasks WHERE job_id = ?", (job_id,)).fetchone()[0]
        self._db.executemany(
            "INSERT INTO tasks (job_id, window, action, source, path, location, start_byte, size_bytes, depth, state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')",
            (
                (job_id, window, t.action, t.source, t.path, t.location, t.start_byte, t.size_bytes, t.depth)
                for window, t in in_windows(tasks, last + 1, window_documents, window_bytes)
            ),
        )

    def lease(self, owner: str, lease_s: float, now: float, recipe: str, job_id: int | None = None) -> list[Task]:
        """The tasks of the first window that has waiting ones, leased to `owner`; none when there are none.

        `recipe` is how the worker makes passages and vectors: it takes no job that was planned for another. A task whose lease was lost
        several times is leased alone.
        """
        of_job = "" if job_id is None else "AND t.job_id = :job"
        ready = (
            f"FROM tasks t JOIN jobs j USING (job_id) WHERE j.state = 'running' AND t.state = 'waiting' AND t.not_before <= :now "
            f"AND json_extract(j.request, '$.recipe') = :recipe {of_job}"
        )
        values: dict[str, object] = {"now": now, "job": job_id, "recipe": recipe}
        with transaction(self._db):
            first = self._db.execute(
                f"SELECT t.task_id, t.job_id, t.window, t.lost {ready} ORDER BY t.job_id, t.window, t.lost, t.task_id LIMIT 1",
                values,
            ).fetchone()
            if first is None:
                return []
            values |= {"of": first["job_id"], "window": first["window"], "alone": ALONE_AFTER, "only": first["task_id"]}
            which = (
                "t.task_id = :only"
                if first["lost"] >= ALONE_AFTER
                else "t.job_id = :of AND t.window = :window AND t.lost < :alone"
            )
            rows = self._db.execute(f"SELECT t.* {ready} AND {which} ORDER BY t.task_id", values).fetchall()
            self._db.executemany(
                "UPDATE tasks SET state = 'leased', owner = ?, lease_until = ?, attempts = attempts + 1 WHERE task_id = ?",
                [(owner, now + lease_s, row["task_id"]) for row in rows],
            )
        reached("tasks leased")
        return [_task(row) for row in rows]

    def beat(self, owner: str, lease_s: float, now: float) -> None:
        """Says that `owner` lives: its leases hold for another while."""
        with transaction(self._db):
            self._db.execute(
                "UPDATE tasks SET lease_until = ? WHERE owner = ? AND state = 'leased'", (now + lease_s, owner)
            )

    def give_back(self, owner: str) -> None:
        """Ends the leases of a worker that stops deliberately, as if it had not begun."""
        with transaction(self._db):
            self._db.execute(
                "UPDATE tasks SET state = 'waiting', owner = '', attempts = attempts - 1 WHERE owner = ? AND state = 'leased'",
                (owner,),
            )

    def take_back(self, now: float, is_alive: Callable[[str], bool]) -> int:
        """Ends the leases that ran out, or whose worker is gone; how many tasks wait again.

        The attempt does not count: a file cannot end its worker while it is read, only its parsing process.
        """
        owners = [r[0] for r in self._db.execute("SELECT DISTINCT owner FROM tasks WHERE state = 'leased'")]
        gone = [owner for owner in owners if not is_alive(owner)]
        with transaction(self._db):
            return self._db.execute(
                "UPDATE tasks SET state = 'waiting', owner = '', attempts = attempts - 1, lost = lost + 1 WHERE state = 'leased' "
                "AND (lease_until < ? OR owner IN (SELECT value FROM json_each(?)))",
                (now, json.dumps(gone)),
            ).rowcount

    def postpone(self, task: Task, owner: str, now: float) -> bool:
        """Has a task tried again later, where it may be; False when it has had its tries or its lease is lost."""
        if task.attempts >= MAX_ATTEMPTS:
            return False
        wait = BACKOFF_S * 2 ** (task.attempts - 1) * (1 + self._chance())
        with transaction(self._db):
            sql = "UPDATE tasks SET state = 'waiting', owner = '', not_before = ? WHERE task_id = ? AND owner = ? AND state = 'leased'"
            return self._db.execute(sql, (now + wait, task.task_id, owner)).rowcount == 1

    def begin_publishing(self, job_id: int, owner: str, is_alive: Callable[[str], bool]) -> bool:
        """Whether `owner` is the one to publish a job: all its tasks are settled, and nobody else who lives publishes it."""
        with transaction(self._db):
            row = self._db.execute("SELECT state, owner FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
            if row is None or row["state"] not in {"running", "publishing"} or self._open_tasks(job_id):
                return False
            if row["state"] == "publishing" and row["owner"] != owner and is_alive(row["owner"]):
                return False
            self._db.execute("UPDATE jobs SET state = 'publishing', owner = ? WHERE job_id = ?", (owner, job_id))
        reached("publishing begun")
        return True

    def _open_tasks(self, job_id: int) -> int:
        sql = "SELECT count(*) FROM tasks WHERE job_id = ? AND state IN ('waiting', 'leased')"
        return int(self._db.execute(sql, (job_id,)).fetchone()[0])

    def supersede(self, job_id: int, sources: Collection[str], is_alive: Callable[[str], bool]) -> list[int]:
        """Ends unfinished ingestions of these sources that nobody works on any more, in favour of a new one; their numbers.

        What they staged can be taken over until the new one is done.
        """
        rows = self._db.execute(
            "SELECT job_id, owner FROM jobs WHERE job_id != ? AND state IN ('planning', 'running', 'publishing') AND kind IN ('paths', 'feed', 'documents') "
            "AND EXISTS (SELECT 1 FROM json_each(request, '$.sources') s JOIN json_each(?) n ON n.value = s.value)",
            (job_id, json.dumps(sorted(sources))),
        ).fetchall()
        busy = {
            r[0] for r in self._db.execute("SELECT DISTINCT owner FROM tasks WHERE state = 'leased'") if is_alive(r[0])
        }
        old = [r["job_id"] for r in rows if not is_alive(r["owner"]) and not (busy & self._owners(r["job_id"]))]
        with transaction(self._db):
            self._db.executemany(
                "UPDATE jobs SET state = 'superseded', ended_at = ? WHERE job_id = ?", [(now_text(), n) for n in old]
            )
            self._db.executemany(
                "DELETE FROM tasks WHERE job_id = ? AND state IN ('waiting', 'leased')", [(n,) for n in old]
            )
        return old

    def _owners(self, job_id: int) -> set[str]:
        return {
            r[0]
            for r in self._db.execute(
                "SELECT DISTINCT owner FROM tasks WHERE job_id = ? AND state = 'leased'", (job_id,)
            )
        }

    def abandon(self, is_alive: Callable[[str], bool]) -> None:
        """Ends jobs that were never planned to the end, or whose documents lived in a process that is gone."""
        rows = self._db.execute(
            "SELECT job_id, owner FROM jobs WHERE state = 'planning' OR (kind = 'documents' AND state IN ('running', 'publishing'))"
        )
        for row in rows.fetchall():
            if not is_alive(row["owner"]):
                self._end(row["job_id"], "cancelled")

    def pause(self, job_id: int) -> None:
        """Lets no worker take more of a job's tasks; those under way are finished. Raises JobNotFound or JobState."""
        self._change(job_id, "paused", {"running"})

    def resume(self, job_id: int) -> None:
        """Lets workers take a paused job's tasks again. Raises JobNotFound or JobState."""
        self._change(job_id, "running", {"paused", "running"})

    def cancel(self, job_id: int) -> None:
        """Ends a job and drops what it staged; what is searchable stays. Raises JobNotFound or JobState."""
        self._change(job_id, "cancelled", {"planning", "running", "paused"})
        self._end(job_id, "cancelled")
        reached("job cancelled")

    def _change(self, job_id: int, state: str, allowed: Collection[str]) -> None:
        with transaction(self._db):
            row = self._db.execute("SELECT state FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
            if row is None:
                raise JobNotFound(f"there is no job {job_id}")
            if row["state"] not in allowed:
                raise JobState(f"job {job_id} is {row['state']}: it cannot be {state}")
            self._db.execute("UPDATE jobs SET state = ? WHERE job_id = ?", (state, job_id))

    def _end(self, job_id: int, state: str) -> None:
        with transaction(self._db):
            self._db.execute("UPDATE jobs SET state = ?, ended_at = ? WHERE job_id = ?", (state, now_text(), job_id))
            self._db.execute(
                "UPDATE tasks SET state = 'settled', outcome = 'cancelled' WHERE job_id = ? AND state IN ('waiting', 'leased')",
                (job_id,),
            )
            self._db.execute("DELETE FROM documents WHERE valid_from IS NULL AND staged_by = ?", (job_id,))

    def finish(self, job_id: int, report: Mapping[str, Any]) -> None:
        """Marks a job as done, drops what it superseded, and forgets the tasks of old jobs; within the caller's transaction."""
        self._db.execute("UPDATE jobs SET state = 'done', ended_at = ? WHERE job_id = ?", (now_text(), job_id))
        self.tell(job_id, report)
        held = "json_extract(told, '$.container_key')"
        self._db.execute(
            f"INSERT OR REPLACE INTO containers SELECT source, path, {held} FROM tasks WHERE job_id = ? AND {held} IS NOT NULL",
            (job_id,),
        )
        gone = "SELECT 1 FROM tasks t WHERE t.job_id = ? AND t.outcome = 'removed' AND t.source = containers.source AND t.path = containers.path"
        self._db.execute(f"DELETE FROM containers WHERE EXISTS ({gone})", (job_id,))
        old = "SELECT job_id FROM jobs WHERE state = 'superseded'"
        self._db.execute(f"DELETE FROM documents WHERE valid_from IS NULL AND staged_by IN ({old})")
        self._db.execute(f"UPDATE jobs SET state = 'cancelled' WHERE job_id IN ({old})")
        ended = "SELECT job_id FROM jobs WHERE ended_at IS NOT NULL ORDER BY job_id DESC LIMIT -1 OFFSET ?"
        self._db.execute(f"DELETE FROM jobs WHERE job_id IN ({ended})", (KEPT_JOBS,))

    def tell(self, job_id: int, report: Mapping[str, Any]) -> None:
        """Adds to what is told of a job; numbers are added up, other values replaced."""
        row = self._db.execute("SELECT report FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        if row is not None:
            told = added(json.loads(row[0]), report)
            self._db.execute(
                "UPDATE jobs SET report = ? WHERE job_id = ?", (json.dumps(told, ensure_ascii=False), job_id)
            )

    def job(self, job_id: int) -> JobRow:
        """One job. Raises JobNotFound."""
        found = self._jobs("WHERE job_id = ?", (job_id,))
        if not found:
            raise JobNotFound(f"there is no job {job_id}")
        return found[0]

    def jobs(self, *, unfinished: bool = False) -> list[JobRow]:
        """The jobs that are remembered, the newest last."""
        which = f"WHERE state IN {OPEN}" if unfinished else ""
        return self._jobs(which, ())

    def _jobs(self, which: str, values: Sequence[object]) -> list[JobRow]:
        rows = self._db.execute(f"SELECT * FROM jobs {which} ORDER BY job_id", values).fetchall()
        return [self._row(row) for row in rows]

    def _row(self, row: sqlite3.Row) -> JobRow:
        counts: dict[str, int] = {}
        outcomes: dict[str, int] = {}
        sql = "SELECT state, outcome, count(*) AS n FROM tasks WHERE job_id = ? GROUP BY state, outcome"
        for found in self._db.execute(sql, (row["job_id"],)):
            counts[found["state"]] = counts.get(found["state"], 0) + found["n"]
            if found["state"] == "settled":
                outcomes[found["outcome"]] = found["n"]
        return JobRow(
            row["job_id"], row["kind"], row["label"], row["state"], row["owner"], json.loads(row["request"]), json.loads(row["report"]),
            row["created_at"], row["ended_at"], counts.get("waiting", 0), counts.get("leased", 0), counts.get("settled", 0), outcomes,
        )  # fmt: skip

    def told(self, job_id: int) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """Source, path, outcome and what is told of each settled task, in their order."""
        sql = "SELECT source, path, outcome, told FROM tasks WHERE job_id = ? AND state = 'settled' ORDER BY task_id"
        for row in self._db.execute(sql, (job_id,)).fetchall():
            yield row["source"], row["path"], row["outcome"], json.loads(row["told"])


def in_windows(tasks: Iterable[NewTask], first: int, most: int, most_bytes: int) -> Iterator[tuple[int, NewTask]]:
    """Each task with the number of its window: so many tasks, and so many bytes where one alone has not more."""
    window, count, size = first, 0, 0
    for task in tasks:
        if count and (count == most or size + task.size_bytes > most_bytes):
            window, count, size = window + 1, 0, 0
        yield window, task
        count, size = count + 1, size + task.size_bytes


def added(told: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both, with numbers added up, also within mappings."""
    result = dict(told)
    for name, value in more.items():
        before = result.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            result[name] = added(before, value)
        elif isinstance(value, int | float) and isinstance(before, int | float) and not isinstance(value, bool):
            result[name] = before + value
        else:
            result[name] = value
    return result


def _task(row: sqlite3.Row) -> Task:
    new = {name: row[name] for name in asdict(NewTask("", "", ""))}
    return Task(
        **new,
        task_id=row["task_id"],
        job_id=row["job_id"],
        window=row["window"],
        attempts=row["attempts"] + 1,
        lost=row["lost"],
    )


def now_text() -> str:
    """The present time, as it is stored."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def clock() -> float:
    """The time that leases are measured in: seconds since 1970, the same for all processes of the machine."""
    return time.time()
