"""The one writer of a data directory: stages documents window by window, and makes them visible in one transaction.

Everything before `publish`'s transaction is invisible to readers and is dropped by the next writer after a crash; only vectors
are kept, by content, so that no work of the encoder is lost.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import numpy as np
from filelock import FileLock, Timeout

from citewell.core.errors import DocumentNotFound, GenerationNotFound, IndexCorrupt, IndexIncompatible, WriterBusy
from citewell.core.protocols import Vectors
from citewell.core.settings import StorageSettings
from citewell.core.types import Chunk, Document
from citewell.index.files import reached
from citewell.index.store import changes, collection
from citewell.index.store.catalog import (
    ALIVE,
    CANARY,
    CATALOG_NAME,
    CHOSEN,
    PURGING,
    VECTORS_BY,
    Canary,
    blob_checksum,
    dump_blocks,
    text_checksum,
)
from citewell.index.store.generations import (
    Change,
    Fingerprints,
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
from citewell.index.store.schema import open_catalog

LOCK_NAME = "writer.lock"


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
        """Drops what an unfinished job has staged."""
        self._db.execute("DELETE FROM documents WHERE valid_from IS NULL")

    def known(self, source: str) -> dict[str, tuple[str, str]]:
        """Document id and content key by path, for the living documents of a source."""
        rows = self._db.execute(
            f"SELECT path, doc_id, content_key FROM documents d WHERE source = ? AND {ALIVE}", (source,)
        )
        return {r["path"]: (r["doc_id"], r["content_key"]) for r in rows}

    def rejected(self, source: str) -> list[str]:
        """The paths of a source's rejected files."""
        return [r["path"] for r in self._db.execute("SELECT path FROM dead_letters WHERE source = ?", (source,))]

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

    def stage(self, window: Sequence[Staged], vectors: Mapping[bytes, Vectors], recipe: Recipe) -> None:
        """Stores a window of documents and the vectors it needs, in one transaction; not visible yet."""
        with self._transaction() as db:
            self._keep_vectors(db, vectors, recipe)
            for staged in window:
                row_id = self._insert(db, staged)
                self._insert_chunks(db, row_id, staged.chunks, staged.content_hashes, recipe.fingerprints.chunker)
        reached("window staged")

    def resplit(self, window: Sequence[Resplit], vectors: Mapping[bytes, Vectors], recipe: Recipe) -> None:
        """Stores passages of living documents as this chunker makes them, where they are not stored yet, and their vectors.

        No generation holds them before one is built with this chunker: readers see nothing of it. A document that ended meanwhile is
        passed over.
        """
        known = "SELECT 1 FROM chunks WHERE row_id = ? AND chunker = ?"
        lives = f"SELECT 1 FROM documents d WHERE row_id = ? AND {ALIVE}"
        with self._transaction() as db:
            self._keep_vectors(db, vectors, recipe)
            for made in window:
                if db.execute(lives, (made.row_id,)).fetchone() is None:
                    continue
                if db.execute(known, (made.row_id, recipe.fingerprints.chunker)).fetchone() is None:
                    self._insert_chunks(db, made.row_id, made.chunks, made.content_hashes, recipe.fingerprints.chunker)
        reached("document split anew")

    def _keep_vectors(self, db: sqlite3.Connection, vectors: Mapping[bytes, Vectors], recipe: Recipe) -> None:
        embedder = recipe.fingerprints.embedder
        runtimes = self._vectors_by(embedder)
        if vectors and recipe.runtime and recipe.runtime not in runtimes:
            told = json.dumps(sorted([*runtimes, recipe.runtime]))
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (VECTORS_BY + embedder, told))
        db.executemany(
            "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?, ?)",
            [
                (h, embedder, data, blob_checksum(data))
                for h, data in ((h, v.astype("<f4").tobytes()) for h, v in vectors.items())
            ],
        )

    def _insert(self, db: sqlite3.Connection, staged: Staged) -> int:
        d = staged.document
        row_id = db.execute(
            "INSERT INTO documents (doc_id, version, source, path, uri, title, text, media_type, language, metadata, acl, blocks, content_key) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (d.doc_id, d.version, staged.source, staged.path, d.uri, d.title, d.text, d.media_type, d.language,
             json.dumps(dict(d.metadata), ensure_ascii=False), json.dumps(list(d.acl)), dump_blocks(d.blocks), staged.content_key),
        ).lastrowid  # fmt: skip
        assert row_id is not None
        return row_id

    def _insert_chunks(
        self, db: sqlite3.Connection, row_id: int, chunks: Sequence[Chunk], hashes: Sequence[bytes], chunker: str
    ) -> None:
        db.executemany(
            "INSERT INTO chunks (chunk_id, row_id, chunker, start_char, end_char, token_count, heading_path, content_hash, checksum) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (c.chunk_id, row_id, chunker, c.start_char, c.end_char, c.token_count,
                 json.dumps(list(c.heading_path), ensure_ascii=False), h, text_checksum(c.text))
                for c, h in zip(chunks, hashes, strict=True)
            ],
        )  # fmt: skip

    def record(
        self,
        sources: Mapping[str, str],
        rejected: Sequence[tuple[str, str, str, str, str, str]],
        cleared: Sequence[tuple[str, str]],
    ) -> None:
        """Stores where sources lie, the rejected files, and clears those `(source, path)` that are rejected no longer."""
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO sources VALUES (?, ?)", list(sources.items()))
            db.executemany("DELETE FROM dead_letters WHERE source = ? AND path = ?", cleared)
            db.executemany("INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?)", rejected)

    def publish(self, ended: Collection[str], recipe: Recipe) -> int:
        """Builds the next generation and makes it live; returns its number.

        Staged documents become valid and `ended` ones end in the same transaction that names the generation.
        """
        self._db.execute("DELETE FROM temp.ended")
        self._db.executemany("INSERT OR IGNORE INTO temp.ended VALUES (?)", [(d,) for d in ended])
        base = self._base(recipe.fingerprints)
        number, checksum = self._write(base, self._change(base, recipe), recipe)
        now = datetime.now(UTC)
        with self._transaction() as db:
            # In this order: what is staged must not end.
            db.execute(
                f"UPDATE documents AS d SET valid_to = ?, ended_at = ? WHERE {changes.ENDING}",
                (number, now.isoformat()),
            )
            db.execute("UPDATE documents SET valid_from = ? WHERE valid_from IS NULL", (number,))
            self._name(db, number, checksum, recipe.fingerprints, "ingest", now)
            self._go_live(db, number, recipe.fingerprints, now)
            collection.forget_old(db, number, self._storage, now)
            reached("generation named")
        reached("generation committed")
        remove_unnamed(self.directory, self._generations())
        reached("folders removed")
        return number

    def build(self, recipe: Recipe, made_by: str, *, anew: bool = False) -> int:
        """Builds a generation of the living documents beside the live one, which goes on answering; returns its number.

        With `anew` no earlier generation's files are taken over.
        """
        self._db.execute("DELETE FROM temp.ended")
        base = None if anew else self._base(recipe.fingerprints)
        number, checksum = self._write(base, self._change(base, recipe), recipe)
        with self._transaction() as db:
            self._name(db, number, checksum, recipe.fingerprints, made_by, datetime.now(UTC))
        reached("candidate committed")
        return number

    def merge(self, merges: Sequence[Merge]) -> int | None:
        """Puts merged blocks in the place of those of the live generation; None when it has none of those any more, or is not the
        newest state of the documents.

        The new generation holds the same documents and takes the live one's place.
        """
        live = self.live_generation()
        row = self._db.execute("SELECT manifest_sha256 FROM generations WHERE generation = ?", (live,)).fetchone()
        if live is None or row is None:
            return None
        base = read_manifest(self.directory, live, row["manifest_sha256"])
        there = still_there(merges, generation_folder(self.directory, live))
        later = "SELECT 1 FROM documents WHERE valid_from > :live OR valid_to > :live LIMIT 1"
        if not there or self._db.execute(later, {"live": live}).fetchone() is not None:
            return None
        recipe = Recipe(base.fingerprints, base.dimension, base.settings)
        none = Change((), np.zeros((0, recipe.dimension), dtype=np.float32), merges=there)
        number, checksum = self._write(base, none, recipe)
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

    def _vectors_by(self, embedder: str) -> list[str]:
        """The runtimes that computed vectors of this embedder."""
        return [str(name) for name in json.loads(self._meta(VECTORS_BY + embedder) or "[]")]

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

    def _write(self, base: Manifest | None, change: Change, recipe: Recipe) -> tuple[int, str]:
        # The number of a generation is never given again; the folder of a killed build is overwritten.
        number = int(self._meta("last_generation") or 0) + 1
        vectors_by = self._vectors_by(recipe.fingerprints.embedder)
        _, checksum = write_generation(self.directory, number, change, recipe, base, vectors_by)
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
