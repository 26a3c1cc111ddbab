"""What the catalog forgets: generations, versions, and the text of what was deleted, when nothing needs them."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from citewell.core.settings import StorageSettings

TABLES = "CREATE TEMP TABLE gone (content_hash BLOB PRIMARY KEY) WITHOUT ROWID;"


def forget_old(db: sqlite3.Connection, live: int, storage: StorageSettings, now: datetime) -> None:
    """Forgets old generations, the versions that only they held and, at once, the text of what was deleted."""
    published = "SELECT generation FROM generations WHERE published_at IS NOT NULL ORDER BY generation DESC"
    kept = [int(r[0]) for r in db.execute(f"{published} LIMIT ?", (storage.keep_generations,))]
    oldest = min([*kept, live])
    db.execute("DELETE FROM generations WHERE generation < ? AND published_at IS NOT NULL", (oldest,))
    drop_rows(db, storage, now)


def drop_rows(db: sqlite3.Connection, storage: StorageSettings, now: datetime) -> None:
    """Removes what no generation and no promise needs.

    A deleted document is remembered by its id until no index file holds it, an old version of a living one by its id and version.
    """
    oldest = int(db.execute("SELECT coalesce(min(generation), 0) FROM generations").fetchone()[0])
    too_old = (now - timedelta(days=storage.keep_versions_days)).isoformat()
    values = {"oldest": oldest, "too_old": too_old}
    unused = "valid_to IS NOT NULL AND valid_to <= :oldest"
    emptied = f"(deleted = 1 AND valid_to IS NOT NULL) OR ({unused} AND ended_at <= :too_old)"
    living = "SELECT doc_id FROM documents WHERE valid_to IS NULL"
    gone = f"{unused} AND (deleted = 1 OR (ended_at <= :too_old AND doc_id NOT IN ({living})))"
    with_text = f"({emptied}) AND text != ''"
    db.execute("DELETE FROM temp.gone")
    db.execute(
        f"INSERT OR IGNORE INTO temp.gone SELECT content_hash FROM chunks WHERE row_id IN (SELECT row_id FROM documents WHERE {with_text})",
        values,
    )
    db.execute(f"DELETE FROM chunks WHERE row_id IN (SELECT row_id FROM documents WHERE {with_text})", values)
    for table in ("signatures", "bands"):
        db.execute(f"DELETE FROM {table} WHERE row_id IN (SELECT row_id FROM documents WHERE {with_text})", values)
    db.execute(
        f"UPDATE documents SET text = '', title = '', blocks = '[]', metadata = '{{}}' WHERE {with_text}", values
    )
    db.execute(f"DELETE FROM documents WHERE {gone}", values)
    drop_vectors(db)


def drop_vectors(db: sqlite3.Connection) -> None:
    """Removes the vectors in `gone` that no passage needs."""
    db.execute(
        "DELETE FROM vectors WHERE content_hash IN (SELECT content_hash FROM temp.gone) "
        "AND content_hash NOT IN (SELECT content_hash FROM chunks WHERE content_hash IN (SELECT content_hash FROM temp.gone))"
    )
