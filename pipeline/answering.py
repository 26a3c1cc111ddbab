"""Whether a sentence that a model wrote answers what was asked: much that the documents say does not."""

from __future__ import annotations

import re

from citewell.core.answers import Sentence
from citewell.core.languages import language_of
from citewell.core.types import Chunk, Query, Reading, text_version
from citewell.generate.verification.restating import restates
from citewell.generate.verification.words import STOP_WORDS
from citewell.pipeline.wiring import Engine

RESTATED, BESIDE = "question_restated", "off_question"
# The reader's relevance of a sentence alone, below which it answers nothing: 93 of 100 sentences that hold a public question's answer are
# above it, and half of the others below. It reads English.
LEAST_RELEVANCE = -2.0
READ = "en"
# By how much the sentence that opens an answer may be less relevant than the one that would be quoted.
FARTHEST_BELOW = 3.0
SURE = 0.5  # probability from which on the reader knows an answer in the sentence that would be quoted
NAMED = 0.7  # share of the reader's words that a sentence holds to name them
_WORD = re.compile(r"\w+")


def why_beside(engine: Engine, query: Query, sentence: Sentence, likeliest: str, *, opens: bool) -> str:
    """The code of why a supported sentence answers nothing; empty where it answers, or where that cannot be told.

    It answers where it names the words with which the reader answers from what it cites, or from the documents' `likeliest` sentence, which
    would be quoted instead. Else it must be relevant by itself, and where it opens the answer, the reader must know none.
    """
    if language_of(query.text, READ) != READ:
        return ""
    if restates(sentence.text, query.text):
        return RESTATED
    cited = " ".join(citation.quote for citation in sentence.citations)
    sources = [cited, likeliest] if opens and likeliest else [cited]
    read = engine.read(query, [_alone(text) for text in (sentence.text, *sources)])
    if not read:
        return ""
    own, found, best = read[0], read[1:], read[2:]
    least = max([LEAST_RELEVANCE, *(one.relevance - FARTHEST_BELOW for one in best)])
    if any(
        one.relevance >= least and _names(sentence.text, one, text) for one, text in zip(found, sources, strict=True)
    ):
        return ""
    is_known = any(one.answerable >= SURE for one in best)
    return BESIDE if own.relevance < least or is_known else ""


def _names(sentence: str, reading: Reading, text: str) -> bool:
    """Whether a sentence holds most of the words that the reader takes for the answer, or is a part of them."""
    answer, said = _words(text[reading.start_char : reading.end_char]), _words(sentence)
    return bool(answer and said) and (len(answer & said) >= NAMED * len(answer) or said <= answer)


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if word not in STOP_WORDS}


def _alone(text: str) -> Chunk:
    """Without headings, which speak of the question whatever stands below."""
    version = text_version(text)
    return Chunk(version, version, version, 0, len(text), text, 1)
