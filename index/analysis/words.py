"""A word to its index term in a language: stop words, stems, accents."""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

import Stemmer
from stop_words import LANGUAGE_MAPPING, get_stop_words

from citewell.index.analysis import english

# Snowball's algorithm by language.
STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "et": "estonian",
    "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian",
    "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "cs": "czech",
}  # fmt: skip
PAIRED = frozenset(
    {"zh", "ja", "ko", "th", "lo", "km", "my"}
)  # scripts without spaces, or with particles on every word
_LISTS = {"nb": "no"}  # how the package of stop words names what is named otherwise here
_ARABIC = str.maketrans(
    {
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ى": "ي",
        "ی": "ي",
        "ې": "ي",
        "ک": "ك",
        "ة": "ه",
        "ۀ": "ه",
        "ؤ": "و",
        "ئ": "ي",
        "ـ": None,
    }
)
# As Snowball's algorithms expect the letters that are written in several ways.
_SPELLED = {
    "ar": str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ی": "ي", "ک": "ك", "ـ": None}),
    "fa": str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "أ": "ا", "إ": "ا", "ـ": None}),
}
_FINAL_HEH = re.compile("(?<=..)ه$")  # often written for the letter that ends feminine nouns
_ARABIC_MARKS = dict.fromkeys([*range(0x064B, 0x0660), 0x0670, *range(0x06D6, 0x06EE)])
_local = threading.local()


def term(word: str, language: str) -> str:
    """The index term of a folded word: its stem where the language has a stemmer, without accents."""
    bare = word.replace("’", "'").removesuffix("'s").replace("'", "").translate(_ARABIC_MARKS)
    if language in _SPELLED:
        bare = bare.translate(_SPELLED[language])
    if language == "ar":
        bare = _FINAL_HEH.sub("ة", bare)
    algorithm = STEMMERS.get(language)
    stem = _stemmer(algorithm).stemWord(bare) if algorithm else bare
    return _without_accents(str(stem).translate(_ARABIC))


def is_stop_word(word: str, language: str) -> bool:
    """Whether a folded word tells nothing in this language."""
    return word in stop_words(language)


@lru_cache(maxsize=64)
def stop_words(language: str) -> frozenset[str]:
    """The function words of a language; empty where no list is known."""
    if language == "en":
        return english.STOP_WORDS
    named = {_LISTS.get(code, code): name for code, name in LANGUAGE_MAPPING.items()}.get(language)
    return frozenset(word.casefold() for word in get_stop_words(named)) if named else frozenset()


def coverage(language: str) -> list[str]:
    """What the analyzer knows of a language: `stems`, `stop words`, `pairs` of characters; nothing for one of which it knows words alone."""
    known = [("stems", language in STEMMERS), ("stop words", bool(stop_words(language))), ("pairs", language in PAIRED)]
    return [name for name, holds in known if holds]


def _stemmer(algorithm: str) -> Stemmer.Stemmer:
    """A stemmer of this thread: its cache is not safe to share."""
    made: dict[str, Stemmer.Stemmer] = _local.__dict__.setdefault("stemmers", {})
    if algorithm not in made:
        made[algorithm] = Stemmer.Stemmer(algorithm)
    return made[algorithm]


def _without_accents(word: str) -> str:
    """The word without the marks of Latin, Greek and Cyrillic letters; those of other scripts are letters in their own right."""
    if word.isascii():
        return word
    kept: list[str] = []
    for character in unicodedata.normalize("NFD", word):
        if unicodedata.combining(character) and kept and kept[-1] < "\u0530":
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))
