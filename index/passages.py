"""Which passage and which document each row of an index generation is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from citewell.core.types import Ranking, rank_by_score

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]
FILE_NAME = "passages.npz"
FIRST_FETCH = 2  # times the wanted documents; grown until enough distinct ones are found
FETCH_GROWTH = 4


class PassageTable:
    """Row number to passage id and document id, and back. Ids are 64-bit hexadecimal numbers, stored as `uint64`."""

    def __init__(self, passages: NDArray[np.uint64], documents: NDArray[np.uint64]) -> None:
        self.passages = passages
        self.documents = documents
        self._order = np.argsort(passages)
        self._sorted = passages[self._order]

    def __len__(self) -> int:
        return len(self.passages)

    @classmethod
    def of(cls, ids: Iterable[tuple[str, str]]) -> PassageTable:
        """The table of `(passage id, document id)` pairs, one per row."""
        pairs = [(int(p, 16), int(d, 16)) for p, d in ids]
        columns = np.array(pairs, dtype=np.uint64).reshape(len(pairs), 2)
        return cls(np.ascontiguousarray(columns[:, 0]), np.ascontiguousarray(columns[:, 1]))

    def write(self, folder: Path) -> None:
        """Writes the table into `folder`."""
        with (folder / FILE_NAME).open("wb") as stream:
            np.savez(stream, passages=self.passages, documents=self.documents)

    @classmethod
    def read(cls, folder: Path) -> PassageTable:
        """The table that `write` left in `folder`."""
        with np.load(folder / FILE_NAME, allow_pickle=False) as columns:
            return cls(columns["passages"], columns["documents"])

    def rows_of(self, chunk_ids: Sequence[str]) -> Rows:
        """The row of each passage; raises KeyError for one that is not in this generation."""
        keys = np.array([int(c, 16) for c in chunk_ids], dtype=np.uint64)
        at = np.searchsorted(self._sorted, keys)
        known = (
            (at < len(self._sorted)) & (self._sorted[np.minimum(at, len(self._sorted) - 1)] == keys)
            if len(self)
            else keys < 0
        )
        if not np.all(known):
            raise KeyError(chunk_ids[int(np.argmin(known))])
        return self._order[at].astype(np.int64)

    def rows_of_documents(self, doc_ids: Iterable[str]) -> Rows:
        """Every row of these documents, in order."""
        keys = np.array([int(d, 16) for d in doc_ids], dtype=np.uint64)
        return np.flatnonzero(np.isin(self.documents, keys)).astype(np.int64)

    def ranking(self, scorer: str, rows: Rows, scores: Scores) -> Ranking:
        """The ranking of these rows by score."""
        ids = [f"{key:016x}" for key in self.passages[rows].tolist()]
        documents = [f"{key:016x}" for key in self.documents[rows].tolist()]
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
        _, first_seen = np.unique(table.documents[rows], return_index=True)
        if len(first_seen) >= depth:
            end = int(np.sort(first_seen)[depth - 1]) + 1
            return rows[:end], scores[:end]
        if len(rows) < wanted:
            return rows, scores
        wanted *= FETCH_GROWTH
