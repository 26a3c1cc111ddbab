"""BM25 by tantivy's inverted index.

tantivy has k1 = 1.2 and b = 0.75 compiled in, and keeps lengths above 40 tokens in one byte, so its scores of longer passages differ by a few
in a hundred.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tantivy

from citewell.index.files import link
from citewell.index.lexical.base import BODY, FIELDS, NO_SLOTS, LexicalRow, TermScore, Weights
from citewell.index.passages import Scores, Slots

LOCKS = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock"})
_REWRITTEN = frozenset({"meta.json", ".managed.json"})  # tantivy's list of segments, replaced at each commit
_HEAP_BYTES = 64_000_000


def write_inverted(rows: Iterable[LexicalRow], target: Path, base: Path | None, ended: Sequence[int]) -> None:
    """Writes the index of the rows, and of those in `base` without the ended slots.

    What tantivy has written in `base` is linked to and never changed: only the new rows and the marks of the ended ones are written.
    """
    if base is not None:
        for path in base.iterdir():
            if path.name in _REWRITTEN:
                shutil.copyfile(path, target / path.name)
            elif path.name not in LOCKS:
                link(path, target / path.name)
    index = tantivy.Index.open(str(target)) if base is not None else tantivy.Index(_schema(), path=str(target))
    writer = index.writer(_HEAP_BYTES, 1)  # one thread: the same segments for the same passages
    if ended:
        writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, "slot", list(ended)))
    for row in rows:
        document = tantivy.Document()
        document.add_unsigned("slot", row.slot)
        for field, terms in row.terms().items():
            document.add_text(field, " ".join(terms))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def ended_rows(folder: Path) -> int:
    """How many rows that ended still count in the frequencies of the index in `folder`: tantivy drops them when it merges segments."""
    segments = json.loads((folder / "meta.json").read_text(encoding="utf-8"))["segments"]
    return sum((segment.get("deletes") or {}).get("num_deleted_docs", 0) for segment in segments)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("slot", stored=False, indexed=True, fast=True)
    for field in FIELDS:
        option = "position" if field == BODY else "freq"  # phrases are looked for in the body
        builder.add_text_field(field, stored=False, tokenizer_name="whitespace", index_option=option)
    return builder.build()


class TantivyIndex:
    """BM25 over an inverted index; the fields' scores are added, each with its weight."""

    def __init__(self, folder: Path, weights: Weights) -> None:
        index = tantivy.Index.open(str(folder))
        self._weights = {field: weight for field, weight in weights.items() if weight}
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
            return NO_SLOTS, np.zeros(0, dtype=np.float32)
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
        """In how many bodies `term` stands; rows that ended count until their segment is merged."""
        return int(self._searcher.doc_freq(BODY, term))

    def explain(self, term: str, slot: int) -> list[TermScore]:
        """What `term` adds to the score of a slot, by each field in which it stands."""
        parts = []
        for field, weight in self._weights.items():
            query = tantivy.Query.term_query(self._schema, field, term, "freq")
            hits = self._searcher.search(self._within(query, np.array([slot])), 1, count=False).hits
            if not hits:
                continue
            told = json.loads(query.explain(self._searcher, hits[0][1]).to_json())
            _, idf, frequency = told["details"]
            n, total = (part["value"] for part in idf["details"])
            tf, _, _, length, mean = (part["value"] for part in frequency["details"])
            score = weight * told["value"]
            parts.append(
                TermScore(term, field, weight, int(tf), int(n), int(total), idf["value"], int(length), mean, score)
            )
        return parts

    def holding(self, phrase: Sequence[str]) -> Slots:
        """Every slot in which these terms follow one another, in any order; the last one may end with `*` for any ending."""
        if not phrase or not len(self):
            return NO_SLOTS
        return self._run(tantivy.Query.const_score_query(self._phrase(list(phrase)), 0.0), len(self))[0]

    def _phrase(self, phrase: list[str]) -> tantivy.Query:
        begun = phrase[-1].endswith("*")
        if begun and len(phrase) > 1:
            return tantivy.Query.phrase_prefix_query(self._schema, BODY, [*phrase[:-1], phrase[-1].rstrip("*")])
        if begun:
            return tantivy.Query.regex_query(self._schema, BODY, re.escape(phrase[0].rstrip("*")) + ".*")
        if len(phrase) > 1:
            return tantivy.Query.phrase_query(self._schema, BODY, phrase)  # type: ignore[arg-type]
        return tantivy.Query.term_query(self._schema, BODY, phrase[0], "freq")

    def _any_of(self, terms: Sequence[str]) -> tantivy.Query | None:
        clauses = []
        for term in terms:
            for field, weight in self._weights.items():
                if field == BODY or self._searcher.doc_freq(field, term):
                    query = tantivy.Query.term_query(self._schema, field, term, "freq")
                    weighted = query if weight == 1.0 else tantivy.Query.boost_query(query, weight)
                    clauses.append((tantivy.Occur.Should, weighted))
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _run(self, query: tantivy.Query, count: int) -> tuple[Slots, Scores]:
        hits = self._searcher.search(query, max(count, 1), count=False).hits
        slots = self._searcher.fast_field_values("slot", [address for _, address in hits]) if hits else []
        return np.array(slots, dtype=np.int64), np.array([score for score, _ in hits], dtype=np.float32)
