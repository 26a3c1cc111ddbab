"""Catalogs of older formats, brought to the present one: each step forward in one transaction, after a backup beside the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from citewell.index.files import reached, sync
from citewell.index.store.rows import blob_checksum, text_checksum
from citewell.index.store.schema import FORMAT_VERSION, TABLES


def migrate(catalog: Path) -> Path | None:
    """Brings a catalog of an older known format forward; returns where its backup lies, or None when nothing was to be done.

    The caller holds the writer's lock. Generations of format 1 are forgotten: the next one is built from the catalog, which
    holds every text and vector.
    """
    version = format_of(catalog)
    if version is None or version not in _STEPS:
        return None
    backup = catalog.with_name(f"{catalog.name}.format{version}")
    with closing(sqlite3.connect(catalog, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        db.create_function("blob_checksum", 1, blob_checksum, deterministic=True)
        db.create_function("text_checksum", 1, text_checksum, deterministic=True)
        if not backup.exists():
            part = backup.with_name(f"{backup.name}.part")
            part.unlink(missing_ok=True)
            db.execute("VACUUM INTO ?", (str(part),))
            sync(part)
            part.rename(backup)
            sync(backup.parent)
        reached("catalog backed up")
        while version in _STEPS:
            db.execute("PRAGMA foreign_keys = OFF")
            db.execute("BEGIN IMMEDIATE")
            try:
                _STEPS[version](db)
                version += 1
                db.execute("UPDATE meta SET value = ? WHERE key = 'format_version'", (str(version),))
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
            reached("catalog migrated")
    assert version == FORMAT_VERSION
    return backup


def format_of(catalog: Path) -> int | None:
    """The format of a catalog; None where there is none, or no file that SQLite can read."""
    if not catalog.is_file():
        return None
    with closing(sqlite3.connect(f"{catalog.resolve().as_uri()}?mode=ro", uri=True)) as db:
        try:
            row = db.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone()
        except sqlite3.DatabaseError:
            return None
    return int(row[0]) if row else None


def _from_1(db: sqlite3.Connection) -> None:
    """Passages get slots and the name of their chunker; generations say what they were built with."""
    chunker = "coalesce((SELECT json_extract(value, '$.chunker') FROM meta WHERE key = 'fingerprints'), '')"
    db.execute("ALTER TABLE chunks RENAME TO chunks_1")
    db.execute("DROP INDEX IF EXISTS chunks_by_row")
    db.execute("ALTER TABLE vectors RENAME TO vectors_1")
    last = db.execute("SELECT coalesce(max(generation), 0) FROM generations").fetchone()[0]
    db.execute("DROP TABLE generations")
    for statement in TABLES.split(";"):
        if statement.strip():
            db.execute(statement)
    db.execute(
        "INSERT INTO chunks (chunk_id, row_id, chunker, start_char, end_char, token_count, heading_path, content_hash, checksum) "
        f"SELECT c.chunk_id, c.row_id, {chunker}, c.start_char, c.end_char, c.token_count, c.heading_path, c.content_hash, "
        "text_checksum(substr(d.text, c.start_char + 1, c.end_char - c.start_char)) FROM chunks_1 c JOIN documents d USING (row_id) "
        "ORDER BY c.row_id, c.start_char"
    )
    db.execute("INSERT INTO vectors SELECT content_hash, embedder, vector, blob_checksum(vector) FROM vectors_1")
    db.execute("DROP TABLE chunks_1")
    db.execute("DROP TABLE vectors_1")
    db.execute("INSERT OR REPLACE INTO meta VALUES ('last_generation', ?)", (str(last),))
    db.execute("DELETE FROM meta WHERE key = 'live_generation'")


def _from_2(db: sqlite3.Connection) -> None:
    """Staged rows name their job, and dead letters say what died."""
    db.execute("ALTER TABLE documents ADD COLUMN staged_by INTEGER")
    db.execute("ALTER TABLE dead_letters ADD COLUMN content_key TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE dead_letters ADD COLUMN location TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE dead_letters ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1")
    db.execute("ALTER TABLE dead_letters ADD COLUMN died_at TEXT NOT NULL DEFAULT ''")
    db.execute("DELETE FROM documents WHERE valid_from IS NULL")


_STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _from_1, 2: _from_2}
