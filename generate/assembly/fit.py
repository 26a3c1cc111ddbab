"""How much of a passage is shown: all of it, or the run of sentences that bear most on the question, as far as they fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from citewell.core.sentences import sentence_spans
from citewell.core.types import Passage
from citewell.core.words import count_words, stems

_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_LETTER = re.compile(r"[^\W\d_]")
TOKENS_PER_WORD = 1.35  # of English prose
MOST_DENSITY = 3.0


def density(text: str, tokens: int) -> float:
    """How many tokens this text takes for what an English one says in one token: 1 for Latin letters, up to MOST_DENSITY for others."""
    letters = len(_LETTER.findall(text))
    if letters == 0 or 2 * len(_LATIN.findall(text)) > letters:
        return 1.0
    return min(MOST_DENSITY, max(1.0, tokens / (TOKENS_PER_WORD * max(count_words(text), 1))))


def trimmed(passage: Passage, question: str, fits: Callable[[Passage], bool]) -> Passage | None:
    """The longest run of sentences around the one that shares most with the question that still fits; None when not even that one does."""
    spans = sentence_spans(passage.text)
    asked = stems(question)
    worth = [len(asked & stems(passage.text[a:b])) for a, b in spans]
    for best in sorted(range(len(spans)), key=lambda i: (-worth[i], i)):
        first = last = best
        if not fits(_part(passage, spans[best][0], spans[best][1])):
            continue
        growing = True
        while growing:
            growing = False
            # The side that shares more goes first; of two alike the one before, which says what the sentence is about.
            sides = [(worth[first - 1], 1, first - 1, last)] if first > 0 else []
            sides += [(worth[last + 1], 0, first, last + 1)] if last + 1 < len(spans) else []
            for _, _, low, high in sorted(sides, reverse=True):
                if fits(_part(passage, spans[low][0], spans[high][1])):
                    first, last, growing = low, high, True
                    break
        return _part(passage, spans[first][0], spans[last][1])
    return None


def _part(passage: Passage, start: int, end: int) -> Passage:
    return replace(passage, text=passage.text[start:end], offset=passage.offset + start)
