"""Publications and rollbacks under readers: no error, no result set of two generations, and nothing withdrawn comes back."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from killing import engine_of
from programs import environment
from reading import look

from citewell.core.types import document_id
from citewell.index.store.verify import verify
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.build import ingest_paths

TESTS = Path(__file__).parents[1]
ROUNDS = 10
THREADS = 8
PROCESSES = 2
HR = frozenset({"hr"})


def write(folder: Path, edition: int) -> None:
    for number in range(12):
        text = f"Note {number} says that the pump and the valve are in the report, edition{edition}.\n"
        (folder / f"{number}.md").write_text(text)


@pytest.mark.slow
def test_readers_never_wait_fail_or_mix(tmp_path: Path) -> None:
    folder, directory, stop = tmp_path / "notes", tmp_path / "index", tmp_path / "stop"
    folder.mkdir()
    writer, reader = engine_of(directory), engine_of(directory)
    write(folder, 0)
    ingest_paths(writer, [folder])
    surroundings = environment(PYTHONPATH=f"{TESTS}:{TESTS.parent / 'src'}", OMP_NUM_THREADS="1")
    program = [sys.executable, TESTS / "reading.py", directory, stop]
    others = [subprocess.Popen(program, env=surroundings, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    seen: list[tuple[str, frozenset[str], frozenset[str]]] = []
    errors: list[BaseException] = []

    def read() -> None:
        while not stop.exists():
            try:
                seen.append(look(reader))
            except BaseException as error:  # the test reports whatever it is
                errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        gone, withdrawn = document_id("notes", "3.md"), document_id("notes", "5.md")
        with CatalogWriter(directory, writer.settings.storage) as store:
            store.delete(gone)
            store.set_groups(withdrawn, ["hr"])
        (folder / "3.md").unlink()
        assert look(reader, HR)[2] == {"notes/5.md"}
        with CatalogWriter(directory, writer.settings.storage) as store:
            store.set_groups(withdrawn, [])
        for edition in range(1, ROUNDS + 1):
            write(folder, edition)
            (folder / "3.md").unlink()
            ingest_paths(writer, [folder])
            rows = writer.catalog.generation_rows()
            deadline = time.monotonic() + 30  # on a busy machine the readers' threads may wait for their turn
            while seen[-1][0] != f"{rows[-1].generation:06d}" and time.monotonic() < deadline:
                time.sleep(0.01)
            with CatalogWriter(directory, writer.settings.storage) as store:
                store.make_live(rows[-2].generation, deliberate=True)
            assert "notes/3.md" not in look(reader)[2]
            assert not look(reader, HR)[2]
    finally:
        stop.touch()
        for thread in threads:
            thread.join()
    told = [json.loads(other.communicate(timeout=60)[0]) for other in others]
    assert errors == []
    assert all(len(editions) == 1 for _, editions, _ in seen)
    assert len({generation for generation, _, _ in seen}) > ROUNDS
    assert all(not t["errors"] and not t["mixed"] and t["searches"] for t in told), told
    assert verify(directory, writer.catalog) == []
