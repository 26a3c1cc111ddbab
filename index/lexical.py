"""BM25 over the analyzer's tokens: an inverted index (tantivy), or rank_bm25 for small corpora.

Both compute, by default with k1 = 1.2 and b = 0.75 (Robertson and Zaragoza, 2009; idf as in Lucene),

    sum over terms t of  ln(1 + (N - n_t + 0.5) / (n_t + 0.5)) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length))

tantivy keeps lengths above 40 tokens in one byte, so its scores of longer passages differ by a few in a hundred.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import tantivy
from numpy.typing import NDArray
from rank_bm25 import BM25Okapi

from citewell.core.languages import UNKNOWN
from citewell.core.settings import BM25_B, BM25_K1
from citewell.core.types import Query, Ranking
from citewell.index.analysis import (
    FALLBACK,
    QuestionTerms,
    analyse,
    analyse_passage,
    beginning,
    one_letter_away,
    phrases,
    spans_of,
    terms_of_question,
    words_of,
)
from citewell.index.files import link
from citewell.index.passages import FETCH_GROWTH, PassageTable, Rows, Scores, Shown, Slots, search_until_distinct

FOLDER = "lexical"
TOKENS = "tokens.json"
_HEAP_BYTES = 64_000_000
NARROW = 2000  # rows that may be shown: at most so many are named to the index, of more it is asked for spare ones
SPARE = 1.3
CUT = 5  # letters of an ending that a stem may lack
MIN_BEGINNING = 2
MIN_CORRECTED = 4  # letters of a term that is corrected
CORRECTIONS_TRIED = 5
FEW_HOLDING = 20
MOST_LANGUAGES = 5  # of a generation, in which a question's words are searched for when its own is not certain
_NO_SLOTS = np.zeros(0, dtype=np.int64)
LOCKS = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock"})
_REWRITTEN = frozenset({"meta.json", ".managed.json"})  # tantivy's list of segments, replaced at each commit


@dataclass(frozen=True, slots=True)
class TermScore:
    """What a term adds to a passage's BM25 score, with the numbers of the formula above: occurrences in the passage, passages with it, all
    passages, the passage's length and the mean length in terms."""

    term: str
    occurrences: int
    passages_with: int
    passages: int
    idf: float
    length: int
    mean_length: float
    score: float


class LexicalIndex(Protocol):
    """BM25 scores by slot."""

    def __len__(self) -> int:
        """How many rows it holds."""
        ...

    def slots(self) -> Slots:
        """The slots that it holds, in any order; for checks."""
        ...

    def best(self, terms: Sequence[str], count: int, among: Slots | None = None) -> tuple[Slots, Scores]:
        """The best `count` slots that hold any of the terms, of all or of those in `among`, by falling score."""
        ...

    def score_slots(self, terms: Sequence[str], slots: Slots) -> Scores:
        """The score of each of these slots, 0 where none of the terms stands."""
        ...

    def passage_frequency(self, term: str) -> int:
        """In how many rows `term` stands; rows that ended count until their segment is merged."""
        ...

    def explain(self, term: str, slot: int) -> TermScore | None:
        """What `term` adds to the score of a slot; None where it does not stand in it."""
        ...

    def holding(self, phrase: Sequence[str]) -> Slots:
        """Every slot in which these terms follow one another, in any order; the last one may end with `*` for any ending."""
        ...


def write_lexical(
    engine: str,
    texts: Iterable[tuple[int, str, str]],
    folder: Path,
    base: Path | None = None,
    ended: Sequence[int] = (),
) -> None:
    """Builds the lexical index of `(slot, text, language)` rows into `folder`: those of the index in `base` without the ended slots, and these.

    What tantivy has written in `base` is linked to and never changed: only the new rows and the marks of the ended ones are written.
    """
    target = folder / FOLDER
    target.mkdir()
    if engine == "rank_bm25":
        _write_tokens(texts, target, None if base is None else base / FOLDER, frozenset(ended))
        return
    if base is not None:
        for path in (base / FOLDER).iterdir():
            if path.name in _REWRITTEN:
                shutil.copyfile(path, target / path.name)
            elif path.name not in LOCKS:
                link(path, target / path.name)
    index = tantivy.Index.open(str(target)) if base is not None else tantivy.Index(_schema(), path=str(target))
    writer = index.writer(_HEAP_BYTES, 1)  # one thread: the same segments for the same passages
    if ended:
        writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, "slot", list(ended)))
    for slot, text, language in texts:
        document = tantivy.Document()
        document.add_unsigned("slot", slot)
        document.add_text("body", " ".join(analyse_passage(text, language)))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def _write_tokens(
    texts: Iterable[tuple[int, str, str]], target: Path, base: Path | None, ended: frozenset[int]
) -> None:
    """rank_bm25 has no index: the tokens of all rows are written anew."""
    before = [] if base is None else json.loads((base / TOKENS).read_text(encoding="utf-8"))
    rows = [row for row in before if row[0] not in ended] + [
        [slot, analyse_passage(text, tag)] for slot, text, tag in texts
    ]
    rows.sort(key=lambda row: int(row[0]))
    (target / TOKENS).write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


