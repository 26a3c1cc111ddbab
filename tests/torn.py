"""An ingestion with updates and deletions that is killed again and again, in its parent and in its workers, and what must be true of it."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ingesting import engine_of
from killing import WORDS
from programs import environment

from citewell.core.types import document_id
from citewell.index.store.verify import verify
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.ask import search
from citewell.pipeline.upkeep.maintain import compact

TESTS = Path(__file__).parent
# Steps of the queue and of publication; the second number: at which of the first times the step is reached.
STEPS = (
    ("job planned", 1), ("tasks leased", 3), ("tasks leased", 9), ("window staged", 1), ("window staged", 2), ("window staged", 6),
    ("publishing begun", 1), ("blocks written", 1), ("lexical written", 1), ("manifest written", 1), ("files synced", 1),
    ("folder renamed", 1), ("generation named", 1), ("generation committed", 1), ("folders removed", 1),
)  # fmt: skip
# Words of which each stands in some forty documents: fewer than a retriever returns, so that no tie is cut through.
RARE = [f"term{number}" for number in range(1500)]
QUESTIONS = ("term3 term700", "term41 term1200", "term250 term999", "term8 term1499")
State = tuple[list[tuple[object, ...]], list[tuple[object, ...]], list[tuple[object, ...]]]


class Torn:
    """A folder of documents that change, an index of it that is torn, and the truth about both."""

    def __init__(self, place: Path, documents: int, seed: int = 3) -> None:
        self.folder, self.directory = place / "docs", place / "torn"
        self.chance = random.Random(seed)
        self.deleted: set[str] = set()
        self.folder.mkdir(parents=True)
        for number in range(documents):
            self._write(f"{number:04d}.md")
        self._next = documents

    def _write(self, name: str) -> None:
        text = " ".join(self.chance.choices(WORDS, k=30) + self.chance.choices(RARE, k=30))
        (self.folder / name).write_text(f"# Note {name}\n\n{text} edition{self.chance.random()}.\n")

    def change(self, updates: int, deletions: int) -> None:
        """Some documents are written anew, some come, and some are deleted: their files go, and the deletion is acknowledged."""
        names = sorted(path.name for path in self.folder.iterdir())
        for name in self.chance.sample(names, updates):
            self._write(name)
        for _ in range(deletions):
            self._write(f"{self._next:04d}.md")
            self._next += 1
        living = {s.uri.partition("/")[2] for s in engine_of(self.directory).catalog.summaries()}
        for name in self.chance.sample(names, deletions):
            (self.folder / name).unlink()
            self.deleted.add(name)
            if name in living:
                with CatalogWriter(self.directory, engine_of(self.directory).settings.storage, 60) as writer:
                    writer.delete(document_id("docs", name))

    def _start(self, role: str, *stop: object) -> subprocess.Popen[bytes]:
        program = [sys.executable, TESTS / "ingesting.py", self.directory, self.folder, role, *map(str, stop)]
        surroundings = environment(PYTHONPATH=f"{TESTS}:{TESTS.parent / 'src'}", OMP_NUM_THREADS="1")
        return subprocess.Popen(program, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def run(self) -> None:
        """One ingestion that is not disturbed."""
        process = self._start("parent")
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()

    def kill(self, step: str, times: int, role: str) -> bool:
        """Runs an ingestion in one process, or queues it for a worker, that kills itself at the step; whether it did."""
        if role == "worker":
            queued = self._start("queue")
            _, errors = queued.communicate(timeout=300)
            assert queued.returncode == 0, errors.decode()
        process = self._start(role, step, times)
        process.communicate(timeout=300)
        return process.returncode == -signal.SIGKILL

    def check(self) -> None:
        """After any kill: the index is sound, nothing is there twice, nothing that was deleted is there."""
        engine = engine_of(self.directory)
        if not (self.directory / "catalog.sqlite").is_file() or engine.catalog.live_generation() is None:
            return
        assert verify(self.directory, engine.catalog) == []
        uris = [summary.uri.partition("/")[2] for summary in engine.catalog.summaries()]
        assert len(uris) == len(set(uris))
        assert not self.deleted & set(uris)
        engine.close()

    def compare(self, calm: Path) -> None:
        """After an undisturbed run: all that is in the folder and nothing else, as an index has it that was never disturbed."""
        uris = {s.uri.partition("/")[2] for s in engine_of(self.directory).catalog.summaries()}
        assert uris == {path.name for path in self.folder.iterdir()}
        fresh = Torn.__new__(Torn)
        fresh.folder, fresh.directory, fresh.deleted = self.folder, calm, set()
        fresh.run()
        assert state(self.directory) == state(calm)
        for directory in (self.directory, calm):
            compact(engine_of(directory), thoroughly=True, wait_s=60)
        assert same_scores(self.directory, calm)
        assert _staged(self.directory) == 0
        assert list((self.directory / "spool").glob("*")) == []


def state(directory: Path) -> State:
    """Living documents, their passages, and the vector of each passage."""
    db = sqlite3.connect(directory / "catalog.sqlite")
    alive = "d.valid_from IS NOT NULL AND d.valid_to IS NULL AND d.deleted = 0"
    rows = [
        db.execute(sql).fetchall()
        for sql in (
            f"SELECT doc_id, version, uri, text FROM documents d WHERE {alive} ORDER BY doc_id",
            f"SELECT chunk_id, start_char, end_char FROM chunks c JOIN documents d USING (row_id) WHERE {alive} ORDER BY chunk_id",
            f"SELECT c.chunk_id, v.vector FROM chunks c JOIN documents d USING (row_id) JOIN vectors v USING (content_hash) WHERE {alive} "
            "ORDER BY c.chunk_id",
        )
    ]
    db.close()
    return rows[0], rows[1], rows[2]


def same_scores(one: Path, other: Path) -> bool:
    """Whether searches find the same with the same scores. Where passages tie for the last place of a retriever, either may have it."""
    engines = [engine_of(directory) for directory in (one, other)]
    for question in QUESTIONS:
        found = [search(engine, question)[0] for engine in engines]
        same_candidates = True
        for stage in ("bm25", "dense"):
            first, second = (one.ranking(stage) for one in found)
            if [c.score for c in first.candidates] != [c.score for c in second.candidates]:
                return False
            last = first.candidates[-1].score
            above = [{c.chunk_id for c in ranking.candidates if c.score > last} for ranking in (first, second)]
            if above[0] != above[1]:
                return False
            same_candidates &= first.scores() == second.scores()
        # Learning to rank looks at the candidates together: its scores can be compared where these are the same.
        if same_candidates and found[0].final.scores() != found[1].final.scores():
            return False
    return True


def _staged(directory: Path) -> int:
    db = sqlite3.connect(directory / "catalog.sqlite")
    count = db.execute("SELECT count(*) FROM documents WHERE valid_from IS NULL").fetchone()[0]
    db.close()
    return int(count)


def tear(place: Path, documents: int, kills: int, changes: int) -> Iterator[tuple[str, str, bool]]:
    """Kills an ingestion so often; the step, the role and whether it was reached, for each try. Afterwards everything must be right."""
    torn = Torn(place, documents)
    done = tries = 0
    while done < kills:
        step, times = STEPS[tries % len(STEPS)]
        role = "worker" if (tries // len(STEPS)) % 2 and step not in {"job planned"} else "parent"
        if tries and tries % 2 == 0 and (torn.directory / "catalog.sqlite").is_file():
            torn.change(changes, max(1, changes // 3))
        reached = torn.kill(step, times, role)
        torn.check()
        done, tries = done + reached, tries + 1
        yield step, role, reached
        assert tries < 4 * kills + 20, "the steps are not reached"
    torn.run()
    torn.compare(place / "calm")
    shutil.rmtree(place)
