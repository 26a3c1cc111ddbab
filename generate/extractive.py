"""Answers in the documents' own words: the sentences of the context that answer the question, verbatim, each cited.

No language model is needed. What each sentence is worth was weighed before (`generate/evidence`); here a few are chosen that answer
together, and each gets what it leans on, so that it does not mislead outside its text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from citewell.core.answers import Draft, Lean, Sentence
from citewell.core.evidence import Evidence, Quotable
from citewell.core.protocols import TokenCounter, Told
from citewell.core.settings import GenerateSettings
from citewell.core.types import Context, Passage, Query, Reading
from citewell.core.words import count_words
from citewell.generate.leaning import leans_of, whole_of
from citewell.generate.quotables import restricting, shortened

# Sentences are quoted until one of them holds the answer with this probability, given that any does ...
ENOUGH = 0.85
# ... each with at least this one of its own ...
LEAST_SHARE = 0.1
# ... and none that an earlier one says already (cosine similarity).
REPEATED = 0.92
MOST_WORDS = 80  # of an answer
ASKING = frozenset({"who", "whom", "whose", "which", "what", "when", "where", "why", "how", "that"})
MOST_CUT = 3  # clauses that are shown beside a quotation from which they were cut


class ExtractiveGenerator:
    """Quotes the context."""

    route = "extractive"

    def __init__(self, tokens: TokenCounter, settings: GenerateSettings) -> None:
        self.tokens = tokens
        self._settings = settings

    @property
    def reserve(self) -> int:
        """Nothing is written."""
        return 0

    def render(self, query: Query, passages: Sequence[Passage]) -> str:
        """The passages with their markers and headers, as they are counted."""
        del query
        return "\n\n".join(f"[{p.marker}] {p.chunk.header}\n{p.text}" for p in passages)

    def generate(self, query: Query, context: Context, evidence: Sequence[Evidence], tell: Told | None = None) -> Draft:
        """At most `max_sentences` quotations for the question, or for each of its parts one at least, in reading order."""
        del query, context
        each = max(1, self._settings.max_sentences // max(1, len(evidence)))
        sentences: dict[tuple[int, int], Sentence] = {}
        for part in evidence:
            for index in choose(part, each):
                quotable = _quotation(part, index)
                place = quotable.passage.marker, quotable.start_char
                sentences.setdefault(place, _sentence(part, index, quotable))
        chosen = tuple(sentences[place] for place in sorted(sentences))
        if tell is not None:
            for sentence in chosen:
                tell(sentence)
        return Draft(chosen, self.route)


def choose(evidence: Evidence, most: int) -> list[int]:
    """The sentences that answer together, the likeliest first: together they likely hold the answer, and none repeats another."""
    if not evidence.quotables:
        return []
    order = np.argsort(-evidence.logits, kind="stable").tolist()
    chosen: list[int] = []
    words = 0
    shares = shares_of(evidence.logits)
    for candidate in order:
        if len(chosen) == most or (chosen and not _worth_more(shares, chosen, candidate)):
            break
        length = count_words(_quotation(evidence, candidate).text)
        if chosen and (words + length > MOST_WORDS or _repeats(candidate, chosen, evidence.vectors)):
            continue
        chosen.append(candidate)
        words += length
    return chosen


def _quotation(evidence: Evidence, index: int) -> Quotable:
    """What is quoted of a sentence: all of it, with the rest of its list item or row, or of a long one the clauses around the answer."""
    quotable = whole_of(evidence.quotables[index])
    reading = evidence.signals.readings.get(quotable.passage.chunk.chunk_id)
    marked = _highlight(quotable, reading)
    return shortened(quotable, marked[0] if marked else 0, MOST_WORDS)


def _leans(evidence: Evidence, index: int, quotable: Quotable) -> tuple[Lean, ...]:
    """What the quotation leans on, the clauses among it that were cut off and deny what is left or put it under a condition."""
    whole = whole_of(evidence.quotables[index])
    cut = [Lean("condition", quotable.passage.cite(a, b)) for a, b in restricting(whole, quotable)]
    return (*leans_of(whole), *cut[:MOST_CUT])


def likeliest(logits: NDArray[np.float64], most: int) -> list[int]:
    """What `choose` chooses where no sentence repeats another or is long."""
    shares = shares_of(logits)
    chosen: list[int] = []
    for candidate in np.argsort(-logits, kind="stable").tolist():
        if len(chosen) == most or (chosen and not _worth_more(shares, chosen, candidate)):
            break
        chosen.append(candidate)
    return chosen


def _worth_more(shares: NDArray[np.float64], chosen: Sequence[int], candidate: int) -> bool:
    return bool(shares[list(chosen)].sum() < ENOUGH and shares[candidate] >= LEAST_SHARE)


def shares_of(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability of each sentence that it holds the answer, given that one does."""
    shares = np.exp(logits - logits.max())
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def _repeats(candidate: int, chosen: Sequence[int], vectors: NDArray[np.float32]) -> bool:
    return any(float(vectors[candidate] @ vectors[other]) >= REPEATED for other in chosen)


def _sentence(evidence: Evidence, index: int, quotable: Quotable) -> Sentence:
    reading = evidence.signals.readings.get(quotable.passage.chunk.chunk_id)
    return Sentence(
        quotable.text,
        (quotable.citation,),
        highlight=_highlight(quotable, reading),
        heading=quotable.passage.chunk.header,
        columns=quotable.columns,
        leans_on=_leans(evidence, index, quotable),
        share=round(float(shares_of(evidence.logits)[index]), 4),
    )


def _highlight(quotable: Quotable, reading: Reading | None) -> tuple[int, int] | None:
    """The reader's words, where they stand in the sentence, are not all of it, and can stand alone."""
    if reading is None:
        return None
    offset = quotable.start_char - quotable.passage.chunk.start_char
    start, end = reading.start_char - offset, reading.end_char - offset
    inside = 0 <= start < end <= len(quotable.text) and end - start < len(quotable.text)
    return (start, end) if inside and _stands_alone(quotable.text[start:end]) else None


def _stands_alone(words: str) -> bool:
    """Whether words are an answer in short: within one cell of a row, with brackets in pairs, and not the word that asks."""
    pairs = all(words.count(opening) == words.count(closing) for opening, closing in ("()", "[]", "“”"))
    return pairs and "|" not in words and words.casefold() not in ASKING
