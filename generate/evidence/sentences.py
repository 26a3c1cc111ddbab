"""Each sentence of a context in numbers that tell how likely it holds the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from citewell.core.evidence import Quotable, Signals
from citewell.core.types import Reading
from citewell.core.words import count_words

FEATURES = (
    "similarity",  # cosine of question and sentence, the sentence read under its headings
    "passage_coverage",  # share of the question's idf weight whose terms stand in the passage or its headings
    "passage_similarity",  # mean similarity of the passage's sentences
    "stand_out",  # standard deviations by which the similarity is above the context's mean
    "expected_form",  # whether the sentence holds what the question asks for: a number, a date, a name
    "rank",  # 1 / rank of the passage
    "brevity",  # 1 for a sentence of up to eight words, less for longer ones
)
# What a reader adds; zeros without one.
# What the sentence model does not look at: people who see a passage when they ask repeat its words, users do not.
SHARED_WORDS = ("passage_coverage",)
READ_FEATURES = (
    "read_here",  # 1 when the reader's likeliest words of the passage stand in the sentence
    "span_lead",  # there, its logit less the highest of the context, at least -SPAN_DEPTH
    "answerable",  # log odds that the passage holds the answer
    "answerable_here",  # the same where read_here
    "relevance",  # the cross-encoder's score of the passage
)
ALL_FEATURES = (*FEATURES, *READ_FEATURES)
SPAN_DEPTH = 12.0
MOST_LOG_ODDS = 12.0

_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|hundred|thousand|million|half|twice|once)\b",
    re.I,
)
_TIME = re.compile(
    r"\b(?:1[0-9]{3}|20[0-9]{2}|january|february|march|april|may|june|july|august|september|october|november|december|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|days?|weeks?|months?|years?|hours?|minutes?|century|\d{1,2}[:.]\d\d)\b", re.I
)  # fmt: skip
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-ZÀ-Þ][\w-]+")
_ASKS_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|often|far|old|large|big|high|fast|tall)|what (?:percentage|number|share|amount)|wie (?:viele?|lange|oft|hoch))\b",
    re.I,
)
_ASKS_TIME = re.compile(r"\b(?:when|what (?:year|date|day|time)|how long|until when|since when|wann|bis wann)\b", re.I)
_ASKS_NAME = re.compile(r"\b(?:who|whom|whose|wer|wem|wen)\b", re.I)

Rows = NDArray[np.float64]


def describe(
    question: str,
    quotables: Sequence[Quotable],
    similarities: NDArray[np.float32],
    term_weights: Mapping[str, float],
    analyse: Callable[[str], list[str]],
    signals: Signals,
) -> Rows:
    """One row of ALL_FEATURES per sentence, `(n_sentences, n_features) float64`."""
    passages = [q.passage.chunk.headed_text for q in quotables]
    total = sum(term_weights.values()) or 1.0
    analysed = {text: set(analyse(text)) for text in {*passages}}
    expected = expected_form(question)
    mean, spread = float(similarities.mean()), float(similarities.std()) or 1.0
    means = {p: float(np.mean([s for s, q in zip(similarities, passages, strict=True) if q == p])) for p in {*passages}}
    highest = max((reading.span_score for reading in signals.readings.values()), default=0.0)
    rows = []
    for quotable, passage, similarity in zip(quotables, passages, similarities.tolist(), strict=True):
        in_passage = sum(w for t, w in term_weights.items() if t in analysed[passage]) / total
        form = 0.0 if expected is None else (1.0 if expected.search(quotable.text) else -1.0)
        brevity = min(1.0, 8 / max(count_words(quotable.text), 1))
        row = [
            similarity,
            in_passage,
            means[passage],
            (similarity - mean) / spread,
            form,
        ]
        row += [1 / quotable.passage.marker, brevity]
        rows.append([*row, *_read(quotable, signals.readings.get(quotable.passage.chunk.chunk_id), highest)])
    return np.array(rows, dtype=np.float64).reshape(len(quotables), len(ALL_FEATURES))


def _read(quotable: Quotable, reading: Reading | None, highest: float) -> list[float]:
    if reading is None:
        return [0.0] * len(READ_FEATURES)
    at = quotable.passage.chunk.start_char + reading.start_char
    here = float(quotable.start_char <= at < quotable.end_char)
    odds = log_odds(reading.answerable)
    return [here, here * max(reading.span_score - highest, -SPAN_DEPTH), odds, here * odds, reading.relevance]


def log_odds(probability: float) -> float:
    """ln(p / (1 - p)), cut to ±MOST_LOG_ODDS."""
    p = min(max(probability, 1e-9), 1 - 1e-9)
    return float(np.clip(np.log(p / (1 - p)), -MOST_LOG_ODDS, MOST_LOG_ODDS))


def expected_form(question: str) -> re.Pattern[str] | None:
    """What an answer to the question must hold, as a pattern; None where anything may answer."""
    if _ASKS_TIME.search(question):
        return _TIME
    if _ASKS_NUMBER.search(question):
        return _NUMBER
    return _NAME if _ASKS_NAME.search(question) else None
