"""Passages and questions to index terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from citewell.core.languages import SURE, UNKNOWN, detect
from citewell.index.analysis.bridges import bridges
from citewell.index.analysis.scripts import Token, ascii_words, folded, humps, joined, tokens
from citewell.index.analysis.words import is_stop_word, term

ANALYZER_VERSION = "scripts-3"
_ALPHABET = set("abcdefghijklmnopqrstuvwxyz0123456789")
FALLBACK = "en"  # how a text is read whose language cannot be told


@dataclass(frozen=True, slots=True)
class QuestionTerms:
    """What a question is searched by: its terms, the languages in which its words were read, and, where it is certainly in another language
    than what is searched, the bridges of its terms."""

    terms: tuple[str, ...]
    languages: tuple[str, ...]
    bridges: tuple[str, ...] = ()

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where these terms stand in `text`, for marking: `(start, end)` of each, in order and not overlapping."""
        return spans_of(text, self.terms, self.languages)


def terms_of_question(text: str, indexed: Sequence[str]) -> QuestionTerms:
    """A question's terms in its language, or in those that are indexed (the most frequent first)."""
    languages = languages_of_question(text, indexed)
    terms = tuple(analyse(text, languages))
    foreign = bool(languages) and languages[0] not in indexed
    return QuestionTerms(terms, languages, tuple(dict.fromkeys(bridges(terms))) if foreign else ())


def analyse_passage(text: str, language: str) -> list[str]:
    """What is indexed of a passage in this language: its terms in their order, then its identifiers of several parts, whole."""
    return [*_terms(text, (FALLBACK if language == UNKNOWN else language,), singles=True), *identifiers(text)]


def analyse(text: str, languages: Sequence[str] = (FALLBACK,)) -> list[str]:
    """What is searched for: each word of `text` as it would be indexed in each of these languages, the likeliest first.

    Of a script without spaces these are pairs of characters, and a character that stands alone.
    """
    return [*_terms(text, languages, singles=False), *identifiers(text)]


def phrases(text: str, languages: Sequence[str]) -> list[list[str]]:
    """The terms of `text` as they follow one another in a passage of each of these languages; each sequence once."""
    found = (list(_terms(text, (language,), singles=True)) for language in languages)
    return [list(terms) for terms in dict.fromkeys(map(tuple, found)) if terms]


def beginning(text: str) -> str:
    """The last word of `text` as the beginning of a term: folded, and not stemmed."""
    written = [token.text for token in tokens(text) if token.kind != "pair"]
    return term(folded(written[-1]), UNKNOWN) if written else ""


def words_of(text: str) -> list[str]:
    """The words of `text` as they are written, of scripts that separate them."""
    return [token.text for token in tokens(text) if token.kind == "word"]


def one_letter_away(term: str) -> set[str]:
    """The strings that one letter more, less or other, or two neighbours exchanged, make of a term."""
    letters = _ALPHABET | set(term)
    splits = [(term[:i], term[i:]) for i in range(len(term) + 1)]
    less = {a + b[1:] for a, b in splits if b}
    exchanged = {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    other = {a + letter + b[1:] for a, b in splits if b for letter in letters}
    more = {a + letter + b for a, b in splits for letter in letters}
    return (less | exchanged | other | more) - {term}


def identifiers(text: str) -> list[str]:
    """Names of several parts, whole, such as `sars-cov-2`, `2.13.0`, `ann@example.org`, `etc/fstab`."""
    return joined(folded(text))


def languages_of_question(text: str, indexed: Sequence[str]) -> tuple[str, ...]:
    """The languages in which a question's words are searched for, the likeliest first: its own where it is sure and indexed, else all that
    are indexed (`indexed`, the most frequent first), after its own, whose function words are then left out."""
    language, probability = detect(text)
    if probability < SURE:
        return tuple(indexed)
    return (language,) if language in indexed else (language, *indexed)


def spans_of(text: str, terms: Iterable[str], languages: Sequence[str]) -> list[tuple[int, int]]:
    """Where words of `text` stand whose term is among `terms`: `(start, end)` of each, in order and not overlapping; for marking."""
    wanted = set(terms)
    found: list[tuple[int, int]] = []
    for token in tokens(text):
        made = _of_word(token.text, tuple(languages)) if token.kind == "word" else (folded(token.text),)
        if not wanted.intersection(made):
            continue
        if found and token.start < found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], token.end)
        else:
            found.append((token.start, token.end))
    return found


def _terms(text: str, languages: Sequence[str], *, singles: bool) -> Iterator[str]:
    named = tuple(languages)
    if text.isascii():
        for word in ascii_words(text):
            yield from _of_word(word, named)
        return
    listed = list(tokens(text))
    for number, token in enumerate(listed):
        if token.kind == "word":
            yield from _of_word(token.text, named)
        elif token.kind == "pair" or singles or not _has_neighbour(listed, number):
            yield folded(token.text)


def _has_neighbour(listed: Sequence[Token], number: int) -> bool:
    """Whether a single character is part of a pair."""
    token = listed[number]
    around = listed[max(0, number - 1) : number + 2]
    return any(other.kind == "pair" and other.start <= token.start < other.end for other in around)


@lru_cache(maxsize=1 << 17)
def _of_word(written: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    """The terms of one word as it is written, each once."""
    word = folded(written)
    if is_stop_word(word, languages[0]):
        return ()
    words = [word, *map(folded, humps(written))]
    made = dict.fromkeys(term(w, language) for w in words for language in languages)
    return tuple(stem for stem in made if stem)
