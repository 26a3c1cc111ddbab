"""BM25 by the package rank_bm25, which scans every passage for every query: an option for small corpora, and the oracle of tests."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rank_bm25 import BM25Okapi

from citewell.core.settings import BM25_B, BM25_K1
from citewell.index.lexical.base import BODY, FIELDS, NO_SLOTS, LexicalRow, TermScore, Weights
from citewell.index.passages import Scores, Slots

TOKENS = "tokens.json"


def write_scanned(rows: Iterable[LexicalRow], target: Path, base: Path | None, ended: Sequence[int]) -> None:
    """Writes the tokens of the rows, and of those in `base` without the ended slots: rank_bm25 has no index."""
    gone = frozenset(ended)
    before = [] if base is None else json.loads((base / TOKENS).read_text(encoding="utf-8"))
    kept = [row for row in before if row[0] not in gone] + [[row.slot, row.terms()] for row in rows]
    kept.sort(key=lambda row: int(row[0]))
    (target / TOKENS).write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")


class _Field:
    """One field of every row."""

    def __init__(self, tokens: Sequence[list[str]], k1: float, b: float) -> None:
        self.tokens = tokens
        # A corpus without any term has no mean length; rank_bm25 divides by it.
        self.bm25 = BM25Okapi(tokens if any(tokens) else [[""]] * max(1, len(tokens)), k1=k1, b=b)
        self.frequency = Counter(term for passage in tokens for term in set(passage))
        # rank_bm25's own idf turns negative for common terms; Lucene's does not.
        size = len(tokens)
        self.bm25.idf = {t: math.log(1 + (size - n + 0.5) / (n + 0.5)) for t, n in self.frequency.items()}

    def scores(self, terms: Sequence[str]) -> Scores:
        if not self.tokens:
            return np.zeros(0, dtype=np.float32)
        scores: Scores = np.asarray(self.bm25.get_scores(list(terms)), dtype=np.float32)
        return scores


class RankBM25Index:
    """BM25 by scanning; the fields' scores are added, each with its weight."""

    def __init__(self, folder: Path, weights: Weights, k1: float = BM25_K1, b: float = BM25_B) -> None:
        rows = json.loads((folder / TOKENS).read_text(encoding="utf-8"))
        self._slots = np.array([row[0] for row in rows], dtype=np.int64)
        self._weights = {field: weight for field, weight in weights.items() if weight}
        self._fields = {field: _Field([row[1][field] for row in rows], k1, b) for field in FIELDS}

    def __len__(self) -> int:
        return len(self._slots)

    def slots(self) -> Slots:
        """The slots that it holds, in any order; for checks."""
        return self._slots

    def best(self, terms: Sequence[str], count: int, among: Slots | None = None) -> tuple[Slots, Scores]:
        """The best `count` slots that hold any of the terms, of all or of those in `among`, by falling score."""
        scores = self._scores(terms)
        if among is not None:
            scores[~np.isin(self._slots, among)] = 0.0
        order = np.argsort(-scores, kind="stable")[:count]
        order = order[scores[order] > 0]
        return self._slots[order], scores[order]

    def score_slots(self, terms: Sequence[str], slots: Slots) -> Scores:
        """The score of each of these slots, 0 where none of the terms stands."""
        if not len(slots):
            return np.zeros(0, dtype=np.float32)
        return self._scores(terms)[np.searchsorted(self._slots, slots)]

    def passage_frequency(self, term: str) -> int:
        """In how many bodies `term` stands."""
        return self._fields[BODY].frequency[term]

    def explain(self, term: str, slot: int) -> list[TermScore]:
        """What `term` adds to the score of a slot, by each field in which it stands."""
        row = int(np.searchsorted(self._slots, slot))
        parts = []
        for name, weight in self._weights.items():
            field = self._fields[name]
            bm25 = field.bm25
            tf = field.frequency[term] and bm25.doc_freqs[row].get(term, 0)
            if tf:
                score = weight * float(field.scores([term])[row])
                n, idf, length = field.frequency[term], float(bm25.idf[term]), int(bm25.doc_len[row])
                parts.append(TermScore(term, name, weight, tf, n, len(self), idf, length, float(bm25.avgdl), score))
        return parts

    def holding(self, phrase: Sequence[str]) -> Slots:
        """Every slot in which these terms follow one another, in any order; the last one may end with `*` for any ending."""
        size = len(phrase)
        held = [
            any(_follow(tokens[at : at + size], phrase) for at in range(len(tokens) - size + 1)) if size else False
            for tokens in self._fields[BODY].tokens
        ]
        return self._slots[np.array(held, dtype=np.bool_)] if len(self) else NO_SLOTS

    def _scores(self, terms: Sequence[str]) -> Scores:
        added = np.zeros(len(self), dtype=np.float32)
        for name, weight in self._weights.items():
            field = self._fields[name]
            if any(field.frequency[term] for term in terms):
                added += np.float32(weight) * field.scores(terms)
        return added


def _follow(tokens: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether tokens are those of a phrase of the same length."""
    *whole, last = phrase
    same = last == tokens[-1] or (last.endswith("*") and tokens[-1].startswith(last.rstrip("*")))
    return same and list(tokens[:-1]) == whole