def open_lexical(engine: str, folder: Path, k1: float = BM25_K1, b: float = BM25_B) -> LexicalIndex:
    """The lexical index that `write_lexical` left in `folder`; k1 and b are those of rank_bm25, tantivy has its own."""
    target = folder / FOLDER
    if engine == "rank_bm25":
        return RankBM25Index(json.loads((target / TOKENS).read_text(encoding="utf-8")), k1, b)
    return TantivyIndex(target)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("slot", stored=False, indexed=True, fast=True)
    builder.add_text_field("body", stored=False, tokenizer_name="whitespace", index_option="position")
    return builder.build()


class TantivyIndex:
    """BM25 by tantivy's inverted index."""

    def __init__(self, folder: Path) -> None:
        index = tantivy.Index.open(str(folder))
        self._schema = index.schema
        self._searcher = index.searcher()

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def slots(self) -> Slots:
        """The slots that it holds, in any order; for checks."""
        return self._run(tantivy.Query.all_query(), len(self))[0]

    def best(self, terms: Sequence[str], count: int, among: Slots | None = None) -> tuple[Slots, Scores]:
        """The best `count` slots that hold any of the terms, of all or of those in `among`, by falling score."""
        query = self._any_of(terms)
        if query is None or (among is not None and not len(among)):
            return _NO_SLOTS, np.zeros(0, dtype=np.float32)
        return self._run(query if among is None else self._within(query, among), count)

    def _within(self, query: tantivy.Query, slots: Slots) -> tantivy.Query:
        among = tantivy.Query.const_score_query(tantivy.Query.term_set_query(self._schema, "slot", slots.tolist()), 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, among)])

    def score_slots(self, terms: Sequence[str], slots: Slots) -> Scores:
        """The score of each of these slots, 0 where none of the terms stands."""
        query = self._any_of(terms)
        scores = np.zeros(len(slots), dtype=np.float32)
        if query is None or not len(slots):
            return scores
        found, found_scores = self._run(self._within(query, slots), len(slots))
        by_slot = dict(zip(found.tolist(), found_scores.tolist(), strict=True))
        return np.array([by_slot.get(slot, 0.0) for slot in slots.tolist()], dtype=np.float32)

    def passage_frequency(self, term: str) -> int:
        """In how many rows `term` stands; rows that ended count until their segment is merged."""
        return int(self._searcher.doc_freq("body", term))

    def explain(self, term: str, slot: int) -> TermScore | None:
        """What `term` adds to the score of a slot; None where it does not stand in it."""
        query = tantivy.Query.term_query(self._schema, "body", term, "freq")
        hits = self._searcher.search(self._within(query, np.array([slot])), 1, count=False).hits
        if not hits:
            return None
        told = json.loads(query.explain(self._searcher, hits[0][1]).to_json())
        _, idf, frequency = told["details"]
        n, total = (part["value"] for part in idf["details"])
        tf, _, _, length, mean = (part["value"] for part in frequency["details"])
        return TermScore(term, int(tf), int(n), int(total), idf["value"], int(length), mean, told["value"])

    def holding(self, phrase: Sequence[str]) -> Slots:
        """Every slot in which these terms follow one another, in any order; the last one may end with `*` for any ending."""
        if not phrase or not len(self):
            return _NO_SLOTS
        return self._run(tantivy.Query.const_score_query(self._phrase(list(phrase)), 0.0), len(self))[0]

    def _phrase(self, phrase: list[str]) -> tantivy.Query:
        begun = phrase[-1].endswith("*")
        if begun and len(phrase) > 1:
            return tantivy.Query.phrase_prefix_query(self._schema, "body", [*phrase[:-1], phrase[-1].rstrip("*")])
        if begun:
            return tantivy.Query.regex_query(self._schema, "body", re.escape(phrase[0].rstrip("*")) + ".*")
        if len(phrase) > 1:
            return tantivy.Query.phrase_query(self._schema, "body", phrase)  # type: ignore[arg-type]
        return tantivy.Query.term_query(self._schema, "body", phrase[0], "freq")

    def _any_of(self, terms: Sequence[str]) -> tantivy.Query | None:
        clauses = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "body", term, "freq")) for term in terms
        ]
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _run(self, query: tantivy.Query, count: int) -> tuple[Slots, Scores]:
        hits = self._searcher.search(query, max(count, 1), count=False).hits
        slots = self._searcher.fast_field_values("slot", [address for _, address in hits]) if hits else []
        return np.array(slots, dtype=np.int64), np.array([score for score, _ in hits], dtype=np.float32)


