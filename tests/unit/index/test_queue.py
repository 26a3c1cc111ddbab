"""The queue of tasks: a lease has one holder, a lost one gives its tasks back, and what is refused says why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from citewell.core.errors import JobNotFound, JobState
from citewell.index.store.owners import Owner, alive
from citewell.index.store.queue import (
    ALONE_AFTER,
    BACKOFF_S,
    MAX_ATTEMPTS,
    JobQueue,
    NewTask,
    added,
    in_windows,
)
from citewell.index.store.schema import open_catalog

NOW = 1000.0
LEASE_S = 60.0
RECIPE = "chunker:embedder"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_catalog(tmp_path / "catalog.sqlite", create=True)
    yield connection
    connection.close()


@pytest.fixture
def queue(db: sqlite3.Connection) -> JobQueue:
    return JobQueue(db, chance=lambda: 0.5)


def planned(queue: JobQueue, count: int = 5, window: int = 2, source: str = "s") -> int:
    job = queue.create("paths", source, {"sources": [source], "recipe": RECIPE}, "planner")
    queue.plan(
        job, [NewTask("read", source, f"{n}.md", f"/x/{n}.md", size_bytes=10) for n in range(count)], window, 1000
    )
    return job


def lease(queue: JobQueue, owner: str, now: float = NOW) -> list[str]:
    return [task.path for task in queue.lease(owner, LEASE_S, now, RECIPE)]


def nobody(owner: str) -> bool:
    del owner
    return False


def everybody(owner: str) -> bool:
    del owner
    return True


def test_windows_hold_so_many_tasks_and_bytes_unless_one_alone_has_more() -> None:
    tasks = [NewTask("read", "s", str(n), size_bytes=size) for n, size in enumerate((1, 1, 1, 8, 20, 1))]
    assert [window for window, _ in in_windows(tasks, 0, 2, 9)] == [0, 0, 1, 1, 2, 3]


def test_each_window_goes_to_one_worker_in_order(queue: JobQueue) -> None:
    planned(queue)
    assert lease(queue, "a") == ["0.md", "1.md"]
    assert lease(queue, "b") == ["2.md", "3.md"]
    assert lease(queue, "a") == ["4.md"]
    assert lease(queue, "b") == []


def test_a_worker_with_other_settings_takes_nothing(queue: JobQueue) -> None:
    planned(queue)
    assert queue.lease("a", LEASE_S, NOW, "another:recipe") == []


def test_a_lease_that_ran_out_or_whose_worker_is_gone_is_given_back(queue: JobQueue) -> None:
    planned(queue)
    lease(queue, "a")
    assert queue.take_back(NOW + 1, everybody) == 0
    assert queue.take_back(NOW + LEASE_S + 1, everybody) == 2
    assert lease(queue, "b") == ["0.md", "1.md"]
    assert queue.take_back(NOW + 1, nobody) == 2


def test_a_worker_that_says_that_it_lives_keeps_its_lease(queue: JobQueue) -> None:
    planned(queue)
    lease(queue, "a")
    queue.beat("a", LEASE_S, NOW + 50)
    assert queue.take_back(NOW + LEASE_S + 1, everybody) == 0


def test_a_task_that_ends_its_workers_is_taken_alone(queue: JobQueue) -> None:
    planned(queue)
    for _ in range(ALONE_AFTER):
        assert lease(queue, "a") == ["0.md", "1.md"]
        queue.take_back(NOW, nobody)
    alone = [lease(queue, "b") for _ in range(4)]
    assert sorted(map(tuple, alone)) == [("0.md",), ("1.md",), ("2.md", "3.md"), ("4.md",)]


def test_a_failure_that_may_pass_is_tried_again_later_and_not_for_ever(queue: JobQueue) -> None:
    planned(queue, count=1)
    waits, now = [BACKOFF_S * 1.5, 2 * BACKOFF_S * 1.5], NOW
    for attempt, wait in enumerate(waits, start=1):
        (task,) = queue.lease("a", LEASE_S, now, RECIPE)
        assert task.attempts == attempt
        assert queue.postpone(task, "a", now)
        assert queue.lease("a", LEASE_S, now + wait - 0.01, RECIPE) == []
        now += wait
    (task,) = queue.lease("a", LEASE_S, now, RECIPE)
    assert task.attempts == MAX_ATTEMPTS
    assert not queue.postpone(task, "a", now)


def test_a_lost_lease_is_no_attempt(queue: JobQueue) -> None:
    planned(queue, count=1)
    for _ in range(MAX_ATTEMPTS + 1):
        (task,) = queue.lease("a", LEASE_S, NOW, RECIPE)
        queue.take_back(NOW, nobody)
    assert (task.attempts, task.lost) == (1, MAX_ATTEMPTS)


def test_a_paused_job_is_not_worked_on_and_goes_on_when_it_is_resumed(queue: JobQueue) -> None:
    job = planned(queue)
    queue.pause(job)
    assert lease(queue, "a") == []
    with pytest.raises(JobState):
        queue.pause(job)
    queue.resume(job)
    assert lease(queue, "a") != []


def test_a_cancelled_job_has_no_more_tasks_and_its_leases_are_lost(queue: JobQueue, db: sqlite3.Connection) -> None:
    job = planned(queue)
    lease(queue, "a")
    queue.cancel(job)
    assert queue.job(job).outcomes == {"cancelled": 5}
    assert db.execute("SELECT count(*) FROM tasks WHERE owner = 'a' AND state = 'leased'").fetchone()[0] == 0
    with pytest.raises(JobState):
        queue.resume(job)
    with pytest.raises(JobNotFound):
        queue.cancel(job + 1)


def test_one_worker_publishes_and_another_takes_over_when_it_is_gone(queue: JobQueue, db: sqlite3.Connection) -> None:
    job = planned(queue, count=1)
    assert not queue.begin_publishing(job, "a", everybody)
    db.execute("UPDATE tasks SET state = 'settled'")
    assert queue.begin_publishing(job, "a", everybody)
    assert not queue.begin_publishing(job, "b", everybody)
    assert queue.begin_publishing(job, "b", nobody)
    with pytest.raises(JobState):
        queue.cancel(job)


def test_an_ingestion_that_nobody_works_on_is_superseded_by_one_of_the_same_source(queue: JobQueue) -> None:
    old, other = planned(queue), planned(queue, source="t")
    new = queue.create("paths", "s", {"sources": ["s"], "recipe": RECIPE}, "b")
    assert queue.supersede(new, ["s"], lambda owner: owner == "planner") == []
    assert queue.supersede(new, ["s"], nobody) == [old]
    assert queue.job(old).state == "superseded"
    assert queue.job(other).state == "running"


def test_an_upload_is_never_superseded(queue: JobQueue) -> None:
    job = queue.create("upload", "x", {"sources": ["uploads"], "recipe": RECIPE}, "a")
    queue.plan(job, [NewTask("read", "uploads", "x.md", "/spool/x")], 1, 1)
    new = queue.create("paths", "uploads", {"sources": ["uploads"], "recipe": RECIPE}, "b")
    assert queue.supersede(new, ["uploads"], nobody) == []


def test_a_job_that_was_not_planned_to_the_end_is_dropped(queue: JobQueue) -> None:
    job = queue.create("paths", "s", {"sources": ["s"], "recipe": RECIPE}, "a")
    queue.abandon(everybody)
    assert queue.job(job).state == "planning"
    queue.abandon(nobody)
    assert queue.job(job).state == "cancelled"


def test_numbers_of_a_report_are_added_up() -> None:
    assert added({"a": 1, "t": {"x": 1.5}, "s": "old"}, {"a": 2, "t": {"x": 1, "y": 2}, "s": "new"}) == {
        "a": 3,
        "t": {"x": 2.5, "y": 2},
        "s": "new",
    }


def test_an_owner_is_alive_until_it_is_closed(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    assert alive(tmp_path, owner.name)
    owner.close()
    assert not alive(tmp_path, owner.name)
    assert not alive(tmp_path, "never-was")
    assert not alive(tmp_path, "../../etc/passwd")
