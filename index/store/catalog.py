"""Reading the catalog: which documents live, what they say, and which generation answers."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citewell.core.errors import DocumentNotFound, IndexCorrupt, IndexMissing, VersionGone
from citewell.core.filters import Filter
from citewell.core.types import Candidate, Chunk, Document, StoredPassage
from citewell.index.likeness import ALIKE, likeness
from citewell.index.store.filtering import FUNCTIONS, condition_of
from citewell.index.store.fingerprints import Fingerprints
from citewell.index.store.rows import blob_checksum, blocks_within, chunk_of_row, document_of_row, lead_of
from citewell.index.store.schema import open_catalog

CATALOG_NAME = "catalog.sqlite"
# A row that is part of the living state: published, not ended, not deleted.
ALIVE = "d.valid_from IS NOT NULL AND d.valid_to IS NULL AND d.deleted = 0"
# A stored row of a document that lives, in this version or a later one; what was pruned or deleted has none.
OF_LIVING = (
    "d.valid_from IS NOT NULL AND d.deleted = 0 AND EXISTS (SELECT 1 FROM documents live WHERE live.doc_id = d.doc_id "
    "AND live.valid_from IS NOT NULL AND live.valid_to IS NULL AND live.deleted = 0)"
)
# A version that is remembered without its text; no document is stored without any.
_EMPTIED = "(d.text = '')"
CHOSEN = "chosen_generation"  # in `meta`: published deliberately, whatever the settings
CANARY = "canary"  # in `meta`: a `Canary`
VECTORS_BY = (
    "vectors by:"  # before the name of an embedder, in `meta`: the runtimes that computed its vectors, as a list
)
PURGING = "purging:"  # before the id of a document, in `meta`: a purge of it has begun and is not done
_IDS_PER_STATEMENT = 500
_ROWS_PER_PAGE = 1000
_MOST_ALIKE = 200  # documents that are compared with one; more are copies of a form, and none of them says much
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# The passages that the live generation's chunker made.
_OF_CHUNKER = "c.chunker = (SELECT json_extract(value, '$.chunker') FROM meta WHERE key = 'fingerprints')"
# Who may read a document: what was set here, else what came with it.
_GROUPS = "coalesce((SELECT r.groups FROM rights r WHERE r.doc_id = d.doc_id), d.acl)"
# Whether one of the caller's groups, a JSON list bound where the braces are, may read a document.
_MAY_READ = f"EXISTS (SELECT 1 FROM json_each({_GROUPS}) g JOIN json_each({{}}) m ON m.value = g.value)"


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """A generation that is kept: its number, how it came about, when it was built and last made live, and whether it answers."""

    generation: int
    made_by: str
    built_at: str
    published_at: str | None
    live: bool


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What facets count: where a document comes from, what it is, and its metadata as JSON."""

    doc_id: str
    source: str
    language: str
    media_type: str
    metadata: str


@dataclass(frozen=True, slots=True)
class Canary:
    """A generation that is tried beside the live one: for which share of the questions, and whether it answers them or shadows."""

    generation: int
    share: float
    answers: bool


@dataclass(frozen=True, slots=True)
class Alike:
    """A document that says nearly the same as another, and the estimated share of runs of words that they have in common."""

    doc_id: str
    uri: str
    likeness: float


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """What a list of documents shows."""

    doc_id: str
    version: str
    uri: str
    title: str
    media_type: str
    language: str
    chars: int
    passages: int


