"""BM25 as a Retriever: rights, filters, corrections and phrases over a lexical index."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from citewell.core.languages import UNKNOWN
from citewell.core.types import Query, Ranking
from citewell.index.analysis import (
    FALLBACK,
    QuestionTerms,
    analyse,
    beginning,
    one_letter_away,
    phrases,
    spans_of,
    terms_of_question,
    words_of,
)
from citewell.index.lexical.base import NO_SLOTS, LexicalIndex, TermScore
from citewell.index.passages import FETCH_GROWTH, PassageTable, Rows, Scores, Shown, Slots, search_until_distinct

NARROW = 2000  # rows that may be shown: at most so many are named to the index, of more it is asked for spare ones
SPARE = 1.3
CUT = 5  # letters of an ending that a stem may lack
MIN_BEGINNING = 2
MIN_CORRECTED = 4  # letters of a term that is corrected
CORRECTIONS_TRIED = 5
FEW_HOLDING = 20
MOST_LANGUAGES = 5  # of a generation, in which a question's words are searched for when its own is not certain


def rows_holding(index: LexicalIndex, table: PassageTable, texts: Sequence[str]) -> NDArray[np.bool_]:
    """For each row whether one of these texts stands in it, as the words of its language; one may end with `*`."""
    held = np.zeros(len(table.columns), dtype=np.bool_)
    languages = spoken(table.languages())
    for text in texts:
        ending = "*" if text.endswith("*") else ""
        for terms in phrases(text.rstrip("*"), languages):
            slots = (
                _holding_beginning(index, terms[:-1], beginning(text.rstrip("*"))) if ending else index.holding(terms)
            )
            held[table.rows_at(slots)] = True
    return held


def _holding_beginning(index: LexicalIndex, before: Sequence[str], begun: str) -> Slots:
    """The slots with terms that begin so; stems are indexed, so that `manageme*` is shortened until it begins one."""
    for size in range(len(begun), max(len(begun) - CUT, MIN_BEGINNING) - 1, -1):
        slots = index.holding([*before, begun[:size] + "*"])
        if len(slots):
            return slots
    return NO_SLOTS


def spoken(languages: Iterable[str]) -> tuple[str, ...]:
    """The most frequent of these languages, the most frequent first, as their passages were analysed."""
    named = (FALLBACK if language == UNKNOWN else language for language in languages)
    return tuple(dict.fromkeys(named))[:MOST_LANGUAGES] or (FALLBACK,)


class LexicalRetriever:
    """BM25 as a Retriever over one generation."""

    name = "bm25"

    def __init__(self, index: LexicalIndex, table: PassageTable, shown: Shown = None) -> None:
        self._index = index
        self._table = table
        self.passages_by_language = table.languages(shown)
        self._languages = spoken(self.passages_by_language)
        self._shown = shown
        count = 0 if shown is None else int(shown.sum())
        self._share = 1.0 if shown is None else count / max(len(table), 1)
        self._among = table.columns.slots[shown] if shown is not None and count <= NARROW else None

    def terms(self, question: str) -> QuestionTerms:
        """What is searched for: the question's words as they are indexed in its language, or in those of this generation."""
        return terms_of_question(question, self._languages)

    def _asked(self, question: str) -> tuple[str, ...]:
        terms = self.terms(question)
        return (*terms.terms, *terms.bridges)

    def explain(self, question: str, chunk_id: str) -> list[TermScore]:
        """What each term of the question adds to a passage's score, by field; where it does not stand is left out."""
        slot = int(self._table.columns.slots[self._table.rows_of([chunk_id])][0])
        return [part for term in dict.fromkeys(self._asked(question)) for part in self._index.explain(term, slot)]

    def analyse(self, text: str) -> list[str]:
        """The terms of any text in the languages of this generation, to be compared with those of a question."""
        return analyse(text, self._languages)

    def corrections(self, question: str) -> dict[str, str]:
        """For words of the question that stand in no passage that may be shown, the commonest term one letter away that does.

        By word as it is written; terms are stems, and the passages tell how they are written.
        """
        found: dict[str, str] = {}
        for word in words_of(question):
            terms = analyse(word, self._languages)
            if not terms or any(self._stands(term) for term in terms):
                continue
            near = {near for term in terms if len(term) >= MIN_CORRECTED for near in one_letter_away(term)}
            likely = sorted(near, key=lambda term: (-self._index.passage_frequency(term), term))
            for term in likely[:CORRECTIONS_TRIED]:
                if self._index.passage_frequency(term) and self._stands(term):
                    found[word] = term
                    break
        return found

    def holding(self, term: str) -> list[str]:
        """The ids of some passages that may be shown and in which a term stands."""
        return self._table.ids_at(self._best([term], FEW_HOLDING)[0])

    def _stands(self, term: str) -> bool:
        if not self._index.passage_frequency(term):
            return False
        if self._shown is None:
            return True
        return bool(self._shown[self._table.rows_at(self._index.holding([term]))].any())

    def telling(self, text: str, count: int) -> list[str]:
        """The terms that tell a text from others: the highest by occurrences times idf."""
        occurrences = Counter(self.analyse(text))
        weights = self.term_weights(text)
        return sorted(occurrences, key=lambda t: (-occurrences[t] * weights.get(t, 0.0), t))[:count]

    def spans(self, text: str, terms: Iterable[str]) -> list[tuple[int, int]]:
        """Where words of `text` stand that have one of these terms."""
        return spans_of(text, terms, self._languages)

    def search(self, query: Query, depth: int) -> Ranking:
        """The best passages, until `depth` distinct documents are among them or nothing more matches."""
        return self.search_terms(self._asked(query.text), depth)

    def search_terms(self, terms: Sequence[str], depth: int) -> Ranking:
        """As `search`, by terms of the index."""
        rows, scores = search_until_distinct(lambda count: self._best(terms, count), self._table, depth)
        return self._table.ranking(self.name, rows, scores)

    def _best(self, terms: Sequence[str], count: int) -> tuple[Rows, Scores]:
        """The best rows that may be shown: where these are not named to the index, more are fetched than are wanted, until enough of them
        may be shown or there are no more."""
        shown = self._shown
        if shown is None or self._among is not None:
            slots, scores = self._index.best(terms, count, self._among)
            return self._table.rows_at(slots), scores
        fetched = int(count / self._share * SPARE) + 1
        while True:
            slots, scores = self._index.best(terms, fetched)
            rows = self._table.rows_at(slots)
            kept = shown[rows]
            if int(kept.sum()) >= count or len(slots) < fetched:
                return rows[kept][:count], scores[kept][:count]
            fetched *= FETCH_GROWTH

    def score(self, query: Query, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """The score of each of these passages; 0 where none of the question's words stands."""
        return self.score_terms(self._asked(query.text), chunk_ids)

    def score_terms(self, terms: Sequence[str], chunk_ids: Sequence[str]) -> dict[str, float]:
        """As `score`, by terms of the index."""
        slots = self._table.columns.slots[self._table.rows_of(chunk_ids)]
        return dict(zip(chunk_ids, self._index.score_slots(terms, slots).tolist(), strict=True))

    def term_weights(self, text: str) -> dict[str, float]:
        """The idf of each index term of `text` in this generation: ln(1 + (N - n + 0.5) / (n + 0.5))."""
        frequencies = {term: self._index.passage_frequency(term) for term in self.terms(text).terms}
        size = len(self._table)
        return {term: math.log(1 + (max(size, n) - n + 0.5) / (n + 0.5)) for term, n in frequencies.items()}
