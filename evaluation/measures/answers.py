"""Measures of answers without a judge: exact match, token F1, containment, citation precision and recall."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from citewell.core.words import UNSPACED

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)


def normalise_answer(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, white space folded (Rajpurkar et al., EMNLP 2016)."""
    bare = "".join(c for c in text.lower() if c not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(said: str, accepted: Sequence[str]) -> float:
    """1 when the answer is one of the accepted ones after normalisation; an empty list accepts only silence."""
    return max(float(normalise_answer(said) == answer) for answer in _wanted(accepted))


def token_f1(said: str, accepted: Sequence[str]) -> float:
    """The best harmonic mean of token precision and recall against an accepted answer; an empty list accepts only silence."""
    return max(_f1(normalise_answer(said).split(), answer.split()) for answer in _wanted(accepted))


def contains(said: str, accepted: Sequence[str]) -> float:
    """1 when an accepted answer stands in the text, as whole words after normalisation; anywhere in scripts without spaces."""
    words = f" {normalise_answer(said)} "
    wanted = [normalise_answer(answer) for answer in accepted]
    return float(any(a and (f" {a} " in words or (UNSPACED.search(a) is not None and a in words)) for a in wanted))


def _wanted(accepted: Sequence[str]) -> list[str]:
    """The accepted answers that normalisation leaves anything of; as in SQuAD's script, only silence when there is none."""
    return [answer for answer in map(normalise_answer, accepted) if answer] or [""]


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
