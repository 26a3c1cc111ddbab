"""Whether a sentence says anything beyond the question. It reads English."""

from __future__ import annotations

import re

from citewell.generate.verification.words import NEGATED, NEGATIONS, STOP_WORDS

# Questions that are answered in their own words: yes or no, one of two, one of several that are named.
_AUXILIARY = "am|are|can|could|did|do|does|had|has|have|is|may|might|must|shall|should|was|were|will|would"
_CLOSED = re.compile(rf"(?:^|[,:;] )(?:{_AUXILIARY})\b|\b(?:or|if|whether|between|which of|which one)\b", re.IGNORECASE)
# What a sentence speaks of when it speaks of answering.
_FILLERS = frozenset({"answer", "answers", "document", "documents", "passage", "passages", "question", "text"})
_WORD = re.compile(r"[^\W_]+(?:['’.,][^\W_]+)*")
SHORT = 5  # letters below which a word may differ by one more letter only
ENDING = 3


def restates(sentence: str, question: str) -> bool:
    """Whether every word of the sentence that carries meaning is one of the question, which asks for more than yes or no.

    Words match where one is the other with an ending; a number matches itself alone. A denial says something.
    """
    if _CLOSED.search(question):
        return False
    asked = _words(question)
    said = _words(sentence)
    if any(_denies(word) for word in said - asked):
        return False
    new = {word for word in said - asked if word not in STOP_WORDS and word not in _FILLERS}
    return not any(all(not _is_alike(word, other) for other in asked) for word in new)


def _words(text: str) -> set[str]:
    return {word.casefold().removesuffix("'s").removesuffix("’s") for word in _WORD.findall(text)}


def _denies(word: str) -> bool:
    return word in NEGATIONS or bool(NEGATED.search(word))


def _is_alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if any(letter.isdigit() for letter in long):
        return short == long
    return len(short) > 2 and long.startswith(short) and len(long) - len(short) <= (1 if len(short) < SHORT else ENDING)
