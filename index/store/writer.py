"""The one writer of a data directory: makes what jobs have staged visible in one transaction, and changes what is visible.

Everything before `publish`'s transaction is invisible to readers. After a crash the files of an unfinished generation are dropped by the next
writer; what was staged stays with its job, and vectors by content, so that no work of the encoder is lost.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from citewell.core.errors import DocumentNotFound, GenerationNotFound, IndexCorrupt, IndexIncompatible, WriterBusy
from citewell.core.protocols import Vectors
from citewell.core.settings import StorageSettings
from citewell.core.types import Chunk
from citewell.index.files import reached
from citewell.index.lexical import LexicalRow
from citewell.index.store import changes, collection
from citewell.index.store.catalog import (
    ALIVE,
    CANARY,
    CATALOG_NAME,
    CHOSEN,
    PURGING,
    Canary,
)
from citewell.index.store.fingerprints import Fingerprints
from citewell.index.store.generations import (
    Change,
    Manifest,
    Recipe,
    generation_folder,
    read_manifest,
    remove_unnamed,
    still_there,
    write_generation,
)
from citewell.index.store.merging import Merge
from citewell.index.store.migrations import migrate
from citewell.index.store.owners import alive
from citewell.index.store.queue import JobQueue
from citewell.index.store.rows import blob_checksum
from citewell.index.store.schema import open_catalog
from citewell.index.store.staging import insert_chunks, keep_vectors, vectors_by

LOCK_NAME = "writer.lock"


@dataclass(frozen=True, slots=True)
class Resplit:
    """A stored document's row, its passages by another chunker, and the key of each passage's vector."""

    row_id: int
    chunks: Sequence[Chunk]
    content_hashes: Sequence[bytes]


class CatalogWriter:
    """Holds the writer's lock of `directory` while it is open. Raises WriterBusy when another process has it for longer than `wait_s`."""

    def __init__(self, directory: Path, storage: StorageSettings, wait_s: float = 0) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._storage = storage
        self._lock = FileLock(directory / LOCK_NAME, timeout=wait_s)
        try:
            self._lock.acquire()
        except Timeout:
            raise WriterBusy(f"another process is writing to {directory}") from None
        try:
            migrate(directory / CATALOG_NAME)
            self._db = open_catalog(directory / CATALOG_NAME, create=True)
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.executescript(changes.TABLES + collection.TABLES)
            self.queue = JobQueue(self._db)
            self.discard_staged()
            remove_unnamed(directory, self._generations())
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> CatalogWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                with contextlib.suppress(
                    sqlite3.Error
                ):  # the error under way is the one to tell; the next writer discards too
                    self.discard_staged()
            self._db.close()
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _generations(self) -> list[int]:
        return [int(r[0]) for r in self._db.execute("SELECT generation FROM generations ORDER BY generation")]

    def discard_staged(self) -> None:
        """Drops what jobs have staged that nobody can finish any more."""
        self.queue.abandon(lambda owner: alive(self.directory, owner))
        waiting = "SELECT job_id FROM jobs WHERE state IN ('planning', 'running', 'paused', 'publishing', 'superseded')"
        self._db.execute(
            f"DELETE FROM documents WHERE valid_from IS NULL AND (staged_by IS NULL OR staged_by NOT IN ({waiting}))"
        )

    def live_fingerprints(self) -> Fingerprints | None:
        """What the live index was built with; None before the first."""
        stored = self._meta("fingerprints")
        return None if stored is None else Fingerprints.model_validate_json(stored)

    def live_generation(self) -> int | None:
        """The generation that answers; None before the first, and after a migration."""
        live = self._meta("live_generation")
        return None if live is None else int(live)

    def has_unpublished_deletions(self) -> bool:
        """Whether index files still hold documents that were deleted."""
        return (
            self._db.execute("SELECT 1 FROM documents WHERE deleted = 1 AND valid_to IS NULL LIMIT 1").fetchone()
            is not None
        )

    def resplit(self, window: Sequence[Resplit], vectors: Mapping[bytes, Vectors], recipe: Recipe) -> None:
        """Stores passages of living documents as this chunker makes them, where they are not stored yet, and their vectors.

        No generation holds them before one is built with this chunker: readers see nothing of it. A document that ended meanwhile is
        passed over.
        """
        known = "SELECT 1 FROM chunks WHERE row_id = ? AND chunker = ?"
        lives = f"SELECT 1 FROM documents d WHERE row_id = ? AND {ALIVE}"
        with self._transaction() as db:
            keep_vectors(db, vectors, recipe)
            for made in window:
                if db.execute(lives, (made.row_id,)).fetchone() is None:
                    continue
                if db.execute(known, (made.row_id, recipe.fingerprints.chunker)).fetchone() is None:
                    insert_chunks(db, made.row_id, made.chunks, made.content_hashes, recipe.fingerprints.chunker)
        reached("document split anew")

    def publish(self, job_id: int, recipe: Recipe, report: Mapping[str, Any] | None = None) -> int:
        """Builds the next generation with what a job staged and makes it live; returns its number.

        Its documents become valid, and those that they replace or that the job removes end, in the transaction that names the generation and
        ends the job. `report` is added to what is told of it.
        """
        changes.take(self._db, job_id)
        base = self._base(recipe.fingerprints)
        number, checksum = self._write(base, self._change(base, recipe), recipe)
        now = datetime.now(UTC)
        with self._transaction() as db:
            # In this order: what is staged must not end.
            db.execute(
                f"UPDATE documents AS d SET valid_to = ?, ended_at = ? WHERE {changes.ENDING}",
                (number, now.isoformat()),
            )
            db.execute(
                "UPDATE documents SET valid_from = ?, staged_by = NULL WHERE row_id IN (SELECT row_id FROM temp.taken)",
                (number,),
            )
            self._name(db, number, checksum, recipe.fingerprints, "ingest", now)
            self._go_live(db, number, recipe.fingerprints, now)
            collection.forget_old(db, number, self._storage, now)
            self.queue.finish(job_id, {"generation": f"{number:06d}", **(report or {})})
            reached("generation named")
        reached("generation committed")
        remove_unnamed(self.directory, self._generations())
        reached("folders removed")
        return number

    def needs_publishing(self, job_id: int) -> bool:
        """Whether a job staged or removed something, or index files still hold what was deleted, or nothing is live yet."""
        changes.take(self._db, job_id)
        found = "SELECT 1 FROM temp.taken UNION ALL SELECT 1 FROM temp.ended LIMIT 1"
        return (
            self._db.execute(found).fetchone() is not None
            or self.has_unpublished_deletions()
            or self.live_generation() is None
        )

    def finish(self, job_id: int, report: Mapping[str, Any] | None = None) -> None:
        """Ends a job that changed nothing."""
        with self._transaction():
            self.queue.finish(job_id, report or {})

    def build(self, recipe: Recipe, made_by: str, *, anew: bool = False) -> int:
        """Builds a generation of the living documents beside the live one, which goes on answering; returns its number.

        With `anew` no earlier generation's files are taken over.
        """
        changes.take(self._db, None)
        base = None if anew else self._base(recipe.fingerprints)
        number, checksum = self._write(base, self._change(base, recipe), recipe)
        with self._transaction() as db:
            self._name(db, number, checksum, recipe.fingerprints, made_by, datetime.now(UTC))
        reached("candidate committed")
        return number

    def merge(self, merges: Sequence[Merge], *, words_anew: bool = False) -> int | None:
        """Puts merged blocks in the place of those of the live generation; None when it has none of those any more, or is not the
        newest state of the documents.

        The new generation holds the same documents and takes the live one's place. With `words_anew` its words are counted anew.
        """
        live = self.live_generation()
        row = self._db.execute("SELECT manifest_sha256 FROM generations WHERE generation = ?", (live,)).fetchone()
        if live is None or row is None:
            return None
        base = read_manifest(self.directory, live, row["manifest_sha256"])
        there = still_there(merges, generation_folder(self.directory, live))
        later = "SELECT 1 FROM documents WHERE valid_from > :live OR valid_to > :live LIMIT 1"
        if not (there or words_anew) or self._db.execute(later, {"live": live}).fetchone() is not None:
            return None
        recipe = Recipe(base.fingerprints, base.dimension, base.settings)
        none = Change((), np.zeros((0, recipe.dimension), dtype=np.float32), merges=there)
        words = changes.words_of(self._db, self.directory, live, recipe) if words_anew else None
        number, checksum = self._write(base, none, recipe, words)
        chosen = self._meta(CHOSEN)
        now = datetime.now(UTC)
        with self._transaction() as db:
            self._name(db, number, checksum, recipe.fingerprints, "merge", now)
            self._go_live(db, number, recipe.fingerprints, now)
            if chosen is not None:
                db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (CHOSEN, str(number)))
            db.execute("DELETE FROM generations WHERE generation = ?", (base.generation,))
        reached("merge committed")
        remove_unnamed(self.directory, self._generations())
        return number

    def make_live(self, number: int, *, deliberate: bool = False) -> None:
        """Lets a generation that is kept answer from now on; a deliberate choice holds whatever settings readers have. Raises GenerationNotFound; its files must open."""
        row = self._db.execute(
            "SELECT manifest_sha256, fingerprints FROM generations WHERE generation = ?", (number,)
        ).fetchone()
        if row is None:
            raise GenerationNotFound(f"generation {number:06d} is not kept")
        read_manifest(self.directory, number, row["manifest_sha256"])
        with self._transaction() as db:
            now = datetime.now(UTC)
            self._go_live(db, number, Fingerprints.model_validate_json(row["fingerprints"]), now)
            if deliberate:
                db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (CHOSEN, str(number)))
            collection.forget_old(db, number, self._storage, now)
        reached("generation switched")
        remove_unnamed(self.directory, self._generations())

    def start_canary(self, canary: Canary) -> None:
        """Has readers try a kept generation beside the live one. Raises GenerationNotFound."""
        if canary.generation not in self._generations() or canary.generation == self.live_generation():
            raise GenerationNotFound(f"no generation {canary.generation:06d} is kept beside the live one")
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (CANARY, json.dumps(asdict(canary))))
        reached("canary started")

    def end_canary(self) -> None:
        """Has readers ask the live generation alone."""
        self._db.execute("DELETE FROM meta WHERE key = ?", (CANARY,))

    def prune(self, keep: int, *, with_canary: bool = False) -> list[int]:
        """Forgets all generations but the live one, the newest `keep` and, unless it shall go too, one that is tried; returns those that went."""
        stay = {int(self._meta("live_generation") or 0)}
        canary = self._meta(CANARY)
        if with_canary:
            self.end_canary()
        elif canary is not None:
            stay.add(json.loads(canary)["generation"])
        numbers = self._generations()
        gone = [n for n in numbers[: max(0, len(numbers) - keep)] if n not in stay]
        with self._transaction() as db:
            db.executemany("DELETE FROM generations WHERE generation = ?", [(n,) for n in gone])
            collection.drop_rows(db, self._storage, datetime.now(UTC))
        reached("generations pruned")
        remove_unnamed(self.directory, self._generations())
        return gone

    def _meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def _base(self, built: Fingerprints) -> Manifest | None:
        """The newest generation that was built with the same and whose files are there."""
        rows = self._db.execute(
            "SELECT generation, manifest_sha256, fingerprints FROM generations ORDER BY generation DESC"
        )
        for row in rows.fetchall():
            if Fingerprints.model_validate_json(row["fingerprints"]) != built:
                continue
            with contextlib.suppress(IndexCorrupt, IndexIncompatible):
                return read_manifest(self.directory, row["generation"], row["manifest_sha256"])
        return None

    def _write(
        self, base: Manifest | None, change: Change, recipe: Recipe, words: Sequence[LexicalRow] | None = None
    ) -> tuple[int, str]:
        # The number of a generation is never given again; the folder of a killed build is overwritten.
        number = int(self._meta("last_generation") or 0) + 1
        runtimes = vectors_by(self._db, recipe.fingerprints.embedder)
        _, checksum = write_generation(self.directory, number, change, recipe, base, runtimes, words)
        return number, checksum

    def _change(self, base: Manifest | None, recipe: Recipe) -> Change:
        newest = max(self._generations(), default=0)
        return changes.change_since(self._db, self.directory, base, newest, recipe)

    def _name(
        self, db: sqlite3.Connection, number: int, checksum: str, built: Fingerprints, made_by: str, now: datetime
    ) -> None:
        values = (number, checksum, built.model_dump_json(), made_by, now.isoformat())
        db.execute("INSERT INTO generations VALUES (?, ?, ?, ?, ?, NULL)", values)
        db.execute("INSERT OR REPLACE INTO meta VALUES ('last_generation', ?)", (str(number),))

    def _go_live(self, db: sqlite3.Connection, number: int, built: Fingerprints, now: datetime) -> None:
        db.execute("DELETE FROM meta WHERE key = ?", (CHOSEN,))
        db.execute("DELETE FROM meta WHERE key = ? AND json_extract(value, '$.generation') = ?", (CANARY, number))
        db.execute("UPDATE generations SET published_at = ? WHERE generation = ?", (now.isoformat(), number))
        db.execute("INSERT OR REPLACE INTO meta VALUES ('live_generation', ?)", (str(number),))
        db.execute("INSERT OR REPLACE INTO meta VALUES ('fingerprints', ?)", (built.model_dump_json(),))

    def delete(self, doc_id: str) -> str:
        """Takes a document out of every answer at once; returns its uri. Raises DocumentNotFound."""
        with self._transaction() as db:
            row = db.execute(f"SELECT uri FROM documents d WHERE doc_id = ? AND {ALIVE}", (doc_id,)).fetchone()
            if row is None:
                raise DocumentNotFound(f"there is no document {doc_id}")
            db.execute(
                "UPDATE documents SET deleted = 1, ended_at = ? WHERE doc_id = ?",
                (datetime.now(UTC).isoformat(), doc_id),
            )
            changes.withdraw(db, doc_id)
        reached("document deleted")
        return str(row["uri"])

    def delete_all_versions(self, doc_id: str) -> str:
        """Marks every stored version of a document as deleted, also of one that no longer lives, and notes that it is to be purged.

        Returns its uri. Raises DocumentNotFound for one that is neither stored nor noted.
        """
        with self._transaction() as db:
            row = db.execute("SELECT uri FROM documents WHERE doc_id = ? ORDER BY row_id DESC", (doc_id,)).fetchone()
            uri = row["uri"] if row is not None else self._meta(PURGING + doc_id)
            if uri is None:
                raise DocumentNotFound(f"there is no document {doc_id}")
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (PURGING + doc_id, uri))
            now = datetime.now(UTC).isoformat()
            db.execute(
                "UPDATE documents SET deleted = 1, ended_at = coalesce(ended_at, ?) WHERE doc_id = ?", (now, doc_id)
            )
            changes.withdraw(db, doc_id)
        reached("document deleted")
        return str(uri)

    def scrub(self) -> None:
        """Removes the rows of all deleted documents and their vectors, and rewrites the file so that no free page and no log holds them.

        Purges that were noted are done then. Raises WriterBusy when another process reads the log meanwhile.
        """
        with self._transaction() as db:
            gone = "SELECT row_id FROM documents WHERE deleted = 1"
            db.execute("DELETE FROM temp.gone")
            db.execute(f"INSERT OR IGNORE INTO temp.gone SELECT content_hash FROM chunks WHERE row_id IN ({gone})")
            db.execute(f"DELETE FROM chunks WHERE row_id IN ({gone})")
            db.execute("DELETE FROM documents WHERE deleted = 1")
            collection.drop_vectors(db)
        reached("purged rows removed")
        self._db.execute("VACUUM")
        self._truncate_log()
        reached("log truncated")
        self._db.execute("DELETE FROM meta WHERE key LIKE ?", (PURGING + "%",))
        self._truncate_log()
        reached("purge finished")

    def _truncate_log(self) -> None:
        if self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise WriterBusy(
                "another process reads the catalog's log, which still holds the purged text",
                hint="Run the purge again.",
            )

    def drop_damaged_vectors(self) -> int:
        """Forgets vectors that are not what was stored; returns how many."""
        self._db.create_function("blob_checksum", 1, blob_checksum, deterministic=True)
        with self._transaction() as db:
            return db.execute("DELETE FROM vectors WHERE blob_checksum(vector) != checksum").rowcount

    def drop_documents(self, doc_ids: Sequence[str]) -> None:
        """Forgets documents whose stored text is damaged, in all their versions: the next ingestion reads their files again."""
        with self._transaction() as db:
            db.executemany("DELETE FROM documents WHERE doc_id = ?", [(doc_id,) for doc_id in doc_ids])
        reached("damaged documents dropped")

    def set_groups(self, doc_id: str, groups: Sequence[str]) -> str:
        """Sets who may read a document, from now on and whatever its file says; returns its uri. Raises DocumentNotFound."""
        with self._transaction() as db:
            row = db.execute(f"SELECT uri FROM documents d WHERE doc_id = ? AND {ALIVE}", (doc_id,)).fetchone()
            if row is None:
                raise DocumentNotFound(f"there is no document {doc_id}")
            values = (doc_id, json.dumps(sorted(set(groups))), datetime.now(UTC).isoformat())
            db.execute("INSERT OR REPLACE INTO rights VALUES (?, ?, ?)", values)
        reached("groups set")
        return str(row["uri"])
