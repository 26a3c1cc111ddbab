"""The one writer of a data directory: stages documents window by window, and makes them visible in one transaction.

Everything before `publish`'s transaction is invisible to readers and is dropped by the next writer after a crash; only vectors
are kept, by content, so that no work of the encoder is lost.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

import numpy as np
from filelock import FileLock, Timeout

from citewell.core.errors import DocumentNotFound, IndexCorrupt, WriterBusy
from citewell.core.protocols import Vectors
from citewell.core.settings import StorageSettings
from citewell.core.types import Chunk, Document, headings_above
from citewell.index.catalog import ALIVE, CATALOG_NAME, document_of_row, dump_blocks
from citewell.index.generations import Fingerprints, IndexRow, remove_unnamed, write_generation
from citewell.index.schema import open_catalog

LOCK_NAME = "writer.lock"
# A row that the next generation holds: staged by this job, or alive and not ended by it.
_NEXT = f"(d.valid_from IS NULL OR ({ALIVE} AND d.doc_id NOT IN (SELECT doc_id FROM temp.ended)))"


@dataclass(frozen=True, slots=True)
class Staged:
    """A document ready to be stored: where it came from, its passages, and the key of each passage's vector."""

    document: Document
    source: str
    path: str
    content_key: str
    chunks: Sequence[Chunk]
    content_hashes: Sequence[bytes]