class Catalog:
    """A reader of `DIR/catalog.sqlite`; safe to share between threads. Raises IndexMissing when there is none."""

    def __init__(self, directory: Path) -> None:
        path = directory / CATALOG_NAME
        if not path.is_file():
            raise IndexMissing(f"there is no index in {directory}")
        self.directory = directory
        self._connection = open_catalog(path)
        for name, function in FUNCTIONS.items():
            self._connection.create_function(name, len(signature(function).parameters), function, deterministic=True)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Gives the file back."""
        with self._lock:
            self._connection.close()

    def _rows(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[sqlite3.Row]:
        try:
            with self._lock:
                return self._connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code in _DAMAGED or "decode" in str(error):
                raise IndexCorrupt(
                    f"the catalog is damaged: {error}", hint="Restore it from a backup: `citewell index restore`."
                ) from error
            raise

    def live_generation(self) -> int | None:
        """The number of the generation that answers; None before the first is published."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'live_generation'")
        return int(rows[0]["value"]) if rows else None

    def live_fingerprints(self) -> Fingerprints | None:
        """What the live index was built with; None before the first."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'fingerprints'")
        return Fingerprints.model_validate_json(rows[0]["value"]) if rows else None

    def chosen_generation(self) -> int | None:
        """The generation that was published deliberately, whatever the settings; None when none was since the last ingestion."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", (CHOSEN,))
        return int(rows[0]["value"]) if rows else None

    def canary(self) -> Canary | None:
        """The generation that is tried beside the live one, if one is."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", (CANARY,))
        return Canary(**json.loads(rows[0]["value"])) if rows else None

    def manifest_sha256(self, generation: int) -> str | None:
        """The checksum of that generation's manifest as it was published."""
        rows = self._rows("SELECT manifest_sha256 FROM generations WHERE generation = ?", (generation,))
        return str(rows[0][0]) if rows else None

    def generations(self) -> list[int]:
        """The generations that are kept, oldest first."""
        return [row.generation for row in self.generation_rows()]

    def generation_rows(self) -> list[GenerationRow]:
        """The generations that are kept, oldest first, with what is known of them."""
        live = self.live_generation()
        rows = self._rows("SELECT generation, made_by, built_at, published_at FROM generations ORDER BY generation")
        return [GenerationRow(**dict(row), live=row["generation"] == live) for row in rows]

    def documents_shown(self, groups: Collection[str] | None, filter: Filter | None) -> NDArray[np.uint64]:
        """The living documents that a caller of these groups may read (None: the owner, everything) and that fit the filter, as numbers."""
        conditions, values = [ALIVE], dict[str, object]()
        if groups is not None:
            # Documents are many and their lists of groups few: each list is looked into once.
            lists = f"SELECT acl AS list FROM documents d WHERE {ALIVE} UNION SELECT groups FROM rights"
            common = "SELECT 1 FROM json_each(list) g JOIN json_each(:groups) m ON m.value = g.value"
            conditions.append(f"{_GROUPS} IN (SELECT list FROM ({lists}) WHERE EXISTS ({common}))")
            values["groups"] = json.dumps(sorted(groups))
        if filter is not None:
            condition, bound = condition_of(filter, _GROUPS)
            conditions.append(condition)
            values |= bound
        # One long string of ids: a row each would take longer than finding them.
        rows = self._rows(
            f"SELECT group_concat(d.doc_id, '') FROM documents d WHERE {' AND '.join(conditions)}", values
        )
        return np.frombuffer(bytes.fromhex(rows[0][0] or ""), dtype=">u8").astype(np.uint64)

    def groups_of(self, doc_id: str) -> tuple[str, ...]:
        """Who may read a living document. Raises DocumentNotFound."""
        rows = self._rows(f"SELECT {_GROUPS} FROM documents d WHERE d.doc_id = ? AND {ALIVE}", (doc_id,))
        if not rows:
            raise DocumentNotFound(f"there is no document {doc_id}")
        return tuple(json.loads(rows[0][0]))

    def changes(self) -> int:
        """A number that differs after every change that any process has committed."""
        with self._lock:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def deleted_doc_ids(self) -> frozenset[str]:
        """Documents that index files may still hold, and that are no longer alive in any version."""
        rows = self._rows(
            f"SELECT DISTINCT doc_id FROM documents WHERE deleted = 1 AND doc_id NOT IN (SELECT doc_id FROM documents d WHERE {ALIVE})"
        )
        return frozenset(str(r[0]) for r in rows)

    def hidden_deletions(self) -> int:
        """How many deleted documents the live generation's files still hold."""
        return int(
            self._rows("SELECT count(DISTINCT doc_id) FROM documents WHERE deleted = 1 AND valid_to IS NULL")[0][0]
        )

    def summaries(self) -> list[DocumentSummary]:
        """The living documents by uri."""
        rows = self._rows(
            "SELECT d.doc_id, d.version, d.uri, d.title, d.media_type, d.language, length(d.text) AS chars, "
            f"(SELECT count(*) FROM chunks c WHERE c.row_id = d.row_id AND {_OF_CHUNKER}) AS passages FROM documents d WHERE {ALIVE} ORDER BY d.uri"
        )
        return [DocumentSummary(**dict(row)) for row in rows]

    def facts_of(self, doc_ids: Sequence[str], groups: Collection[str] | None) -> list[DocumentFacts]:
        """What is known of those of these documents that live and that a caller of these groups may read."""
        permitted = "" if groups is None else "AND " + _MAY_READ.format(":groups")
        rows = self._rows(
            f"SELECT d.doc_id, d.source, d.language, d.media_type, d.metadata FROM documents d WHERE {ALIVE} AND d.doc_id IN "
            f"(SELECT value FROM json_each(:ids)) {permitted}",
            {"ids": json.dumps(list(doc_ids))} | ({} if groups is None else {"groups": json.dumps(sorted(groups))}),
        )
        return [DocumentFacts(**dict(row)) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many documents, passages, vectors and rejected files the living state has."""
        row = self._rows(
            f"SELECT (SELECT count(*) FROM documents d WHERE {ALIVE}) AS documents, "
            f"(SELECT count(*) FROM chunks c JOIN documents d USING (row_id) WHERE {ALIVE} AND {_OF_CHUNKER}) AS passages, "
            f"(SELECT count(DISTINCT c.content_hash) FROM chunks c JOIN documents d USING (row_id) WHERE {ALIVE} AND {_OF_CHUNKER}) AS vectors, "
            "(SELECT count(*) FROM dead_letters) AS rejected_files"
        )[0]
        return dict(row)

    def dead_letters(self) -> list[dict[str, Any]]:
        """The files that did not become documents: uri, code, reason, hint and, where they are known, the bytes' hash, tries and time."""
        rows = self._rows("SELECT * FROM dead_letters ORDER BY uri")
        return [{name: row[name] for name in row.keys() if name not in {"source", "path", "location"}} for row in rows]  # noqa: SIM118

    def all_known(self, source: str) -> dict[str, tuple[str, str]]:
        """Document id and content key by path, for the living documents of a source."""
        rows = self._rows(f"SELECT path, doc_id, content_key FROM documents d WHERE source = ? AND {ALIVE}", (source,))
        return {r["path"]: (r["doc_id"], r["content_key"]) for r in rows}

    def dead_paths(self, source: str) -> list[str]:
        """The paths of a source that became no document."""
        return [r["path"] for r in self._rows("SELECT path FROM dead_letters WHERE source = ?", (source,))]

    def container_key(self, source: str, path: str) -> str | None:
        """The content of a file that holds files, as it was read last."""
        rows = self._rows("SELECT content_key FROM containers WHERE source = ? AND path = ?", (source, path))
        return str(rows[0][0]) if rows else None

    def sources(self) -> dict[str, str]:
        """Root folder by source name."""
        return {r["name"]: r["root"] for r in self._rows("SELECT name, root FROM sources ORDER BY name")}

    def document(self, doc_id: str, version: str | None = None) -> Document:
        """The living document, or one of its stored versions, with who may read it now; a document that was deleted or pruned has none.

        Raises DocumentNotFound, or VersionGone for a version whose text is kept no longer.
        """
        clause = ALIVE if version is None else f"d.version = ? AND {OF_LIVING}"
        values = (doc_id,) if version is None else (doc_id, version)
        rows = self._rows(
            f"SELECT d.*, {_GROUPS} AS groups FROM documents d WHERE d.doc_id = ? AND {clause} ORDER BY {_EMPTIED}, row_id DESC LIMIT 1",
            values,
        )
        if not rows:
            which = doc_id if version is None else f"{doc_id} in version {version}"
            raise DocumentNotFound(f"there is no document {which}")
        if not rows[0]["text"]:
            raise VersionGone(f"the text of {doc_id} in version {version} is kept no longer")
        return replace(document_of_row(rows[0]), acl=tuple(json.loads(rows[0]["groups"])))

    def passages(
        self, candidates: Sequence[Candidate], groups: frozenset[str] | None = None
    ) -> Mapping[str, StoredPassage]:
        """The passages by id, for those whose document lives and may be read by a caller of these groups (None: the owner)."""
        found: dict[str, StoredPassage] = {}
        told: dict[
            int, list[Any]
        ] = {}  # blocks by row: several passages of one document are common, and it may be long
        ids = [c.chunk_id for c in candidates]
        for at in range(0, len(ids), _IDS_PER_STATEMENT):
            some = ids[at : at + _IDS_PER_STATEMENT]
            permitted = "" if groups is None else "AND " + _MAY_READ.format("?")
            rows = self._rows(
                "SELECT c.*, d.doc_id, d.version, d.uri, d.title, d.blocks, substr(d.text, c.start_char + 1, c.end_char - c.start_char) AS body "
                "FROM chunks c JOIN documents d USING (row_id) WHERE "
                f"{OF_LIVING} AND c.chunk_id IN ({','.join('?' * len(some))}) {permitted}",
                some if groups is None else [*some, json.dumps(sorted(groups))],
            )
            for row in rows:
                if row["row_id"] not in told:
                    told[row["row_id"]] = json.loads(row["blocks"])
                blocks = blocks_within(told[row["row_id"]], row["start_char"], row["end_char"])
                chunk, lead = chunk_of_row(row), lead_of(told[row["row_id"]], blocks)
                said = self.text_at(chunk.doc_id, chunk.version, lead.start_char, lead.end_char) if lead else None
                found[row["chunk_id"]] = StoredPassage(chunk, row["uri"], blocks, lead if said else None, said or "")
        return found

    def neighbours(self, chunk_ids: Sequence[str]) -> dict[str, str]:
        """The passages right before and after these in their documents: the document of each by the passage's id."""
        found: dict[str, str] = {}
        for chunk_id in chunk_ids:
            for beside, order in (("n.end_char <= c.start_char", "DESC"), ("n.start_char >= c.end_char", "ASC")):
                rows = self._rows(
                    "SELECT n.chunk_id, d.doc_id FROM chunks c JOIN documents d USING (row_id) JOIN chunks n ON n.row_id = c.row_id AND n.chunker = c.chunker "
                    f"WHERE c.chunk_id = ? AND {beside} AND {OF_LIVING} ORDER BY n.start_char {order} LIMIT 1",
                    (chunk_id,),
                )
                found |= {str(row["chunk_id"]): str(row["doc_id"]) for row in rows}
        return found

    def alike(self, doc_id: str, groups: frozenset[str] | None = None) -> list[Alike]:
        """The living documents that say nearly the same as one, the most alike first, as far as a caller of these groups may know."""
        if not self._rows("SELECT 1 FROM sqlite_schema WHERE name = 'signatures'"):  # a catalog of format 2
            return []
        permitted = "" if groups is None else "AND " + _MAY_READ.format(":groups")
        own = self._rows(
            f"SELECT d.row_id, s.signature FROM documents d JOIN signatures s USING (row_id) WHERE d.doc_id = ? AND {ALIVE}",
            (doc_id,),
        )
        if not own:
            return []
        rows = self._rows(
            "SELECT DISTINCT d.doc_id, d.uri, s.signature FROM bands mine JOIN bands b ON b.band = mine.band AND b.numbers = mine.numbers "
            "JOIN documents d ON d.row_id = b.row_id JOIN signatures s ON s.row_id = b.row_id "
            f"WHERE mine.row_id = :row AND b.row_id != :row AND {ALIVE} {permitted} LIMIT :most",
            {"row": own[0]["row_id"], "groups": json.dumps(sorted(groups or ())), "most": _MOST_ALIKE},
        )
        found = [Alike(row["doc_id"], row["uri"], likeness(own[0]["signature"], row["signature"])) for row in rows]
        return sorted((a for a in found if a.likeness >= ALIKE), key=lambda a: (-a.likeness, a.uri))

    def holding(self, doc_ids: Sequence[str], quote: str) -> list[str]:
        """The uris of those living documents that hold these very characters."""
        sql = f"SELECT d.uri FROM documents d WHERE d.doc_id = ? AND {ALIVE} AND instr(d.text, ?)"
        return [str(row["uri"]) for doc_id in doc_ids for row in self._rows(sql, (doc_id, quote))]

    def chunks_of(self, doc_id: str) -> list[Chunk]:
        """The passages of a living document in reading order; none for one that does not live."""
        rows = self._rows(
            "SELECT c.*, d.doc_id, d.version, d.title, substr(d.text, c.start_char + 1, c.end_char - c.start_char) AS body "
            f"FROM chunks c JOIN documents d USING (row_id) WHERE d.doc_id = ? AND {ALIVE} AND {_OF_CHUNKER} ORDER BY c.start_char, c.end_char",
            (doc_id,),
        )
        return [chunk_of_row(row) for row in rows]

    def text_at(self, doc_id: str, version: str, start_char: int, end_char: int) -> str | None:
        """These characters of that version's text; None when it is not stored or the document does not live."""
        rows = self._rows(
            f"SELECT substr(d.text, ?, ?) FROM documents d WHERE d.doc_id = ? AND d.version = ? AND {OF_LIVING} AND NOT {_EMPTIED} LIMIT 1",
            (start_char + 1, end_char - start_char, doc_id, version),
        )
        return str(rows[0][0]) if rows else None

    def integrity_problems(self) -> list[str]:
        """What SQLite's own check finds wrong with the file; empty when it is sound."""
        return [str(r[0]) for r in self._rows("PRAGMA quick_check") if r[0] != "ok"]

    def texts_of(self, doc_id: str) -> list[str]:
        """The stored texts of a document in all its versions."""
        return [str(r[0]) for r in self._rows("SELECT text FROM documents WHERE doc_id = ? AND text != ''", (doc_id,))]

    def unfinished_purges(self) -> dict[str, str]:
        """Uri by id of the documents whose purge was begun and not finished."""
        rows = self._rows("SELECT key, value FROM meta WHERE key LIKE ?", (PURGING + "%",))
        return {row["key"].removeprefix(PURGING): row["value"] for row in rows}

    def remembers(self, doc_id: str) -> bool:
        """Whether anything of a document is stored, or its purge was begun and not finished."""
        row = self._rows("SELECT 1 FROM documents WHERE doc_id = ? LIMIT 1", (doc_id,))
        return bool(row) or doc_id in self.unfinished_purges()

    def stands_elsewhere(self, doc_id: str, phrase: str) -> bool:
        """Whether another stored document holds these very characters."""
        sql = "SELECT 1 FROM documents WHERE doc_id != ? AND (instr(text, ?) OR instr(title, ?)) LIMIT 1"
        return bool(self._rows(sql, (doc_id, phrase, phrase)))

    def stored_texts(self) -> Iterator[tuple[str, str, str]]:
        """Document id, version and text of every stored row; for checks."""
        for row in self._pages("SELECT row_id AS page, doc_id, version, text FROM documents", "row_id"):
            if row["text"]:
                yield row["doc_id"], row["version"], row["text"]

    def stored_passages(self) -> Iterator[sqlite3.Row]:
        """Every stored passage with the ids of its document, and its text in `body`; for checks."""
        return self._pages(
            "SELECT c.slot AS page, c.*, d.doc_id, d.version, substr(d.text, c.start_char + 1, c.end_char - c.start_char) AS body "
            "FROM chunks c JOIN documents d USING (row_id)",
            "c.slot",
        )

    def damaged_vectors(self) -> list[str]:
        """The content hashes, in hexadecimal, of the vectors that are not what was stored."""
        rows = self._pages("SELECT rowid AS page, content_hash, vector, checksum FROM vectors", "rowid")
        return [row["content_hash"].hex() for row in rows if blob_checksum(row["vector"]) != row["checksum"]]

    def _pages(self, sql: str, key: str) -> Iterator[sqlite3.Row]:
        """The rows of a statement that names its key `page`, a block at a time: readers and writers go on meanwhile."""
        last = -1
        while rows := self._rows(f"{sql} WHERE {key} > ? ORDER BY {key} LIMIT {_ROWS_PER_PAGE}", (last,)):
            yield from rows
            last = rows[-1]["page"]

    def vectors_at(self, generation: int, embedder: str, chunker: str) -> dict[str, bytes | None]:
        """Vector by passage id, as a chunker and an embedder make them, for what lived when a generation was built and is still stored."""
        rows = self._rows(
            "SELECT c.chunk_id, v.vector FROM chunks c JOIN documents d USING (row_id) "
            "LEFT JOIN vectors v ON v.content_hash = c.content_hash AND v.embedder = :embedder WHERE c.chunker = :chunker "
            "AND d.valid_from <= :generation AND coalesce(d.valid_to, :generation + 1) > :generation AND d.deleted = 0",
            {"embedder": embedder, "chunker": chunker, "generation": generation},
        )
        return {row[0]: row[1] for row in rows}

    def missing_vectors(self, hashes: Collection[bytes], embedder: str) -> set[bytes]:
        """Those of `hashes` for which no vector of this embedder is stored."""
        sql = "SELECT 1 FROM vectors WHERE content_hash = ? AND embedder = ?"
        return {h for h in set(hashes) if not self._rows(sql, (h, embedder))}

    def unsplit(self, chunker: str, embedder: str) -> list[int]:
        """The rows of the living documents, by uri, that have no passages of this chunker or lack a vector of this embedder."""
        rows = self._rows(
            f"SELECT row_id FROM documents d WHERE {ALIVE} AND (NOT EXISTS (SELECT 1 FROM chunks c WHERE c.row_id = d.row_id "
            "AND c.chunker = :chunker) OR EXISTS (SELECT 1 FROM chunks c WHERE c.row_id = d.row_id AND c.chunker = :chunker "
            "AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.content_hash = c.content_hash AND v.embedder = :embedder))) ORDER BY uri",
            {"chunker": chunker, "embedder": embedder},
        )
        return [int(row[0]) for row in rows]

    def documents_at(self, row_ids: Sequence[int]) -> dict[int, Document]:
        """The documents of these rows that are stored, in this order."""
        found = {}
        for row_id in row_ids:
            for row in self._rows("SELECT * FROM documents WHERE row_id = ? AND text != ''", (row_id,)):
                found[row_id] = document_of_row(row)
        return found

    def changes_since(self, generation: int) -> int:
        """How many documents came, changed or went after a generation was built."""
        rows = self._rows(
            "SELECT count(DISTINCT doc_id) FROM documents WHERE valid_from > :generation OR valid_to > :generation",
            {"generation": generation},
        )
        return int(rows[0][0])
