"""The one analyzer of lexical search: the same tokens when indexing and when searching."""

from __future__ import annotations

import re
import threading
import unicodedata

import Stemmer

ANALYZER_VERSION = "english-1"
# Function words that carry no subject; question words stay out too, since every question has one.
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "shall",
        "she",
        "should",
        "so",
        "such",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
_WORD = re.compile(r"\w+(?:['’]\w+)*", re.UNICODE)
_local = threading.local()


def analyse(text: str) -> list[str]:
    """The index terms of `text`: NFKC, lower case, words without stop words, English stems, in order."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = (word.replace("’", "'").removesuffix("'s").replace("'", "") for word in _WORD.findall(folded))
    return list(_stemmer().stemWords([word for word in words if word not in STOP_WORDS]))


def _stemmer() -> Stemmer.Stemmer:
    """A stemmer of this thread: its cache is not safe to share."""
    if not hasattr(_local, "stemmer"):
        _local.stemmer = Stemmer.Stemmer("english")
    stemmer: Stemmer.Stemmer = _local.stemmer
    return stemmer