class CatalogWriter:
    """Holds the writer's lock of `directory` while it is open. Raises WriterBusy when another process has it."""

    def __init__(self, directory: Path, storage: StorageSettings) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._storage = storage
        self._lock = FileLock(directory / LOCK_NAME, timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise WriterBusy(f"another process is writing to {directory}") from None
        try:
            self._db = open_catalog(directory / CATALOG_NAME, create=True)
            self._db.execute("CREATE TEMP TABLE ended (doc_id TEXT PRIMARY KEY) WITHOUT ROWID")
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

    def living(self) -> Iterator[tuple[Document, str, str, str]]:
        """Every living document with its source, path and content key, by uri."""
        ids = [r[0] for r in self._db.execute(f"SELECT row_id FROM documents d WHERE {ALIVE} ORDER BY uri")]
        for row_id in ids:
            row = self._db.execute("SELECT * FROM documents WHERE row_id = ?", (row_id,)).fetchone()
            yield document_of_row(row), row["source"], row["path"], row["content_key"]

    def live_fingerprints(self) -> Fingerprints | None:
        """What the live index was built with; None before the first."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'fingerprints'").fetchone()
        return Fingerprints.model_validate_json(row["value"]) if row else None

    def has_unpublished_deletions(self) -> bool:
        """Whether index files still hold documents that were deleted."""
        return self._db.execute("SELECT 1 FROM documents WHERE deleted = 1 LIMIT 1").fetchone() is not None

    def missing_vectors(self, hashes: Collection[bytes], embedder: str) -> set[bytes]:
        """Those of `hashes` for which no vector of this embedder is stored."""
        sql = "SELECT 1 FROM vectors WHERE content_hash = ? AND embedder = ?"
        return {h for h in set(hashes) if self._db.execute(sql, (h, embedder)).fetchone() is None}

    def stage(self, window: Sequence[Staged], vectors: Mapping[bytes, Vectors], embedder: str) -> None:
        """Stores a window of documents and the vectors it needs, in one transaction; not visible yet."""
        with self._transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)",
                [(h, embedder, v.astype("<f4").tobytes()) for h, v in vectors.items()],
            )
            for staged in window:
                self._insert(db, staged)

    def _insert(self, db: sqlite3.Connection, staged: Staged) -> None:
        d = staged.document
        row_id = db.execute(
            "INSERT INTO documents (doc_id, version, source, path, uri, title, text, media_type, language, metadata, acl, blocks, content_key) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (d.doc_id, d.version, staged.source, staged.path, d.uri, d.title, d.text, d.media_type, d.language,
             json.dumps(dict(d.metadata), ensure_ascii=False), json.dumps(list(d.acl)), dump_blocks(d.blocks), staged.content_key),
        ).lastrowid  # fmt: skip
        db.executemany(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    c.chunk_id,
                    row_id,
                    c.start_char,
                    c.end_char,
                    c.token_count,
                    json.dumps(list(c.heading_path), ensure_ascii=False),
                    h,
                )
                for c, h in zip(staged.chunks, staged.content_hashes, strict=True)
            ],
        )

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

    def publish(self, ended: Collection[str], fingerprints: Fingerprints, dimension: int) -> int:
        """Builds the next generation and makes it live; returns its number.

        Staged documents become valid and `ended` ones end in the same transaction that names the generation.
        """
        self._db.execute("DELETE FROM temp.ended")
        self._db.executemany("INSERT OR IGNORE INTO temp.ended VALUES (?)", [(d,) for d in ended])
        rows, vectors = self._rows_of_next(fingerprints.embedder, dimension)
        # The number of a published generation is never given again; the folder of a killed build is overwritten.
        generation = max([0, *self._generations()]) + 1
        _, manifest_sha256 = write_generation(self.directory, generation, rows, vectors, fingerprints)
        now = datetime.now(UTC)
        with self._transaction() as db:
            db.execute(
                "UPDATE documents SET valid_to = ?, ended_at = ? WHERE valid_from IS NOT NULL AND valid_to IS NULL "
                "AND (deleted = 1 OR doc_id IN (SELECT doc_id FROM temp.ended))",
                (generation, now.isoformat()),
            )
            db.execute("UPDATE documents SET valid_from = ? WHERE valid_from IS NULL", (generation,))
            db.execute("INSERT INTO generations VALUES (?, ?, ?)", (generation, manifest_sha256, now.isoformat()))
            db.execute("INSERT OR REPLACE INTO meta VALUES ('live_generation', ?)", (str(generation),))
            db.execute("INSERT OR REPLACE INTO meta VALUES ('fingerprints', ?)", (fingerprints.model_dump_json(),))
            self._collect(db, generation, now)
        remove_unnamed(self.directory, self._generations())
        return generation

    def _rows_of_next(self, embedder: str, dimension: int) -> tuple[list[IndexRow], Vectors]:
        where = f"FROM chunks c JOIN documents d USING (row_id) WHERE {_NEXT}"
        count = int(self._db.execute(f"SELECT count(*) {where}").fetchone()[0])
        vectors = np.zeros((count, dimension), dtype=np.float32)
        rows: list[IndexRow] = []
        cursor = self._db.execute(
            "SELECT c.chunk_id, d.doc_id, d.title, c.heading_path, substr(d.text, c.start_char + 1, c.end_char - c.start_char) AS body, "
            "(SELECT vector FROM vectors v WHERE v.content_hash = c.content_hash AND v.embedder = ?) AS vector "
            f"{where} ORDER BY d.doc_id, c.start_char",
            (embedder,),
        )
        for position, row in enumerate(cursor):
            if row["vector"] is None:
                raise IndexCorrupt(f"passage {row['chunk_id']} has no vector", hint="Run `citewell ingest --rebuild`.")
            vectors[position] = np.frombuffer(row["vector"], dtype="<f4")
            rows.append(
                IndexRow(row["chunk_id"], row["doc_id"], _lexical_text(row["title"], row["heading_path"], row["body"]))
            )
        return rows, vectors

    def _collect(self, db: sqlite3.Connection, live: int, now: datetime) -> None:
        """Forgets old generations, the versions that only they held and, at once, what was deleted."""
        kept = [*self._generations()][-self._storage.keep_generations :]
        oldest = min(kept, default=live)
        db.execute("DELETE FROM generations WHERE generation < ?", (oldest,))
        too_old = (now - timedelta(days=self._storage.keep_superseded_days)).isoformat()
        gone = db.execute(
            "DELETE FROM documents WHERE valid_to IS NOT NULL AND (deleted = 1 OR (valid_to <= ? AND ended_at <= ?))",
            (oldest, too_old),
        ).rowcount
        if gone:
            db.execute("DELETE FROM vectors WHERE content_hash NOT IN (SELECT content_hash FROM chunks)")

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
        return str(row["uri"])


def _lexical_text(title: str, heading_path: str, body: str) -> str:
    """What BM25 reads of a passage: title, headings and text, a heading that the text repeats counted once."""
    above = [heading for heading in headings_above(title, json.loads(heading_path)) if not body.startswith(heading)]
    return "\n".join([*above, body])
