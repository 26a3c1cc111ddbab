"""BM25 over the analyzer's terms: an inverted index (tantivy), or rank_bm25 for small corpora.

Both compute for each field, by default with k1 = 1.2 and b = 0.75 (Robertson and Zaragoza, 2009; idf as in Lucene),

    sum over terms t of  ln(1 + (N - n_t + 0.5) / (n_t + 0.5)) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length))

and add the fields, each with its weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from citewell.core.settings import LexicalSettings
from citewell.index.lexical.base import BRIDGES_WEIGHT, FIELDS, FOLDER, LexicalIndex, LexicalRow, TermScore
from citewell.index.lexical.inverted import LOCKS, TantivyIndex, ended_rows, write_inverted
from citewell.index.lexical.retriever import LexicalRetriever, rows_holding
from citewell.index.lexical.scanned import RankBM25Index, write_scanned

__all__ = [
    "LOCKS", "LexicalIndex", "LexicalRetriever", "LexicalRow", "TermScore", "count_ended", "open_lexical", "rows_holding", "write_lexical",
]  # fmt: skip


def write_lexical(
    engine: str, rows: Iterable[LexicalRow], folder: Path, base: Path | None = None, ended: Sequence[int] = ()
) -> None:
    """Builds the lexical index of the rows into `folder`: those of the index in `base` without the ended slots, and these."""
    target = folder / FOLDER
    target.mkdir()
    write = write_scanned if engine == "rank_bm25" else write_inverted
    write(rows, target, None if base is None else base / FOLDER, ended)


def open_lexical(engine: str, folder: Path, settings: LexicalSettings | None = None) -> LexicalIndex:
    """The lexical index that `write_lexical` left in `folder`, searched with the weights of these settings."""
    settings = settings or LexicalSettings()
    own = (1.0, settings.title_weight, settings.headings_weight, BRIDGES_WEIGHT)
    weights = dict(zip(FIELDS, own, strict=True))
    if engine == "rank_bm25":
        return RankBM25Index(folder / FOLDER, weights, settings.k1, settings.b)
    return TantivyIndex(folder / FOLDER, weights)


def count_ended(engine: str, folder: Path) -> int:
    """How many rows that ended still count in the scores of the lexical index in `folder`."""
    return 0 if engine == "rank_bm25" else ended_rows(folder / FOLDER)
