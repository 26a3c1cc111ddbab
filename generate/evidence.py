"""How strongly a sentence answers a question: its description in numbers, and a logistic model over them.

The coefficients are fitted by `benchmarks/fit_evidence.py` on public questions whose answers are known, half of them without
an answer in their documents; the figures it reached stand beside them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FEATURES = (
    "similarity",  # cosine of question and sentence, the sentence read under its headings
    "sentence_coverage",  # share of the question's idf weight whose terms stand in the sentence
    "passage_coverage",  # the same for the passage with its headings
    "similarity_x_coverage",
    "rarest_missing",  # idf share of the heaviest term of the question that the passage lacks
    "expected_form",  # the sentence holds the kind of token that the question asks for: a number, a date, a name
    "rank",  # 1 / rank of the passage
    "brevity",  # 1 for a sentence of up to eight words, less for longer ones
    "is_question",
    "stand_out",  # standard deviations by which the similarity is above the context's mean
    "passage_similarity",  # mean similarity of the passage's sentences
    "matched_weight",  # ln(1 + idf of the question's terms that stand in the sentence), not relative to the question's length
)
# Of a sentence: does it hold the answer, given that the context does?
# Fitted on 2,200 questions; on 200 held-out ones the best sentence holds the answer 0.60 of the time.
SENTENCE_WEIGHTS = np.array([1.6039, 1.8257, 0.5192, 1.5151, -0.0332, 0.5142, 3.2205, -0.4006, -0.0042])
SENTENCE_INTERCEPT = -6.7049
# Of a context: does any sentence hold the answer? Over the features of its best sentence and the two of STRENGTH.
STRENGTH = ("best_logit", "lead")  # of the best sentence, and over the second best
SUFFICIENCY_WEIGHTS = np.array(
    [3.3451, -1.6517, 1.4677, -0.6511, -0.0256, -0.4272, -0.1433, 0.5673, -0.0152, 1.2173, 0.1205]
)
SUFFICIENCY_INTERCEPT = -0.9292

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


def describe(
    question: str,
    sentences: Sequence[str],
    passages: Sequence[str],
    ranks: Sequence[int],
    similarities: NDArray[np.float32],
    term_weights: Mapping[str, float],
    analyse: Callable[[str], list[str]],
) -> NDArray[np.float64]:
    """One row of FEATURES per sentence, `(n_sentences, n_features) float64`."""
    total = sum(term_weights.values()) or 1.0
    analysed: dict[str, set[str]] = {text: set(analyse(text)) for text in {*sentences, *passages}}
    expected = _expected_form(question)
    mean, spread = float(similarities.mean()), float(similarities.std()) or 1.0
    passage_means = {
        p: float(np.mean([s for s, q in zip(similarities, passages, strict=True) if q == p])) for p in {*passages}
    }
    rows = []
    for sentence, passage, rank, similarity in zip(sentences, passages, ranks, similarities.tolist(), strict=True):
        matched = sum(w for t, w in term_weights.items() if t in analysed[sentence])
        in_sentence = matched / total
        in_passage = sum(w for t, w in term_weights.items() if t in analysed[passage]) / total
        missing = max((w for t, w in term_weights.items() if t not in analysed[passage]), default=0.0) / total
        form = 0.0 if expected is None else (1.0 if expected.search(sentence) else -1.0)
        brevity = min(1.0, 8 / max(len(sentence.split()), 1))
        rows.append(
            [
                similarity,
                in_sentence,
                in_passage,
                similarity * in_sentence,
                missing,
                form,
                1 / rank,
                brevity,
                float(sentence.endswith("?")),
                (similarity - mean) / spread,
                passage_means[passage],
                math.log1p(matched),
            ]
        )
    return np.array(rows, dtype=np.float64).reshape(len(sentences), len(FEATURES))


def sentence_logits(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """w · x + b for each row of `describe`: the log odds that the sentence holds the answer."""
    logits: NDArray[np.float64] = rows @ SENTENCE_WEIGHTS + SENTENCE_INTERCEPT
    return logits


def strength(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is known of a context, `(n_features + 2,)`: its best sentence's features, log odds, and lead over the second."""
    logits = sentence_logits(rows)
    best = int(np.argmax(logits))
    second = float(np.partition(logits, -2)[-2]) if len(logits) > 1 else float(logits[best]) - 1.0
    return np.concatenate([rows[best], [logits[best], logits[best] - second]])


def sufficiency(rows: NDArray[np.float64]) -> float:
    """The probability that one of the sentences answers the question: 1 / (1 + exp(-(w · strength + b)))."""
    return float(1 / (1 + np.exp(-(strength(rows) @ SUFFICIENCY_WEIGHTS + SUFFICIENCY_INTERCEPT))))


def _expected_form(question: str) -> re.Pattern[str] | None:
    if _ASKS_TIME.search(question):
        return _TIME
    if _ASKS_NUMBER.search(question):
        return _NUMBER
    return _NAME if _ASKS_NAME.search(question) else None
