"""Dense retrieval: exact inner product over all vectors of a generation, through FAISS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from citewell.core.protocols import Embedder, Vectors
from citewell.core.types import Query, Ranking
from citewell.index.passages import PassageTable, Rows, Scores, search_until_distinct

FILE_NAME = "dense.faiss"
_CACHED_QUERIES = 64


def write_dense(vectors: Vectors, dimension: int, folder: Path) -> None:
    """Builds the exact index of `vectors`, `(n, dimension) float32`, one per row, into `folder`."""
    index = faiss.IndexFlatIP(dimension)
    if len(vectors):
        index.add(vectors)
    faiss.write_index(index, str(folder / FILE_NAME))


class DenseIndex:
    """The index that `write_dense` left in `folder`, memory-mapped."""

    def __init__(self, folder: Path) -> None:
        self._index = faiss.read_index(str(folder / FILE_NAME), faiss.IO_FLAG_MMAP_IFC)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def best(self, vector: NDArray[np.float32], count: int, excluded: Rows) -> tuple[Rows, Scores]:
        """The `count` rows of the largest inner product with `vector`, by falling score, without the excluded."""
        if not len(self):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        parameters = None
        if len(excluded):
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorNot(faiss.IDSelectorBatch(excluded)))  # type: ignore[call-arg]
        scores, rows = self._index.search(vector.reshape(1, -1), min(count, len(self)), params=parameters)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of these rows, `(len(rows), dimension) float32`."""
        if not len(rows):
            return np.zeros((0, self.dimension), dtype=np.float32)
        stored: Vectors = self._index.reconstruct_batch(rows)
        return stored


class DenseRetriever:
    """The bi-encoder as a Retriever over one generation; scores are cosine similarities."""

    name = "dense"

    def __init__(
        self, index: DenseIndex, table: PassageTable, embedder: Embedder, excluded: Rows | None = None
    ) -> None:
        self._index = index
        self._table = table
        self._embedder = embedder
        self._excluded = np.zeros(0, dtype=np.int64) if excluded is None else excluded
        self._queries: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def search(self, query: Query, depth: int) -> Ranking:
        """The nearest passages, until `depth` distinct documents are among them or nothing is left."""
        vector = self._vector(query)
        rows, scores = search_until_distinct(lambda n: self._index.best(vector, n, self._excluded), self._table, depth)
        return self._table.ranking(self.name, rows, scores)

    def score(self, query: Query, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """The cosine similarity of each of these passages to the question."""
        similarities = self._index.vectors(self._table.rows_of(chunk_ids)) @ self._vector(query)
        return dict(zip(chunk_ids, similarities.tolist(), strict=True))

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
            vector = self._embedder.embed([query.text])[0]
            self._keep(query.text, vector)
        return vector

    def _keep(self, text: str, vector: NDArray[np.float32]) -> None:
        self._queries[text] = vector
        if len(self._queries) > _CACHED_QUERIES:
            self._queries.popitem(last=False)
