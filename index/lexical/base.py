"""BM25: what is indexed of a passage, and what every lexical index answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from citewell.index.analysis import analyse_passage, bridges
from citewell.index.passages import Scores, Slots

FOLDER = "lexical"
BODY = "body"
FIELDS = (BODY, "title", "headings", "bridges")
BRIDGES_WEIGHT = 0.5  # asked for only by questions in another language than what is searched
Weights = Mapping[str, float]  # of a field's BM25 in the score; the body's is 1
NO_SLOTS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class LexicalRow:
    """What the lexical index reads of a passage: the body is the passage with title and headings above it, which stand alone besides."""

    slot: int
    language: str
    body: str
    title: str = ""
    headings: str = ""

    def terms(self) -> dict[str, list[str]]:
        """The terms of each field, in their order; those of the last one are the bridges of the body's."""
        body, title, headings = (
            analyse_passage(text, self.language) for text in (self.body, self.title, self.headings)
        )
        return dict(zip(FIELDS, (body, title, headings, bridges(body)), strict=True))


@dataclass(frozen=True, slots=True)
class TermScore:
    """What a term adds to a passage's score by one field, with the numbers of the formula: occurrences in the field, passages with it there,
    all passages, the field's length and its mean length in terms, and the field's weight."""

    term: str
    field: str
    weight: float
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
        """In how many bodies `term` stands; rows that ended count until their segment is merged."""
        ...

    def explain(self, term: str, slot: int) -> list[TermScore]:
        """What `term` adds to the score of a slot, by each field in which it stands."""
        ...

    def holding(self, phrase: Sequence[str]) -> Slots:
        """Every slot in which these terms follow one another, in any order; the last one may end with `*` for any ending."""
        ...
