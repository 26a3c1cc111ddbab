"""BM25 over the analyzer's tokens: an inverted index (tantivy), or rank_bm25 for small corpora.

Both compute, by default with k1 = 1.2 and b = 0.75 (Robertson and Zaragoza, 2009; idf as in Lucene),

    sum over terms t of  ln(1 + (N - n_t + 0.5) / (n_t + 0.5)) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length))

tantivy keeps lengths above 40 tokens in one byte, so its scores of longer passages differ by a few in a hundred.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import tantivy
from rank_bm25 import BM25Okapi

from citewell.core.settings import BM25_B, BM25_K1
from citewell.core.types import Query, Ranking
from citewell.index.analysis import analyse
from citewell.index.passages import PassageTable, Rows, Scores, search_until_distinct

FOLDER = "lexical"
_HEAP_BYTES = 64_000_000
_NO_ROWS = np.zeros(0, dtype=np.int64)


class LexicalIndex(Protocol):
    """BM25 scores by row number."""

    def best(self, terms: Sequence[str], count: int, excluded: frozenset[int]) -> tuple[Rows, Scores]:
        """The best `count` rows that hold any of the terms, by falling score."""
        ...

    def score_rows(self, terms: Sequence[str], rows: Rows) -> Scores:
        """The score of each of these rows, 0 where none of the terms stands."""
        ...

    def passage_frequency(self, term: str) -> int:
        """In how many rows `term` stands."""
        ...


def write_lexical(engine: str, texts: Iterable[str], folder: Path) -> None:
    """Builds the lexical index of `texts`, one per row, into `folder`."""
    target = folder / FOLDER
    target.mkdir()
    if engine == "rank_bm25":
        tokens = [analyse(text) for text in texts]
        (target / "tokens.json").write_text(json.dumps(tokens, ensure_ascii=False), encoding="utf-8")
        return
    index = tantivy.Index(_schema(), path=str(target))
    writer = index.writer(_HEAP_BYTES, 1)  # one thread: the same segments for the same passages
    for row, text in enumerate(texts):
        document = tantivy.Document()
        document.add_unsigned("row", row)
        document.add_text("body", " ".join(analyse(text)))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def open_lexical(engine: str, folder: Path, k1: float = BM25_K1, b: float = BM25_B) -> LexicalIndex:
    """The lexical index that `write_lexical` left in `folder`; k1 and b are those of rank_bm25, tantivy has its own."""
    target = folder / FOLDER
    if engine == "rank_bm25":
        return RankBM25Index(json.loads((target / "tokens.json").read_text(encoding="utf-8")), k1, b)
    return TantivyIndex(target)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", stored=False, indexed=True, fast=True)
    builder.add_text_field("body", stored=False, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


class TantivyIndex:
    """BM25 by tantivy's inverted index."""

    def __init__(self, folder: Path) -> None:
        index = tantivy.Index.open(str(folder))
        self._schema = index.schema
        self._searcher = index.searcher()

    def best(self, terms: Sequence[str], count: int, excluded: frozenset[int]) -> tuple[Rows, Scores]:
        """The best `count` rows that hold any of the terms, by falling score."""
        query = self._any_of(terms)
        if query is None:
            return _NO_ROWS, np.zeros(0, dtype=np.float32)
        if excluded:
            without = tantivy.Query.term_set_query(self._schema, "row", sorted(excluded))
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.MustNot, without)])
        return self._run(query, count)

    def score_rows(self, terms: Sequence[str], rows: Rows) -> Scores:
        """The score of each of these rows, 0 where none of the terms stands."""
        query = self._any_of(terms)
        scores = np.zeros(len(rows), dtype=np.float32)
        if query is None or not len(rows):
            return scores
        among = tantivy.Query.const_score_query(tantivy.Query.term_set_query(self._schema, "row", rows.tolist()), 0.0)
        both = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, among)])
        found, found_scores = self._run(both, len(rows))
        by_row = dict(zip(found.tolist(), found_scores.tolist(), strict=True))
        return np.array([by_row.get(row, 0.0) for row in rows.tolist()], dtype=np.float32)

    def passage_frequency(self, term: str) -> int:
        """In how many rows `term` stands."""
        return int(self._searcher.doc_freq("body", term))

    def _any_of(self, terms: Sequence[str]) -> tantivy.Query | None:
        clauses = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "body", term, "freq")) for term in terms
        ]
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _run(self, query: tantivy.Query, count: int) -> tuple[Rows, Scores]:
        hits = self._searcher.search(query, max(count, 1), count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in hits]) if hits else []
        return np.array(rows, dtype=np.int64), np.array([score for score, _ in hits], dtype=np.float32)


class RankBM25Index:
    """BM25 by the package rank_bm25, which scans every passage for every query."""

    def __init__(self, tokens: list[list[str]], k1: float = BM25_K1, b: float = BM25_B) -> None:
        self._size = len(tokens)
        # A corpus without any term has no mean length; rank_bm25 divides by it.
        self._bm25 = BM25Okapi(tokens if any(tokens) else [[""]] * max(1, len(tokens)), k1=k1, b=b)
        self._frequency = Counter(term for passage in tokens for term in set(passage))
        # rank_bm25's own idf turns negative for common terms; Lucene's does not.
        self._bm25.idf = {t: math.log(1 + (self._size - n + 0.5) / (n + 0.5)) for t, n in self._frequency.items()}

    def best(self, terms: Sequence[str], count: int, excluded: frozenset[int]) -> tuple[Rows, Scores]:
        """The best `count` rows that hold any of the terms, by falling score."""
        scores = self.score_rows(terms, np.arange(self._size, dtype=np.int64))
        if excluded:
            scores[sorted(excluded)] = 0.0
        order = np.argsort(-scores, kind="stable")[:count]
        order = order[scores[order] > 0]
        return order.astype(np.int64), scores[order]

    def score_rows(self, terms: Sequence[str], rows: Rows) -> Scores:
        """The score of each of these rows, 0 where none of the terms stands."""
        if not self._size:
            return np.zeros(len(rows), dtype=np.float32)
        scores: Scores = np.asarray(self._bm25.get_scores(list(terms)), dtype=np.float32)[rows]
        return scores

    def passage_frequency(self, term: str) -> int:
        """In how many rows `term` stands."""
        return self._frequency[term]


class LexicalRetriever:
    """BM25 as a Retriever over one generation."""

    name = "bm25"

    def __init__(self, index: LexicalIndex, table: PassageTable, excluded: frozenset[int] = frozenset()) -> None:
        self._index = index
        self._table = table
        self._excluded = excluded

    def search(self, query: Query, depth: int) -> Ranking:
        """The best passages, until `depth` distinct documents are among them or nothing more matches."""
        terms = analyse(query.text)
        rows, scores = search_until_distinct(lambda n: self._index.best(terms, n, self._excluded), self._table, depth)
        return self._table.ranking(self.name, rows, scores)

    def score(self, query: Query, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """The score of each of these passages; 0 where none of the question's words stands."""
        scores = self._index.score_rows(analyse(query.text), self._table.rows_of(chunk_ids))
        return dict(zip(chunk_ids, scores.tolist(), strict=True))

    def term_weights(self, text: str) -> dict[str, float]:
        """The idf of each index term of `text` in this generation: ln(1 + (N - n + 0.5) / (n + 0.5))."""
        size = len(self._table)
        frequencies = {term: self._index.passage_frequency(term) for term in analyse(text)}
        return {term: math.log(1 + (size - n + 0.5) / (n + 0.5)) for term, n in frequencies.items()}
