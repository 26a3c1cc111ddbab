"""How strongly a sentence answers a question: its description in numbers, and a logistic model over them.

The coefficients are fitted by `benchmarks/fit_evidence.py` on public questions whose answers are known, half of them without
an answer in their documents; the figures it reached stand beside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FEATURES = (
    "similarity",  # cosine of question and sentence, the sentence read under its headings
    "sentence_coverage",  # share of the question's idf weight whose terms stand in the sentence
    "similarity_x_coverage",
    "passage_coverage",  # as sentence_coverage, for the passage with its headings
    "passage_similarity",  # mean similarity of the passage's sentences
    "stand_out",  # standard deviations by which the similarity is above the context's mean
    "expected_form",  # whether the sentence holds what the question asks for: a number, a date, a name
    "rank",  # 1 / rank of the passage
    "brevity",  # 1 for a sentence of up to eight words, less for longer ones
)
# Of a sentence: does it hold the answer, given that the context does? On held-out questions of all sets the best sentence does for 0.53.
SENTENCE_WEIGHTS = np.array([1.481, 1.4461, 0.5669, 0.9263, -0.4603, 0.7181, 0.6092, 1.9271, -0.0958])
SENTENCE_INTERCEPT = -6.4603
# Of a context: does any sentence hold the answer? Over these features of its best sentence, and its lead over the second best
# in log odds. Amounts of shared words are left out: people who see a passage when they ask repeat its words, users do not.
STRENGTH = ("similarity", "passage_coverage", "passage_similarity", "stand_out", "expected_form", "rank")
# AUROC on held-out questions of all sets 0.83; with a set left out of the fit, from 0.66 (nomiracl) to 0.93 (squad_v11) on it.
SUFFICIENCY_WEIGHTS = np.array([4.8544, 2.7155, 0.6949, 0.3313, -0.1783, 1.2398, 0.0634])
SUFFICIENCY_INTERCEPT = -6.9999
_STRENGTH_COLUMNS = [FEATURES.index(name) for name in STRENGTH]

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
        in_sentence = sum(w for t, w in term_weights.items() if t in analysed[sentence]) / total
        in_passage = sum(w for t, w in term_weights.items() if t in analysed[passage]) / total
        form = 0.0 if expected is None else (1.0 if expected.search(sentence) else -1.0)
        brevity = min(1.0, 8 / max(len(sentence.split()), 1))
        stand_out = (similarity - mean) / spread
        rows.append(
            [
                similarity,
                in_sentence,
                similarity * in_sentence,
                in_passage,
                passage_means[passage],
                stand_out,
                form,
                1 / rank,
                brevity,
            ]
        )
    return np.array(rows, dtype=np.float64).reshape(len(sentences), len(FEATURES))


def sentence_logits(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """w · x + b for each row of `describe`: the log odds that the sentence holds the answer."""
    logits: NDArray[np.float64] = rows @ SENTENCE_WEIGHTS + SENTENCE_INTERCEPT
    return logits


def strength(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is known of a context, `(len(STRENGTH) + 1,)`: features of its best sentence and its lead over the second best."""
    logits = sentence_logits(rows)
    best = int(np.argmax(logits))
    second = float(np.partition(logits, -2)[-2]) if len(logits) > 1 else float(logits[best]) - 1.0
    return np.append(rows[best, _STRENGTH_COLUMNS], logits[best] - second)


def sufficiency(rows: NDArray[np.float64]) -> float:
    """The probability that one of the sentences answers the question: 1 / (1 + exp(-(w · strength + b)))."""
    return float(1 / (1 + np.exp(-(strength(rows) @ SUFFICIENCY_WEIGHTS + SUFFICIENCY_INTERCEPT))))


def _expected_form(question: str) -> re.Pattern[str] | None:
    if _ASKS_TIME.search(question):
        return _TIME
    if _ASKS_NUMBER.search(question):
        return _NUMBER
    return _NAME if _ASKS_NAME.search(question) else None
