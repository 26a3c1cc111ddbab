"""`kill -9` in the middle of an ingestion costs nothing but the work that was under way."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from programs import PROGRAM, environment, run, run_json

KILLS = 10
DOCUMENTS = 240


def write_documents(folder: Path) -> None:
    generator = random.Random(5)
    words = [
        "pump",
        "valve",
        "seal",
        "sensor",
        "sampler",
        "manual",
        "error",
        "code",
        "leave",
        "travel",
        "hotel",
        "night",
        "limit",
        "report",
        "annual",
        "filter",
        "cable",
        "probe",
    ]
    folder.mkdir()
    for number in range(DOCUMENTS):
        sections = [f"## Section {s}\n\n{' '.join(generator.choices(words, k=90))}." for s in range(3)]
        (folder / f"{number:03d}.md").write_text(f"# Document {number}\n\n" + "\n\n".join(sections))


def state(directory: Path) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], list[tuple[bytes, bytes]]]:
    """Living documents, passages and the vectors stored for them."""
    db = sqlite3.connect(directory / "catalog.sqlite")
    alive = "d.valid_from IS NOT NULL AND d.valid_to IS NULL AND d.deleted = 0"
    documents = db.execute(f"SELECT doc_id, version, uri FROM documents d WHERE {alive} ORDER BY doc_id").fetchall()
    passages = db.execute(
        f"SELECT chunk_id, start_char, end_char FROM chunks c JOIN documents d USING (row_id) WHERE {alive} ORDER BY chunk_id"
    ).fetchall()
    vectors = db.execute("SELECT content_hash, vector FROM vectors ORDER BY content_hash").fetchall()
    db.close()
    return documents, passages, vectors


def kill_after_a_write(folder: Path, directory: Path, delay_s: float) -> bool:
    """Starts an ingestion, waits until it has written something and a little longer, and kills it; False if it ended before."""
    process = subprocess.Popen(
        [PROGRAM, "ingest", folder, "--dir", directory], env=environment(CITEWELL_INGEST__WINDOW_DOCUMENTS="8"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    before = written(directory)
    deadline = time.monotonic() + 120
    while process.poll() is None and written(directory) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(delay_s)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return running


def written(directory: Path) -> int:
    if not (directory / "catalog.sqlite").exists():
        return -1
    db = sqlite3.connect(f"file:{directory / 'catalog.sqlite'}?mode=ro", uri=True)
    try:
        return int(db.execute("SELECT count(*) FROM vectors").fetchone()[0])
    except sqlite3.OperationalError:  # the tables are not there yet
        return -1
    finally:
        db.close()


@pytest.mark.slow
def test_ten_kills_leave_the_same_index_as_an_undisturbed_run(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    write_documents(folder)
    calm, torn = tmp_path / "calm", tmp_path / "torn"
    run("ingest", folder, "--dir", calm, cwd=tmp_path, CITEWELL_INGEST__WINDOW_DOCUMENTS="8")
    generator = random.Random(11)
    killed = sum(kill_after_a_write(folder, torn, generator.uniform(0, 0.6)) for _ in range(KILLS))
    run("ingest", folder, "--dir", torn, cwd=tmp_path, CITEWELL_INGEST__WINDOW_DOCUMENTS="8")
    assert killed >= 5, "the runs ended before they were killed"
    assert state(torn) == state(calm)
    assert run_json("doctor", "--dir", torn, cwd=tmp_path)["healthy"]
    assert len(list((torn / "generations").iterdir())) == 1