class RankBM25Index:
    """BM25 by the package rank_bm25, which scans every passage for every query."""

    def __init__(self, rows: Sequence[tuple[int, list[str]]], k1: float = BM25_K1, b: float = BM25_B) -> None:
        tokens = [row[1] for row in rows]
        self._tokens = tokens
        self._slots = np.array([row[0] for row in rows], dtype=np.int64)
        # A corpus without any term has no mean length; rank_bm25 divides by it.
        self._bm25 = BM25Okapi(tokens if any(tokens) else [[""]] * max(1, len(tokens)), k1=k1, b=b)
        self._frequency = Counter(term for passage in tokens for term in set(passage))
        # rank_bm25's own idf turns negative for common terms; Lucene's does not.
        size = len(tokens)
        self._bm25.idf = {t: math.log(1 + (size - n + 0.5) / (n + 0.5)) for t, n in self._frequency.items()}

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
        """In how many rows `term` stands."""
        return self._frequency[term]

    def explain(self, term: str, slot: int) -> TermScore | None:
        """What `term` adds to the score of a slot; None where it does not stand in it."""
        row = int(np.searchsorted(self._slots, slot))
        tf = self._bm25.doc_freqs[row].get(term, 0)
        if not tf:
            return None
        score, idf = float(self._scores([term])[row]), float(self._bm25.idf[term])
        length = int(self._bm25.doc_len[row])
        return TermScore(term, tf, self._frequency[term], len(self), idf, length, float(self._bm25.avgdl), score)

    def holding(self, phrase: Sequence[str]) -> Slots:
        """Every slot in which these terms follow one another, in any order; the last one may end with `*` for any ending."""
        size = len(phrase)
        held = [
            any(_follow(tokens[at : at + size], phrase) for at in range(len(tokens) - size + 1)) if size else False
            for tokens in self._tokens
        ]
        return self._slots[np.array(held, dtype=np.bool_)] if len(self) else _NO_SLOTS

    def _scores(self, terms: Sequence[str]) -> Scores:
        if not len(self):
            return np.zeros(0, dtype=np.float32)
        scores: Scores = np.asarray(self._bm25.get_scores(list(terms)), dtype=np.float32)
        return scores


def _follow(tokens: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether tokens are those of a phrase of the same length."""
    *whole, last = phrase
    same = last == tokens[-1] or (last.endswith("*") and tokens[-1].startswith(last.rstrip("*")))
    return same and list(tokens[:-1]) == whole


def rows_holding(index: LexicalIndex, table: PassageTable, texts: Sequence[str]) -> NDArray[np.bool_]:
    """For each row whether one of these texts stands in it, as the words of its language; one may end with `*`."""
    held = np.zeros(len(table.columns), dtype=np.bool_)
    languages = spoken(table)
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
    return _NO_SLOTS


def spoken(table: PassageTable) -> tuple[str, ...]:
    """The most frequent languages of a generation, as its passages were analysed."""
    named = (FALLBACK if language == UNKNOWN else language for language in table.languages())
    return tuple(dict.fromkeys(named))[:MOST_LANGUAGES] or (FALLBACK,)


class LexicalRetriever:
    """BM25 as a Retriever over one generation."""

    name = "bm25"

    def __init__(self, index: LexicalIndex, table: PassageTable, shown: Shown = None) -> None:
        self._index = index
        self._table = table
        self._languages = spoken(table)
        self._shown = shown
        count = 0 if shown is None else int(shown.sum())
        self._share = 1.0 if shown is None else count / max(len(table), 1)
        self._among = table.columns.slots[shown] if shown is not None and count <= NARROW else None

    def terms(self, question: str) -> QuestionTerms:
        """What is searched for: the question's words as they are indexed in its language, or in those of this generation."""
        return terms_of_question(question, self._languages)

    def explain(self, question: str, chunk_id: str) -> list[TermScore]:
        """What each term of the question adds to a passage's score; those that do not stand in it are left out."""
        slot = int(self._table.columns.slots[self._table.rows_of([chunk_id])][0])
        parts = (self._index.explain(term, slot) for term in dict.fromkeys(self.terms(question).terms))
        return [part for part in parts if part is not None]

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
        return self.search_terms(self.terms(query.text).terms, depth)

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
        return self.score_terms(self.terms(query.text).terms, chunk_ids)

    def score_terms(self, terms: Sequence[str], chunk_ids: Sequence[str]) -> dict[str, float]:
        """As `score`, by terms of the index."""
        slots = self._table.columns.slots[self._table.rows_of(chunk_ids)]
        return dict(zip(chunk_ids, self._index.score_slots(terms, slots).tolist(), strict=True))

    def term_weights(self, text: str) -> dict[str, float]:
        """The idf of each index term of `text` in this generation: ln(1 + (N - n + 0.5) / (n + 0.5))."""
        frequencies = {term: self._index.passage_frequency(term) for term in self.terms(text).terms}
        size = len(self._table)
        return {term: math.log(1 + (max(size, n) - n + 0.5) / (n + 0.5)) for term, n in frequencies.items()}
