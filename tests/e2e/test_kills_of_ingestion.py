"""`kill -9` of a parent or a worker at any step of an ingestion with updates and deletions costs nothing that was acknowledged.

The long form is benchmarks/kills_of_ingestion.py.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ingesting import engine_of
from programs import environment
from torn import tear

from citewell.index.store.verify import verify
from citewell.pipeline.build import queue_paths
from citewell.pipeline.ingestion import desk
from citewell.pipeline.ingestion.worker import LEASE_S

TESTS = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_torn_ingestion_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    seen = list(tear(tmp_path / "place", documents=120, kills=16, changes=12))
    assert {role for _, role, reached in seen if reached} == {"parent", "worker"}


@pytest.mark.slow
def test_four_workers_do_nothing_twice_and_one_that_is_killed_gives_its_files_back(tmp_path: Path) -> None:
    folder, directory = tmp_path / "docs", tmp_path / "index"
    folder.mkdir()
    for number in range(400):
        (folder / f"{number:03d}.md").write_text(
            f"# Note {number}\n\nNote {number} says what the pump and the valve do.\n"
        )
    job = queue_paths(engine_of(directory), [folder]).job
    surroundings = environment(PYTHONPATH=f"{TESTS}:{TESTS.parent / 'src'}", OMP_NUM_THREADS="1")
    program = [sys.executable, TESTS / "ingesting.py", directory, folder, "worker"]
    killed = subprocess.Popen([*program, "tasks leased", "2"], env=surroundings)
    others = [subprocess.Popen(program, env=surroundings) for _ in range(3)]
    killed.wait(timeout=120)
    gone = time.monotonic()
    for worker in others:
        assert worker.wait(timeout=120) == 0
    assert killed.returncode == -signal.SIGKILL
    assert time.monotonic() - gone < LEASE_S
    engine = engine_of(directory)
    row, report = desk.job(directory, job)
    assert (row.state, row.outcomes, len(report.added)) == ("done", {"added": 400}, 400)
    assert len({summary.uri for summary in engine.catalog.summaries()}) == engine.catalog.counts()["documents"] == 400
    db = sqlite3.connect(directory / "catalog.sqlite")
    assert db.execute("SELECT count(*), count(DISTINCT doc_id) FROM documents").fetchone() == (400, 400)
    assert db.execute("SELECT max(lost), sum(attempts) FROM tasks").fetchone() == (1, 400)
    db.close()
    assert verify(directory, engine.catalog) == []
    engine.close()
