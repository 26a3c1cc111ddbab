"""Numbers as people write them, in figures and in English words, and their values."""

from __future__ import annotations

import re
from collections.abc import Sequence

UNITS = dict(
    zip(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ],
        range(20),
        strict=True,
    )
)
TENS = dict(
    zip(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], range(20, 100, 10), strict=True)
)
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
ORDINALS = {
    **dict(
        zip(
            [
                "first",
                "second",
                "third",
                "fourth",
                "fifth",
                "sixth",
                "seventh",
                "eighth",
                "ninth",
                "tenth",
                "eleventh",
                "twelfth",
                "thirteenth",
                "fourteenth",
                "fifteenth",
                "sixteenth",
                "seventeenth",
                "eighteenth",
                "nineteenth",
            ],
            range(1, 20),
            strict=True,
        )
    ),
    **dict(
        zip(
            ["twentieth", "thirtieth", "fortieth", "fiftieth", "sixtieth", "seventieth", "eightieth", "ninetieth"],
            range(20, 100, 10),
            strict=True,
        )
    ),
    "hundredth": 100,
    "thousandth": 1000,
}
OTHER_WORDS = {"dozen": 12.0, "half": 0.5, "once": 1.0, "twice": 2.0, "thrice": 3.0, "dozens": 12.0}
FRACTIONS = {"halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifths": 5, "tenth": 10, "tenths": 10}
# Words that are numbers and far more often something else.
VAGUE = frozenset({"one", "first", "second", "zero", "once", "dozens"})
_WORDS = {*UNITS, *TENS, *SCALES, *ORDINALS, *OTHER_WORDS}
_WORD = "|".join(sorted((re.escape(word) for word in _WORDS), key=len, reverse=True))
NUMBER_WORDS = re.compile(rf"\b(?:{_WORD})s?(?:[- ](?:and )?(?:{_WORD})s?)*\b", re.I)
_FRACTION = re.compile(r"[- ](?:million|billion|thousand|hundred)")
FIGURES = re.compile(r"(?<![\w.])(?:\d{1,3}(?:[,\u00a0\u202f]\d{3})+|\d+)(?:\.\d+)?(?!\w*\d)")
SHORT_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9, "b": 1e9, "tn": 1e12}


def figures_value(text: str) -> float:
    """`1,234.5` as 1234.5."""
    return float(re.sub(r"[,\u00a0\u202f]", "", text))


def words_value(text: str) -> tuple[float, bool] | None:
    """The value of number words and whether they are an ordinal: `twenty-one` as 21, `two hundred and fifth` as 205; None for none.

    `two thirds` is a fraction, `three hundred` 300, `nineteen ninety` 1990 as years are read out.
    """
    words = [word for word in re.split(r"[-\s]+", text.casefold()) if word != "and"]
    if not words:
        return None
    if len(words) == 1 and words[0] in OTHER_WORDS:
        return OTHER_WORDS[words[0]], False
    if len(words) == 2 and words[1] in FRACTIONS and words[0] in UNITS and UNITS[words[0]]:
        return UNITS[words[0]] / FRACTIONS[words[1]], False
    year = _year(words)
    if year is not None:
        return year, False
    ordinal = words[-1] in ORDINALS
    total, part, seen = 0.0, 0.0, False
    for word in words:
        plain = word[:-1] if word.endswith("s") and word[:-1] in SCALES | TENS else word
        if plain in UNITS or plain in TENS or plain in ORDINALS:
            part += {**UNITS, **TENS, **ORDINALS}[plain]
        elif plain == "hundred":
            part = (part or 1) * 100
        elif plain in SCALES:
            total, part = total + (part or 1) * SCALES[plain], 0.0
        elif plain in OTHER_WORDS:
            part = (part or 1) * OTHER_WORDS[plain]
        else:
            return None
        seen = True
    return (total + part, ordinal) if seen else None


def number_spans(text: str) -> list[tuple[int, int]]:
    """Where number words stand; an ordinal ends a number, so that `the first four` are two."""
    spans: list[tuple[int, int]] = []
    for match in NUMBER_WORDS.finditer(text):
        start = match.start()
        for word in re.finditer(r"[A-Za-z]+", match[0]):
            if (
                word[0].casefold() in ORDINALS
                and word.end() < len(match[0])
                and not _FRACTION.match(match[0], word.end())
            ):
                spans.append((start, match.start() + word.end()))
                start = match.start() + word.end() + 1
        if start < match.end():
            spans.append((start, match.end()))
    return [span for span in spans if text[span[1] : span[1] + 1] != "-" or text[slice(*span)].casefold() != "half"]


def _year(words: Sequence[str]) -> float | None:
    """`nineteen eighty four` as 1984."""
    if len(words) not in {2, 3} or words[0] not in UNITS or not 10 <= UNITS[words[0]] < 20:
        return None
    if words[1] not in TENS or (len(words) == 3 and not 0 < UNITS.get(words[2], 0) < 10):
        return None
    return UNITS[words[0]] * 100.0 + TENS[words[1]] + (UNITS[words[2]] if len(words) == 3 else 0)


def spelled(value: int) -> str:
    """A whole number from 0 to 999,999 in words: 121 as `one hundred and twenty-one`."""
    for names in (UNITS, TENS):
        for word, number in names.items():
            if number == value:
                return word
    if value < 100:
        return f"{spelled(value // 10 * 10)}-{spelled(value % 10)}"
    size, name = (100, "hundred") if value < 1000 else (1000, "thousand")
    rest = value % size
    joined = "" if not rest else (" and " if rest < 100 else " ") + spelled(rest)
    return f"{spelled(value // size)} {name}{joined}"
