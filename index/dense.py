"""Dense retrieval: exact inner product over all vectors of a generation, through FAISS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import faiss
import numpy as np
from numpy.typing import NDArray

from citewell.core.protocols import Embedder, Vectors
from citewell.core.types import Query, Ranking
from citewell.index.passages import PassageTable, Rows, Scores, Shown, search_until_distinct

_CACHED_QUERIES = 64
Selectors = Sequence["faiss.IDSelector | None"]


class DenseIndex:
    """The vectors of some FAISS indexes, one row after the other; every search looks at all of them."""

    def __init__(self, parts: Sequence[faiss.Index], dimension: int) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *(part.ntotal for part in parts)])
        self.dimension = dimension

    def __len__(self) -> int:
        return int(self._starts[-1])

    def selectors(self, shown: Shown) -> Selectors:
        """What keeps the other rows out of a search: one selector a block, None where all of it may be shown."""
        if shown is None:
            return ()
        made: list[faiss.IDSelector | None] = []
        for part, start in zip(self._parts, self._starts, strict=False):
            here = shown[start : start + part.ntotal]
            packed = np.packbits(here, bitorder="little")
            made.append(None if here.all() else faiss.IDSelectorBitmap(packed))  # type: ignore[call-arg, arg-type]
        return made

    def best(self, vector: NDArray[np.float32], count: int, selectors: Selectors = ()) -> tuple[Rows, Scores]:
        """The `count` rows of the largest inner product with `vector`, by falling score, without what the selectors hide."""
        rows, scores = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.float32)]
        for number, part in enumerate(self._parts):
            if not part.ntotal:
                continue
            selector = selectors[number] if selectors else None
            parameters = None if selector is None else faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
            found_scores, found = part.search(vector.reshape(1, -1), min(count, part.ntotal), params=parameters)
            real = found[0] >= 0
            rows.append(found[0][real] + self._starts[number])
            scores.append(found_scores[0][real])
        joined, joined_scores = np.concatenate(rows), np.concatenate(scores)
        order = np.argsort(-joined_scores, kind="stable")[:count]
        return joined[order], joined_scores[order]

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of these rows, `(len(rows), dimension) float32`."""
        stored = np.zeros((len(rows), self.dimension), dtype=np.float32)
        places = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(places):
            here = places == number
            stored[here] = self._parts[number].reconstruct_batch(rows[here] - self._starts[number])
        return stored


class DenseRetriever:
    """The bi-encoder as a Retriever over one generation; scores are cosine similarities."""

    name = "dense"

    def __init__(self, index: DenseIndex, table: PassageTable, embedder: Embedder, shown: Shown = None) -> None:
        self._index = index
        self._table = table
        self._embedder = embedder
        self._shown = table.shown(None) if shown is None else shown
        self._selectors = index.selectors(self._shown)
        self._queries: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def search(self, query: Query, depth: int) -> Ranking:
        """The nearest passages, until `depth` distinct documents are among them or nothing is left."""
        return self.search_vector(self._vector(query), depth)

    def search_vector(self, vector: NDArray[np.float32], depth: int) -> Ranking:
        """As `search`, by a vector of length 1."""
        rows, scores = search_until_distinct(lambda n: self._index.best(vector, n, self._selectors), self._table, depth)
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
