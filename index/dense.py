"""Dense retrieval through FAISS: exact inner product over all vectors of a generation, in large blocks over those that a sketch finds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from citewell.core.machine import available_threads
from citewell.core.protocols import Embedder, Vectors
from citewell.core.types import Query, Ranking
from citewell.index.passages import FETCH_GROWTH, PassageTable, Rows, Scores, Shown, search_until_distinct
from citewell.index.sketch import WANTED, Sketch, compared

_CACHED_QUERIES = 64
NARROW_SHARE = 0.05  # of a block: when less of it may be shown, all that may is compared
MOST_TAKEN = 0.1  # of a block, from its sketch
SPARE = 1.2


class Cores:
    """Shares so many threads among the searches that run at the same time; each FAISS call takes those of the thread that makes it."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._running = 0
        self._lock = threading.Lock()

    def __enter__(self) -> int:
        with self._lock:
            self._running += 1
            share = max(1, self._threads // self._running)
        faiss.omp_set_num_threads(share)
        return share

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running -= 1


@dataclass(frozen=True, slots=True)
class Allowed:
    """The rows of a block that may be shown, for a search inside FAISS and after it."""

    selector: faiss.IDSelector
    rows: NDArray[np.bool_]
    share: float


class DenseIndex:
    """The vectors of some FAISS indexes, one row after the other, some with a sketch."""

    def __init__(
        self,
        parts: Sequence[faiss.Index],
        dimension: int,
        sketches: Sequence[Sketch | None] | None = None,
        threads: int = 0,
    ) -> None:
        self._parts = parts
        self._cores = Cores(available_threads(threads))
        self._sketches = sketches or [None] * len(parts)
        self._starts = np.cumsum([0, *(part.ntotal for part in parts)])
        self.dimension = dimension

    def __len__(self) -> int:
        return int(self._starts[-1])

    def allowed(self, shown: Shown) -> Sequence[Allowed | None]:
        """What keeps the other rows out of a search, for each block; None where all of it may be shown."""
        if shown is None:
            return [None] * len(self._parts)
        made: list[Allowed | None] = []
        for part, start in zip(self._parts, self._starts, strict=False):
            here = shown[start : start + part.ntotal]
            packed = np.packbits(here, bitorder="little")
            selector = faiss.IDSelectorBitmap(packed)  # type: ignore[call-arg, arg-type]
            made.append(None if here.all() else Allowed(selector, here, float(here.mean())))
        return made

    def best(
        self, vector: NDArray[np.float32], count: int, allowed: Sequence[Allowed | None] | None = None
    ) -> tuple[Rows, Scores]:
        """The `count` rows of the largest inner product with `vector`, by falling score, of those that are allowed."""
        with self._cores:
            return self._best(vector, count, allowed)

    def _best(
        self, vector: NDArray[np.float32], count: int, allowed: Sequence[Allowed | None] | None
    ) -> tuple[Rows, Scores]:
        found = [(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))]
        for number, part in enumerate(self._parts):
            among = None if allowed is None else allowed[number]
            if part.ntotal:
                rows, scores = self._sketched(number, vector, count, among) or _exact(part, vector, count, among)
                found.append((rows + self._starts[number], scores))
        joined, joined_scores = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        order = np.argsort(-joined_scores, kind="stable")[:count]
        return joined[order], joined_scores[order]

    def _sketched(
        self, number: int, vector: NDArray[np.float32], count: int, among: Allowed | None
    ) -> tuple[Rows, Scores] | None:
        """The best rows of a block among those that its sketch finds; None without a sketch, and where it would have to find too many."""
        part, sketch, share = self._parts[number], self._sketches[number], 1.0 if among is None else among.share
        if sketch is None or share < NARROW_SHARE:
            return None
        wanted = max(count, WANTED) * sketch.measured.over
        taken = wanted if among is None else int(wanted / share * SPARE)
        while taken <= MOST_TAKEN * part.ntotal:
            found = sketch.index.search(vector.reshape(1, -1), taken)[1][0]
            if among is not None:
                found = found[among.rows[found]]
            if len(found) >= wanted:
                return compared(part, found[:wanted], vector, count)
            taken *= FETCH_GROWTH
        return None

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of these rows, `(len(rows), dimension) float32`."""
        stored = np.zeros((len(rows), self.dimension), dtype=np.float32)
        places = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(places):
            here = places == number
            stored[here] = self._parts[number].reconstruct_batch(rows[here] - self._starts[number])
        return stored


def _exact(part: faiss.Index, vector: NDArray[np.float32], count: int, among: Allowed | None) -> tuple[Rows, Scores]:
    """The best rows of a block, all of it compared."""
    parameters = None if among is None else faiss.SearchParameters(sel=among.selector)  # type: ignore[call-arg]
    scores, rows = part.search(vector.reshape(1, -1), min(count, part.ntotal), params=parameters)
    real = rows[0] >= 0
    return rows[0][real], scores[0][real]


class DenseRetriever:
    """The bi-encoder as a Retriever over one generation; scores are cosine similarities."""

    name = "dense"

    def __init__(self, index: DenseIndex, table: PassageTable, embedder: Embedder, shown: Shown = None) -> None:
        self._index = index
        self._table = table
        self._embedder = embedder
        self._shown = table.shown(None) if shown is None else shown
        self._allowed = index.allowed(self._shown)
        self._queries: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def search(self, query: Query, depth: int) -> Ranking:
        """The nearest passages, until `depth` distinct documents are among them or nothing is left."""
        return self.search_vector(self._vector(query), depth)

    def search_vector(self, vector: NDArray[np.float32], depth: int) -> Ranking:
        """As `search`, by a vector of length 1."""
        rows, scores = search_until_distinct(lambda n: self._index.best(vector, n, self._allowed), self._table, depth)
        return self._table.ranking(self.name, rows, scores)

    def score(self, query: Query, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """The cosine similarity of each of these passages to the question."""
        similarities = self._index.vectors(self._table.rows_of(chunk_ids)) @ self._vector(query)
        return dict(zip(chunk_ids, similarities.tolist(), strict=True))

    def has(self, chunk_id: str) -> bool:
        """Whether a passage is in this generation and may be shown."""
        try:
            row = int(self._table.rows_of([chunk_id])[0])
        except (KeyError, ValueError):
            return False
        return self._shown is None or bool(self._shown[row])

    def vectors(self, chunk_ids: Sequence[str]) -> Vectors:
        """The stored vectors of these passages, `(len(chunk_ids), dimension) float32`."""
        return self._index.vectors(self._table.rows_of(chunk_ids))

    def remember(self, questions: Sequence[str], vectors: Vectors) -> None:
        """Takes the vectors of questions that were embedded together, `(len(questions), dimension) float32`; the next searches use them."""
        for text, vector in zip(questions, vectors, strict=True):
            self._keep(text, vector)

    def _vector(self, query: Query) -> NDArray[np.float32]:
        vector = self._queries.get(query.text)
        if vector is None:
            vector = self._embedder.embed_questions([query.text])[0]
            self._keep(query.text, vector)
        return vector

    def _keep(self, text: str, vector: NDArray[np.float32]) -> None:
        self._queries[text] = vector
        if len(self._queries) > _CACHED_QUERIES:
            self._queries.popitem(last=False)
