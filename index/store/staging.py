"""Putting documents into the catalog where no reader sees them yet: any number of workers at once, without the writer's lock.

A staged row belongs to a job. Publishing the job (writer.py) makes its rows valid; until then they cost nobody anything, and when the job is
cancelled they go. What a task did is stored in one transaction with its end (queue.py).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from citewell.core.errors import CitewellError
from citewell.core.protocols import Vectors
from citewell.core.types import Chunk, Document
from citewell.index.files import reached
from citewell.index.likeness import store_signature
from citewell.index.store.catalog import (
    ALIVE,
    CATALOG_NAME,
    VECTORS_BY,
)
from citewell.index.store.generations import Recipe
from citewell.index.store.queue import JobQueue, NewTask, Task, now_text, transaction
from citewell.index.store.rows import blob_checksum, dump_blocks, text_checksum
from citewell.index.store.schema import open_catalog


@dataclass(frozen=True, slots=True)
class Staged:
    """A document ready to be stored: where it came from, its passages, and the key of each passage's vector."""

    document: Document
    source: str
    path: str
    content_key: str
    chunks: Sequence[Chunk]
    content_hashes: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Dead:
    """Why a file did not become a document, and which bytes those were."""

    code: str
    reason: str
    hint: str
    content_key: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a task came to: its outcome, what is told of it, and what is to be stored.

    `members` are new tasks: the files that lie in this one, and what lay in it before and does not any more.
    """

    task: Task
    outcome: str
    told: Mapping[str, Any] = field(default_factory=dict)
    staged: Staged | None = None
    dead: Dead | None = None
    members: Sequence[NewTask] = ()


class Staging:
    """A worker's way into the catalog; `queue` is the same connection's. Close it, or use it as a context."""

    def __init__(self, directory: Path) -> None:
        self._db = open_catalog(directory / CATALOG_NAME)
        self.queue = JobQueue(self._db)

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back."""
        self._db.close()

    def known(self, source: str, path: str) -> tuple[str, str] | None:
        """Document id and content key of the living document of a path; None when there is none."""
        sql = f"SELECT doc_id, content_key FROM documents d WHERE source = ? AND path = ? AND {ALIVE}"
        row = self._db.execute(sql, (source, path)).fetchone()
        return None if row is None else (row["doc_id"], row["content_key"])

    def members_of(self, source: str, path: str) -> list[str]:
        """The paths of the living documents that lie in the file at `path`."""
        rows = self._db.execute(
            f"SELECT path FROM documents d WHERE source = ? AND path > ? AND path < ? AND {ALIVE}",
            (source, f"{path}/", f"{path}0"),
        )  # "0" follows "/"
        return [r["path"] for r in rows]

    def drop_letters(self, uris: Collection[str]) -> list[str]:
        """Forgets dead letters; those that there were."""
        with transaction(self._db) as db:
            return [u for u in uris if db.execute("DELETE FROM dead_letters WHERE uri = ?", (u,)).rowcount]

    def adopt(self, task: Task, content_key: str, chunker: str) -> Mapping[str, Any] | None:
        """Takes over what an interrupted job staged for this task from the same bytes; what is told of it, or None.

        The passages must be of the present chunker; their vectors were stored with them.
        """
        with transaction(self._db) as db:
            row = db.execute(
                "SELECT d.row_id, d.doc_id, (SELECT count(*) FROM chunks c WHERE c.row_id = d.row_id AND c.chunker = ?) AS passages FROM documents d "
                "JOIN jobs j ON j.job_id = d.staged_by WHERE d.valid_from IS NULL AND d.source = ? AND d.path = ? AND d.content_key = ? "
                "AND (j.state = 'superseded' OR j.job_id = ?) ORDER BY d.row_id DESC LIMIT 1",
                (chunker, task.source, task.path, content_key, task.job_id),
            ).fetchone()
            if row is None or not row["passages"]:
                return None
            db.execute("UPDATE documents SET staged_by = ? WHERE row_id = ?", (task.job_id, row["row_id"]))
        reached("document adopted")
        return {"passages": row["passages"], "adopted": True}

    def begin(
        self,
        job_id: int,
        sources: Mapping[str, str],
        cleared: Collection[tuple[str, str]],
        refused: Sequence[tuple[str, str, CitewellError]],
    ) -> None:
        """Stores where a job's sources lie, forgets dead letters whose files are gone, and lists what is refused before it is read."""
        with transaction(self._db) as db:
            db.executemany("INSERT OR REPLACE INTO sources VALUES (?, ?)", list(sources.items()))
            db.executemany("DELETE FROM dead_letters WHERE source = ? AND path = ?", list(cleared))
            for source, path, error in refused:
                told = {"code": error.code, "reason": error.message, "hint": error.hint}
                put_dead_letter(db, Task("read", source, path, attempts=1), Dead(error.code, error.message, error.hint))
                db.execute(
                    "INSERT INTO tasks (job_id, window, action, source, path, location, state, outcome, told) "
                    "VALUES (?, -1, 'read', ?, ?, '', 'settled', 'dead', ?)",
                    (job_id, source, path, json.dumps(told, ensure_ascii=False)),
                )

    def stage(self, job_id: int, window: Sequence[Staged], vectors: Mapping[bytes, Vectors], recipe: Recipe) -> None:
        """Stores documents of a job without tasks, and the vectors they need, in one transaction; not visible yet."""
        with transaction(self._db) as db:
            keep_vectors(db, vectors, recipe)
            for staged in window:
                row_id = insert_document(db, staged, job_id)
                insert_chunks(db, row_id, staged.chunks, staged.content_hashes, recipe.fingerprints.chunker)
        reached("window staged")

    def tell(self, job_id: int, report: Mapping[str, Any]) -> None:
        """Adds to what is told of a job."""
        with transaction(self._db):
            self.queue.tell(job_id, report)

    def tell_timing(self, job_id: int, name: str, ms: float) -> None:
        """Adds milliseconds to a stage of a job."""
        self.tell(job_id, {"timings_ms": {name: ms}})

    def settle(
        self,
        owner: str,
        window: Sequence[Settled],
        vectors: Mapping[bytes, Vectors],
        recipe: Recipe,
        windows: tuple[int, int],
        report: Mapping[str, Any],
    ) -> int:
        """Ends tasks and stores what they came to, in one transaction; how many, which is fewer where a lease was lost meanwhile.

        `windows` bounds those of new tasks, in documents and bytes. `report` is added to what is told of the job.
        """
        done = 0
        with transaction(self._db) as db:
            keep_vectors(db, vectors, recipe)
            for settled in window:
                if self._has_vectors(db, settled, vectors, recipe) and self._end_task(db, owner, settled):
                    done += 1
                    self._store(db, settled, recipe, windows)
            if window and done:
                self.queue.tell(window[0].task.job_id, report)
        reached("window staged")
        return done

    def _has_vectors(
        self, db: sqlite3.Connection, settled: Settled, vectors: Mapping[bytes, Vectors], recipe: Recipe
    ) -> bool:
        """Whether each passage has a vector; one that was stored when it was looked up may have been forgotten since: the task waits again."""
        needed = {h for h in settled.staged.content_hashes if h not in vectors} if settled.staged else set()
        stored = "SELECT 1 FROM vectors WHERE content_hash = ? AND embedder = ?"
        if all(db.execute(stored, (h, recipe.fingerprints.embedder)).fetchone() for h in needed):
            return True
        sql = "UPDATE tasks SET state = 'waiting', owner = '', attempts = attempts - 1 WHERE task_id = ? AND state = 'leased'"
        db.execute(sql, (settled.task.task_id,))
        return False

    def _end_task(self, db: sqlite3.Connection, owner: str, settled: Settled) -> bool:
        sql = "UPDATE tasks SET state = 'settled', owner = '', outcome = ?, told = ? WHERE task_id = ? AND owner = ? AND state = 'leased'"
        told = json.dumps(settled.told, ensure_ascii=False)
        return db.execute(sql, (settled.outcome, told, settled.task.task_id, owner)).rowcount == 1

    def _store(self, db: sqlite3.Connection, settled: Settled, recipe: Recipe, windows: tuple[int, int]) -> None:
        task = settled.task
        where = (task.source, task.path)
        if settled.dead is None:
            db.execute("DELETE FROM dead_letters WHERE source = ? AND path = ?", where)
        else:
            put_dead_letter(db, task, settled.dead)
        if settled.staged is not None:
            row_id = insert_document(db, settled.staged, task.job_id)
            chunks, hashes = settled.staged.chunks, settled.staged.content_hashes
            insert_chunks(db, row_id, chunks, hashes, recipe.fingerprints.chunker)
        if settled.members:
            self.queue.add(task.job_id, settled.members, *windows)


