"""What the next generation has that the one it is made from has not."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np

from citewell.core.errors import IndexCorrupt
from citewell.core.languages import language_of, primary
from citewell.core.protocols import Vectors
from citewell.core.types import headings_above
from citewell.index.lexical import LexicalRow
from citewell.index.store.catalog import ALIVE
from citewell.index.store.generations import Change, IndexRow, Manifest, Recipe, generation_folder, read_table
from citewell.index.store.rows import blob_checksum

TABLES = """
CREATE TEMP TABLE ended (doc_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE taken (row_id INTEGER PRIMARY KEY);
CREATE TEMP TABLE added (slot INTEGER PRIMARY KEY);
"""
# A row that the next generation holds: staged by the job that is published, or alive and not ended by it.
_TAKEN = "d.row_id IN (SELECT row_id FROM temp.taken)"
_NEXT = f"({_TAKEN} OR ({ALIVE} AND d.doc_id NOT IN (SELECT doc_id FROM temp.ended)))"
# A row that the newest generation holds and the next one does not.
ENDING = (
    "d.valid_from IS NOT NULL AND d.valid_to IS NULL AND (d.deleted = 1 OR d.doc_id IN (SELECT doc_id FROM temp.ended))"
)


def take(db: sqlite3.Connection, job_id: int | None) -> None:
    """Notes what the next generation takes of a job: the last row of each document that it staged, and the documents that end with it.

    Without a job nothing is taken and nothing ends.
    """
    db.execute("DELETE FROM temp.taken")
    db.execute("DELETE FROM temp.ended")
    db.execute(
        "INSERT INTO temp.taken SELECT max(row_id) FROM documents WHERE valid_from IS NULL AND staged_by = ? GROUP BY doc_id",
        (job_id,),
    )
    db.execute("INSERT INTO temp.ended SELECT DISTINCT d.doc_id FROM temp.taken t JOIN documents d USING (row_id)")
    db.execute(
        f"INSERT OR IGNORE INTO temp.ended SELECT d.doc_id FROM tasks t JOIN documents d USING (source, path) "
        f"WHERE t.job_id = ? AND t.outcome = 'removed' AND {ALIVE}",
        (job_id,),
    )


def withdraw(db: sqlite3.Connection, doc_id: str) -> None:
    """Has no job bring back a document that is deleted now: what is staged of it goes, and who works on it has lost the lease."""
    db.execute("DELETE FROM documents WHERE valid_from IS NULL AND doc_id = ?", (doc_id,))
    db.execute(
        "UPDATE tasks SET state = 'settled', outcome = 'cancelled', owner = '' WHERE state IN ('waiting', 'leased') AND action = 'read' "
        "AND (source, path) IN (SELECT source, path FROM documents WHERE doc_id = ?)",
        (doc_id,),
    )


def change_since(db: sqlite3.Connection, directory: Path, base: Manifest | None, newest: int, recipe: Recipe) -> Change:
    """What the next generation has that `base` has not. The temporary table `ended` names the documents that end with it.

    The newest generation differs from the next one by what is staged and what ends; any other base is compared row by row.
    """
    db.execute("DELETE FROM temp.added")
    ended: set[int] = set()
    joined = "FROM chunks c JOIN documents d USING (row_id) WHERE c.chunker = ? AND"
    if base is not None and base.generation == newest:
        db.execute(f"INSERT INTO temp.added SELECT c.slot {joined} {_TAKEN}", (recipe.fingerprints.chunker,))
        ended = {r[0] for r in db.execute(f"SELECT c.slot {joined} {ENDING}", (recipe.fingerprints.chunker,))}
    else:
        held: set[int] = set()
        if base is not None:
            table, _ = read_table(generation_folder(directory, base.generation))
            held = set(table.columns.slots[table.alive].tolist())
        wanted = {r[0] for r in db.execute(f"SELECT c.slot {joined} {_NEXT}", (recipe.fingerprints.chunker,))}
        db.executemany("INSERT INTO temp.added VALUES (?)", [(slot,) for slot in sorted(wanted - held)])
        ended = held - wanted
    rows, vectors = _rows_added(db, recipe.fingerprints.embedder, recipe.dimension)
    return Change(rows, vectors, np.array(sorted(ended), dtype=np.int64))


def words_of(db: sqlite3.Connection, directory: Path, generation: int, recipe: Recipe) -> list[LexicalRow]:
    """What BM25 reads of every passage that a generation holds."""
    table, _ = read_table(generation_folder(directory, generation))
    db.execute("DELETE FROM temp.added")
    db.executemany("INSERT INTO temp.added VALUES (?)", [(slot,) for slot in table.columns.slots[table.alive].tolist()])
    rows, _ = _rows_added(db, recipe.fingerprints.embedder, recipe.dimension)
    return [row.words for row in rows]


def _rows_added(db: sqlite3.Connection, embedder: str, dimension: int) -> tuple[list[IndexRow], Vectors]:
    count = int(db.execute("SELECT count(*) FROM temp.added").fetchone()[0])
    vectors = np.zeros((count, dimension), dtype=np.float32)
    rows: list[IndexRow] = []
    stored = "FROM vectors v WHERE v.content_hash = c.content_hash AND v.embedder = :embedder"
    cursor = db.execute(
        "SELECT c.slot, c.chunk_id, d.doc_id, d.title, d.language, c.heading_path, substr(d.text, c.start_char + 1, c.end_char - c.start_char) AS body, "
        f"(SELECT vector {stored}) AS vector, (SELECT checksum {stored}) AS checksum "
        "FROM temp.added a JOIN chunks c USING (slot) JOIN documents d USING (row_id) ORDER BY c.slot",
        {"embedder": embedder},
    )
    for position, row in enumerate(cursor):
        if row["vector"] is None or blob_checksum(row["vector"]) != row["checksum"]:
            what = "no vector" if row["vector"] is None else "a damaged vector"
            raise IndexCorrupt(f"passage {row['chunk_id']} has {what}", hint="Run `citewell index repair`.")
        vectors[position] = np.frombuffer(row["vector"], dtype="<f4")
        language = language_of(row["body"], otherwise=primary(row["language"]))
        words = _words(row["slot"], language, row["title"], json.loads(row["heading_path"]), row["body"])
        rows.append(IndexRow(row["chunk_id"], row["doc_id"], words))
    return rows, vectors


def _words(slot: int, language: str, title: str, heading_path: list[str], body: str) -> LexicalRow:
    """What BM25 reads of a passage; in its body a heading that the text repeats counts once."""
    above = headings_above(title, heading_path)
    whole = "\n".join([*(heading for heading in above if not body.startswith(heading)), body])
    return LexicalRow(slot, language, whole, title, "\n".join(heading for heading in above if heading != title))
