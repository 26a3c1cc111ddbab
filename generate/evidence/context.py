"""A whole context in numbers that tell how likely it answers the question: raw scores of every stage, their leads, and whether they agree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from citewell.core.evidence import Signals
from citewell.core.types import Passage, Reading
from citewell.generate.evidence.sentences import ALL_FEATURES, Rows, expected_form, log_odds

CONTEXT_FEATURES = (
    "best_sentence",  # log odds of the sentence likeliest to hold the answer
    "sentence_lead",  # over the second
    "similarity",  # of the best sentence, as in evidence/sentences.py
    "passage_similarity",
    "stand_out",
    "expected_form",
    "cosine",  # of question and passage, the highest
    "cosine_lead",
    "bm25",  # of the passage of the best sentence, per unit of the question's idf weight
    "passage_coverage",
    "names_missing",  # share of the question's names and numbers that stand nowhere in the passage of the best sentence
    "names_absent",  # in no passage
)
READ_CONTEXT_FEATURES = (
    "answerable",  # log odds, the highest of all passages
    "answerable_lead",  # over the second
    "answerable_first",  # of the passage ranked first
    "answerable_best",  # of the passage of the best sentence
    "relevance",  # the cross-encoder's score, the highest
    "relevance_lead",
    "relevance_best",  # of the passage of the best sentence
    "span",  # logit of the likeliest answer
    "span_lead",  # over that of the second passage
    "agree_first",  # 1 when the passage likeliest to hold the answer is ranked first
    "agree_sentence",  # 1 when the best sentence holds the likeliest answer
    "span_form",  # 1 when the likeliest answer has the form that is asked for, -1 when not
)
# What the context model does not look at: people who see a passage when they ask repeat its words, users do not.
SHARED_CONTEXT_WORDS = ("bm25", "passage_coverage", "names_missing", "names_absent")
# Of the best sentence read alone, without the passage around it: whether it answers what is asked, and not only speaks of it.
ALONE_FEATURES = ("answerable_alone", "relevance_alone", "span_alone")
ALL_CONTEXT_FEATURES = (*CONTEXT_FEATURES, *READ_CONTEXT_FEATURES, *ALONE_FEATURES)
_NAMED = re.compile(r"(?<!^)\b(?:[A-ZÀ-Þ][\w'’-]*|\d[\d.,]*\d|\d)")
_COLUMN = {name: index for index, name in enumerate(ALL_FEATURES)}


def describe_context(
    question: str, passages: Sequence[Passage], marker_of_row: Sequence[int], rows: Rows, logits: NDArray[np.float64],
    term_weights: Mapping[str, float], signals: Signals, alone: Reading | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """`(len(ALL_CONTEXT_FEATURES),)`: what is known of a context with at least one sentence.

    `rows` are those of `describe`, `marker_of_row` the passage that each belongs to, `logits` what the sentence model makes of them;
    `alone` is what the reader makes of the best sentence without its passage.
    """
    best = int(np.argmax(logits))
    row = rows[best]
    passage = passages[marker_of_row[best] - 1]
    ids = [p.chunk.chunk_id for p in passages]
    cosines = [signals.cosine.get(key, 0.0) for key in ids]
    weight = sum(term_weights.values()) or 1.0
    named = _names(question)
    texts = {p.chunk.chunk_id: p.chunk.headed_text.casefold() for p in passages}
    values = [
        float(logits[best]),
        _lead(logits.tolist()),
        *(float(row[_COLUMN[name]]) for name in ("similarity", "passage_similarity", "stand_out", "expected_form")),
        max(cosines, default=0.0),
        _lead(cosines),
        signals.bm25.get(passage.chunk.chunk_id, 0.0) / weight,
        float(row[_COLUMN["passage_coverage"]]),
        _share(name not in texts[passage.chunk.chunk_id] for name in named),
        _share(not any(name in text for text in texts.values()) for name in named),
    ]
    by_itself = (
        (log_odds(alone.answerable), alone.relevance, alone.span_score) if alone else [0.0] * len(ALONE_FEATURES)
    )
    return np.array([*values, *_read(question, passages, passage, row, signals.readings), *by_itself], dtype=np.float64)


def _read(
    question: str, passages: Sequence[Passage], best: Passage, row: NDArray[np.float64], readings: Mapping[str, Reading]
) -> list[float]:
    read = [(p, readings[p.chunk.chunk_id]) for p in passages if p.chunk.chunk_id in readings]
    if not read:
        return [0.0] * len(READ_CONTEXT_FEATURES)
    odds = [log_odds(reading.answerable) for _, reading in read]
    relevance = [reading.relevance for _, reading in read]
    spans = [reading.span_score for _, reading in read]
    own = readings.get(best.chunk.chunk_id, read[0][1])
    top, said = read[int(np.argmax(spans))]
    likeliest = read[int(np.argmax(odds))][0]
    form = expected_form(question)
    answer = top.chunk.text[said.start_char : said.end_char]
    return [
        max(odds), _lead(odds), odds[0], log_odds(own.answerable), max(relevance), _lead(relevance), own.relevance, max(spans), _lead(spans),
        float(likeliest.marker == 1), float(row[_COLUMN["read_here"]] > 0 and row[_COLUMN["span_lead"]] >= 0),
        0.0 if form is None else (1.0 if form.search(f"the {answer}") else -1.0),
    ]  # fmt: skip


def _lead(values: Sequence[float]) -> float:
    """By how much the highest is above the second; 1 where there is none."""
    ordered = sorted(values, reverse=True)
    return float(ordered[0] - ordered[1]) if len(ordered) > 1 else 1.0


def _names(question: str) -> list[str]:
    return [match[0].casefold().removesuffix("'s").removesuffix("’s") for match in _NAMED.finditer(question)]


def _share(flags: object) -> float:
    found = list(flags)  # type: ignore[call-overload]
    return sum(found) / len(found) if found else 0.0
