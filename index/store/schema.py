"""The tables of the catalog, and how its file is opened.

documents   one row per stored version; `valid_from` and `valid_to` are generations: [valid_from, valid_to). A row without
            `valid_from` is staged by the job `staged_by` and belongs to no generation yet. `deleted` rows have lost their text.
chunks      the passages of a document row as one chunker makes them, valid in the same generations. A slot is given once; the
            checksum is that of the passage's characters, which are read from the document's text and compared with it.
vectors     embeddings by SHA-256 of the embedded text and fingerprint of the embedder: nothing is embedded twice.
generations every index that was built and is kept, and `meta.live_generation`, the one that answers.
jobs, tasks what is to be ingested and how far it is: one task a file (queue.py).
containers  files that hold files, such as archives, by what they held when they were read last.
signatures, bands   what tells documents that say nearly the same (index/likeness.py).
rights      the groups of a document, where they were set here; else those that came with it count.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from citewell.core.errors import IndexCorrupt, IndexIncompatible, IndexMissing

FORMAT_VERSION = 3
OLDEST_READABLE_VERSION = 2  # what is older is migrated by the writer: migrations.py
BUSY_TIMEOUT_MS = 30_000

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (name TEXT PRIMARY KEY, root TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    row_id INTEGER PRIMARY KEY,
    doc_id TEXT NOT NULL,
    version TEXT NOT NULL,
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    uri TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    media_type TEXT NOT NULL,
    language TEXT NOT NULL,
    metadata TEXT NOT NULL,
    acl TEXT NOT NULL,
    blocks TEXT NOT NULL,
    content_key TEXT NOT NULL,
    valid_from INTEGER,
    valid_to INTEGER,
    deleted INTEGER NOT NULL DEFAULT 0,
    ended_at TEXT,
    staged_by INTEGER
);
-- What rights and filters ask of the living documents: read from here, so that no text is passed on the way.
CREATE INDEX IF NOT EXISTS living_facts ON documents (doc_id, acl, source, path, uri, title, media_type, language, metadata, valid_from, valid_to, deleted)
    WHERE valid_from IS NOT NULL AND valid_to IS NULL AND deleted = 0;
CREATE INDEX IF NOT EXISTS documents_by_id ON documents (doc_id, version);
CREATE INDEX IF NOT EXISTS documents_deleted ON documents (doc_id) WHERE deleted = 1;
CREATE INDEX IF NOT EXISTS documents_by_path ON documents (source, path);
CREATE INDEX IF NOT EXISTS documents_by_start ON documents (valid_from);
CREATE INDEX IF NOT EXISTS documents_by_end ON documents (valid_to) WHERE valid_to IS NOT NULL;
CREATE TABLE IF NOT EXISTS chunks (
    slot INTEGER PRIMARY KEY AUTOINCREMENT,
    chunk_id TEXT NOT NULL,
    row_id INTEGER NOT NULL REFERENCES documents (row_id) ON DELETE CASCADE,
    chunker TEXT NOT NULL,
    start_char INTEGER NOT NULL,
    end_char INTEGER NOT NULL,
    token_count INTEGER NOT NULL,
    heading_path TEXT NOT NULL,
    content_hash BLOB NOT NULL,
    checksum BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS chunks_by_id ON chunks (chunk_id);
CREATE INDEX IF NOT EXISTS chunks_by_row ON chunks (row_id, chunker, start_char);
CREATE INDEX IF NOT EXISTS chunks_by_hash ON chunks (content_hash);
CREATE TABLE IF NOT EXISTS vectors (
    content_hash BLOB NOT NULL,
    embedder TEXT NOT NULL,
    vector BLOB NOT NULL,
    checksum BLOB NOT NULL,
    PRIMARY KEY (content_hash, embedder)
);
CREATE TABLE IF NOT EXISTS generations (
    generation INTEGER PRIMARY KEY,
    manifest_sha256 TEXT NOT NULL,
    fingerprints TEXT NOT NULL,
    made_by TEXT NOT NULL,
    built_at TEXT NOT NULL,
    published_at TEXT
);
CREATE TABLE IF NOT EXISTS rights (
    doc_id TEXT PRIMARY KEY,
    groups TEXT NOT NULL,
    changed_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (
    uri TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    hint TEXT NOT NULL,
    content_key TEXT NOT NULL DEFAULT '',
    location TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 1,
    died_at TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS signatures (
    row_id INTEGER PRIMARY KEY REFERENCES documents (row_id) ON DELETE CASCADE,
    signature BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS bands (
    band INTEGER NOT NULL,
    numbers BLOB NOT NULL,
    row_id INTEGER NOT NULL REFERENCES documents (row_id) ON DELETE CASCADE,
    PRIMARY KEY (band, numbers, row_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bands_by_row ON bands (row_id);
CREATE TABLE IF NOT EXISTS jobs (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    request TEXT NOT NULL,
    report TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL,
    ended_at TEXT
);
CREATE TABLE IF NOT EXISTS tasks (
    task_id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    window INTEGER NOT NULL,
    action TEXT NOT NULL,
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    location TEXT NOT NULL,
    start_byte INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    depth INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT '',
    lease_until REAL NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT '',
    told TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS tasks_open ON tasks (job_id, window) WHERE state IN ('waiting', 'leased');
CREATE INDEX IF NOT EXISTS tasks_by_job ON tasks (job_id, outcome);
CREATE TABLE IF NOT EXISTS containers (
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    content_key TEXT NOT NULL,
    PRIMARY KEY (source, path)
) WITHOUT ROWID;
"""


def open_catalog(path: Path, *, create: bool = False, read_only: bool = False) -> sqlite3.Connection:
    """A connection to the catalog in write-ahead mode with full durability.

    Raises IndexIncompatible for a format that this version cannot read, IndexCorrupt for a file that is no catalog.
    """
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    mode = "ro" if read_only else ("rwc" if create else "rw")
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000,
        check_same_thread=False,
    )  # fmt: skip
    connection.row_factory = sqlite3.Row
    try:
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        if create:
            # One transaction: a reader finds all tables or none.
            version = f"INSERT OR IGNORE INTO meta VALUES ('format_version', '{FORMAT_VERSION}');"
            connection.executescript(f"BEGIN IMMEDIATE;\n{TABLES}\n{version}\nCOMMIT;")
        _check_format(connection, path)
    except sqlite3.OperationalError:  # locked, read-only or full: not the file's fault
        connection.close()
        raise
    except sqlite3.DatabaseError as error:
        connection.close()
        raise IndexCorrupt(
            f"{path} is not a readable catalog: {error}",
            hint="Restore it from a backup, or ingest into a new directory with --dir.",
        ) from None
    except (IndexIncompatible, IndexMissing):
        connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone() is None:
        raise IndexMissing(f"nothing has been ingested into {path.parent} yet")
    row = connection.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone()
    version = int(row["value"]) if row else 0
    if not OLDEST_READABLE_VERSION <= version <= FORMAT_VERSION:
        raise IndexIncompatible(
            f"{path} has format {version}; this version reads {OLDEST_READABLE_VERSION} to {FORMAT_VERSION}",
            hint="Run `citewell index migrate`."
            if 0 < version < OLDEST_READABLE_VERSION
            else "Use the version of Citewell that wrote it, or ingest into a new directory with --dir.",
        )
