"""Which passage and which document each row of an index generation is.

A row's slot is the number under which the catalog stores the passage; it is given once and never again. Rows are places in the
arrays of one generation, ordered by slot. Rows that the generation no longer holds (tombstones) keep their place until a
compaction drops them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from citewell.core.languages import LANGUAGES, UNKNOWN
from citewell.core.types import Ranking, rank_by_score

Rows = NDArray[np.int64]
Slots = NDArray[np.int64]
Scores = NDArray[np.float32]
Shown = NDArray[np.bool_] | None  # for each row whether a search may give it; None where it may give every one
_LANGUAGE_CODES = {language: code for code, language in enumerate(LANGUAGES, start=1)}
FIRST_FETCH = 2  # times the wanted documents; grown until enough distinct ones are found
FETCH_GROWTH = 4


@dataclass(frozen=True, slots=True)
class Columns:
    """Slot, passage id, document id and language of some rows, by rising slot. Ids are 64-bit hexadecimal numbers, stored as `uint64`; a
    language is its place in LANGUAGES, and 0 is none."""

    slots: Slots
    passages: NDArray[np.uint64]
    documents: NDArray[np.uint64]
    languages: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.slots)

    @classmethod
    def of(cls, rows: Iterable[tuple[int, str, str, str]]) -> Columns:
        """The columns of `(slot, passage id, document id, language)` rows."""
        listed = sorted((slot, int(p, 16), int(d, 16), _LANGUAGE_CODES.get(tag, 0)) for slot, p, d, tag in rows)
        return cls(
            np.array([row[0] for row in listed], dtype=np.int64),
            np.array([row[1] for row in listed], dtype=np.uint64),
            np.array([row[2] for row in listed], dtype=np.uint64),
            np.array([row[3] for row in listed], dtype=np.uint8),
        )

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """Several columns as one, which must rise from part to part."""
        if not parts:
            return cls.of([])
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def at(self, rows: Rows | NDArray[np.bool_]) -> Columns:
        """The columns of these rows alone."""
        return Columns(*(getattr(self, field.name)[rows] for field in fields(self)))


class PassageTable:
    """Row to passage id and document id, and back, for the rows that the generation holds."""

    def __init__(self, columns: Columns, dead_slots: Slots | None = None) -> None:
        if np.any(np.diff(columns.slots) <= 0):
            raise ValueError("slots do not rise")
        self.columns = columns
        self.alive = np.ones(len(columns), dtype=np.bool_)
        if dead_slots is not None and len(dead_slots):
            self.alive[np.isin(columns.slots, dead_slots, assume_unique=True)] = False
        self._documents, self._document_of = np.unique(columns.documents, return_inverse=True)
        held = np.flatnonzero(self.alive)
        self._held = held[np.argsort(columns.passages[held])]
        self._sorted = columns.passages[self._held]

    def __len__(self) -> int:
        """How many passages the generation holds."""
        return len(self._held)

    @property
    def dead(self) -> Rows:
        """The rows that the generation no longer holds."""
        return np.flatnonzero(~self.alive).astype(np.int64)

    def has_twins(self) -> bool:
        """Whether two rows that are held have the same passage id."""
        return bool(np.any(self._sorted[1:] == self._sorted[:-1]))

    def rows_of(self, chunk_ids: Sequence[str]) -> Rows:
        """The row of each passage; raises KeyError for one that is not in this generation."""
        keys = np.array([int(c, 16) for c in chunk_ids], dtype=np.uint64)
        at = np.minimum(np.searchsorted(self._sorted, keys), max(len(self) - 1, 0))
        known = self._sorted[at] == keys if len(self) else np.zeros(len(keys), dtype=np.bool_)
        if not np.all(known):
            raise KeyError(chunk_ids[int(np.argmin(known))])
        rows: Rows = self._held[at].astype(np.int64)
        return rows

    def rows_at(self, slots: Slots) -> Rows:
        """The row of each slot; every one of them must be in the arrays."""
        rows: Rows = np.searchsorted(self.columns.slots, slots).astype(np.int64)
        return rows

    def rows_of_documents(self, doc_ids: Iterable[str]) -> Rows:
        """Every held row of these documents, in order."""
        keys = np.array([int(d, 16) for d in doc_ids], dtype=np.uint64)
        return np.flatnonzero(self.rows_within(keys) & self.alive).astype(np.int64)

    def rows_within(self, documents: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """For each row whether it is of one of these documents."""
        within: NDArray[np.bool_] = np.isin(self._documents, documents, assume_unique=True)[self._document_of]
        return within

    def shown(self, documents: NDArray[np.uint64] | None, hidden: Iterable[str] = ()) -> Shown:
        """Which rows a search may give: those that are held, of these documents (None: of all) and of none that is hidden; None for all
        rows of the arrays."""
        shown = self.alive.copy()
        if documents is not None:
            shown &= self.rows_within(documents)
        shown[self.rows_of_documents(hidden)] = False
        return None if shown.all() else shown

    def documents_of(self, rows: Rows) -> NDArray[np.uint64]:
        """The document of each row, as a number."""
        return self.columns.documents[rows]

    def documents_count(self) -> int:
        """How many documents the held rows belong to."""
        return len(np.unique(self.columns.documents[self.alive]))

    def languages(self, shown: Shown = None) -> dict[str, int]:
        """How many of the rows that are held, or of those that may be shown, are in each language, the most frequent first."""
        counts = np.bincount(
            self.columns.languages[self.alive if shown is None else shown], minlength=len(LANGUAGES) + 1
        )
        order = np.argsort(-counts, kind="stable")
        return {(UNKNOWN, *LANGUAGES)[code]: int(counts[code]) for code in order.tolist() if counts[code]}

    def ids(self) -> dict[str, int]:
        """Row by passage id, for the rows that are held."""
        return {f"{key:016x}": row for key, row in zip(self._sorted.tolist(), self._held.tolist(), strict=True)}

    def ids_at(self, rows: Rows) -> list[str]:
        """The passage of each row."""
        return [f"{key:016x}" for key in self.columns.passages[rows].tolist()]

    def ranking(self, scorer: str, rows: Rows, scores: Scores) -> Ranking:
        """The ranking of these rows by score."""
        ids = self.ids_at(rows)
        documents = [f"{key:016x}" for key in self.columns.documents[rows].tolist()]
        return rank_by_score(
            scorer, dict(zip(ids, scores.tolist(), strict=True)), dict(zip(ids, documents, strict=True))
        )


def search_until_distinct(
    fetch: Callable[[int], tuple[Rows, Scores]], table: PassageTable, depth: int
) -> tuple[Rows, Scores]:
    """The best rows until `depth` distinct documents are among them.

    `fetch(n)` gives the best n rows by falling score; it is asked for more until enough documents are found or it has no more.
    """
    wanted = depth * FIRST_FETCH
    while True:
        rows, scores = fetch(min(wanted, max(len(table), 1)))
        _, first_seen = np.unique(table.documents_of(rows), return_index=True)
        if len(first_seen) >= depth:
            end = int(np.sort(first_seen)[depth - 1]) + 1
            return rows[:end], scores[:end]
        if len(rows) < wanted:
            return rows, scores
        wanted *= FETCH_GROWTH