def keep_vectors(db: sqlite3.Connection, vectors: Mapping[bytes, Vectors], recipe: Recipe) -> None:
    """Stores vectors by the content that they are of, and what computed them."""
    embedder = recipe.fingerprints.embedder
    runtimes = vectors_by(db, embedder)
    if vectors and recipe.runtime and recipe.runtime not in runtimes:
        told = json.dumps(sorted([*runtimes, recipe.runtime]))
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (VECTORS_BY + embedder, told))
    stored = ((h, v.astype("<f4").tobytes()) for h, v in vectors.items())
    db.executemany(
        "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?, ?)",
        [(h, embedder, data, blob_checksum(data)) for h, data in stored],
    )


def vectors_by(db: sqlite3.Connection, embedder: str) -> list[str]:
    """The runtimes that computed vectors of this embedder."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (VECTORS_BY + embedder,)).fetchone()
    return [str(name) for name in json.loads(row["value"])] if row else []


def insert_document(db: sqlite3.Connection, staged: Staged, job_id: int) -> int:
    """Stores a document as staged by a job; the number of its row."""
    d = staged.document
    row_id = db.execute(
        "INSERT INTO documents (doc_id, version, source, path, uri, title, text, media_type, language, metadata, acl, blocks, content_key, staged_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (d.doc_id, d.version, staged.source, staged.path, d.uri, d.title, d.text, d.media_type, d.language,
         json.dumps(dict(d.metadata), ensure_ascii=False), json.dumps(list(d.acl)), dump_blocks(d.blocks), staged.content_key, job_id),
    ).lastrowid  # fmt: skip
    assert row_id is not None
    store_signature(db, row_id, d.text)
    return row_id


def insert_chunks(
    db: sqlite3.Connection, row_id: int, chunks: Sequence[Chunk], hashes: Sequence[bytes], chunker: str
) -> None:
    """Stores the passages of a document's row with the keys of their vectors."""
    db.executemany(
        "INSERT INTO chunks (chunk_id, row_id, chunker, start_char, end_char, token_count, heading_path, content_hash, checksum) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (c.chunk_id, row_id, chunker, c.start_char, c.end_char, c.token_count,
             json.dumps(list(c.heading_path), ensure_ascii=False), h, text_checksum(c.text))
            for c, h in zip(chunks, hashes, strict=True)
        ],
    )  # fmt: skip


def put_dead_letter(db: sqlite3.Connection, task: Task, dead: Dead) -> None:
    """Lists a file that did not become a document, with the time and how often it was tried."""
    db.execute(
        "INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            task.uri,
            task.source,
            task.path,
            dead.code,
            dead.reason,
            dead.hint,
            dead.content_key,
            dead.location,
            task.attempts,
            now_text(),
        ),
    )
