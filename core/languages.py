"""Which language a text is in: offline, in a fraction of a millisecond, and only where it can be told."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNKNOWN = "und"
MULTILINGUAL = "multilingual"  # of a model
# A generation stores the place of a language in this list: append, and never sort or remove.
# Told apart by the classifier; close relatives that hardly any document is written in are left out, since short texts fall to them.
LANGUAGES = [
    "ar",
    "bg",
    "bn",
    "ca",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "et",
    "eu",
    "fa",
    "fi",
    "fr",
    "ga",
    "gu",
    "he",
    "hi",
    "hr",
    "hu",
    "hy",
    "id",
    "it",
    "ja",
    "ka",
    "km",
    "kn",
    "ko",
    "lo",
    "lt",
    "lv",
    "mk",
    "ml",
    "mr",
    "ms",
    "my",
    "ne",
    "nl",
    "no",
    "pa",
    "pl",
    "pt",
    "ro",
    "ru",
    "si",
    "sk",
    "sl",
    "sq",
    "sr",
    "sv",
    "sw",
    "ta",
    "te",
    "th",
    "tl",
    "tr",
    "uk",
    "ur",
    "vi",
    "zh",
]
SURE = 0.9  # on questions in five languages, cut to their last two to five words, whoever was so sure was right
LIKELY = 0.5  # enough for a document, of which nothing else is known
LOOKED_AT = 4000  # characters of a text
_LETTERS = re.compile(r"[^\W\d_]")


def detect(text: str) -> tuple[str, float]:
    """The likeliest language as an ISO 639-1 code, and its probability; `und` for a text without letters."""
    sample = text[:LOOKED_AT]
    if not _LETTERS.search(sample):
        return UNKNOWN, 0.0
    code, probability = _classifier().classify(sample)
    return str(code), float(probability)


def language_of(text: str, otherwise: str = UNKNOWN, least: float = SURE) -> str:
    """The language of `text` where its probability is at least so high, else `otherwise`."""
    code, probability = detect(text)
    return code if probability >= least else otherwise


def primary(tag: str) -> str:
    """The language of a tag such as `de-AT` as the code that `detect` gives; `und` for what names none."""
    code = tag.replace("_", "-").partition("-")[0].strip().lower()
    code = {"nb": "no", "nn": "no", "iw": "he", "in": "id"}.get(code, code)
    return code if code in LANGUAGES else UNKNOWN


@lru_cache(maxsize=1)
def _classifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    made = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    made.set_languages(LANGUAGES)
    return made
