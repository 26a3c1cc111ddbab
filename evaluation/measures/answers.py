"""Measures of answers without a judge: exact match, token F1, containment, citation precision and recall."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)


def normalise_answer(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, white space folded (Rajpurkar et al., EMNLP 2016)."""
    bare = "".join(c for c in text.lower() if c not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(said: str, accepted: Sequence[str]) -> float:
    """1 when the answer is one of the accepted ones after normalisation; an empty list accepts only silence."""
    return max(float(normalise_answer(said) == normalise_answer(answer)) for answer in accepted or [""])


def token_f1(said: str, accepted: Sequence[str]) -> float:
    """The best harmonic mean of token precision and recall against an accepted answer; an empty list accepts only silence."""
    return max(_f1(normalise_answer(said).split(), normalise_answer(answer).split()) for answer in accepted or [""])


def contains(said: str, accepted: Sequence[str]) -> float:
    """1 when an accepted answer stands in the text, as whole words after normalisation."""
    words = f" {normalise_answer(said)} "
    wanted = (normalise_answer(answer) for answer in accepted)
    return float(any(answer and f" {answer} " in words for answer in wanted))


def _f1(said: list[str], answer: list[str]) -> float:
    if not said or not answer:
        return float(said == answer)
    common = sum((Counter(said) & Counter(answer)).values())
    return 2 * common / (len(said) + len(answer)) if common else 0.0


def cohen_kappa(a: Sequence[bool], b: Sequence[bool]) -> float:
    """Agreement beyond chance, (observed - expected) / (1 - expected) (Cohen, 1960); 1 when both are constant and equal."""
    size = len(a)
    if not size:
        return 0.0
    observed = sum(x == y for x, y in zip(a, b, strict=True)) / size
    yes_a, yes_b = sum(a) / size, sum(b) / size
    expected = yes_a * yes_b + (1 - yes_a) * (1 - yes_b)
    return 1.0 if expected >= 1.0 else (observed - expected) / (1 - expected)
