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
_ELSEWHERE = {"zwei": 2.0, "drei": 3.0, "vier": 4.0, "fünf": 5.0, "sechs": 6.0, "sieben": 7.0, "acht": 8.0, "neun": 9.0, "zehn": 10.0, "zwölf": 12.0, "deux": 2.0, "trois": 3.0, "quatre": 4.0, "cinq": 5.0, "sept": 7.0, "huit": 8.0}  # fmt: skip
OTHER_WORDS = {**_ELSEWHERE, "dozen": 12.0, "half": 0.5, "once": 1.0, "twice": 2.0, "thrice": 3.0, "dozens": 12.0}
FRACTIONS = {"halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifths": 5, "tenth": 10, "tenths": 10}
# Words that are numbers and far more often something else.
VAGUE = frozenset({"one", "first", "second", "zero", "once", "dozens"})
_WORDS = {*UNITS, *TENS, *SCALES, *ORDINALS, *OTHER_WORDS}
_WORD = "|".join(sorted((re.escape(word) for word in _WORDS), key=len, reverse=True))
NUMBER_WORDS = re.compile(rf"\b(?:{_WORD})s?(?:[- ](?:and )?(?:{_WORD})s?)*(?: and a half)?\b", re.I)
_FRACTION = re.compile(r"[- ](?:million|billion|thousand|hundred)")
_PARTS = {"½": 1 / 2, "¼": 1 / 4, "¾": 3 / 4, "⅓": 1 / 3, "⅔": 2 / 3, "⅛": 1 / 8}
_GROUPS = ", \u00a0\u202f'’"
# A sign counts where nothing stands before it that it could join to the number.
FIGURES = re.compile(
    rf"(?:(?<![\w.)\]%°])(?:[-−]|(?i:\bminus)\s)(?=\.?\d)|(?<![\w.]))(?:\d{{1,2}}(?:,\d\d)+,\d{{3}}(?!\d)|\d{{1,3}}(?:\.\d{{3}}){{2,}}(?!\d)|\d+(?:\.\d+){{2,}}"
    rf"|\d+(?::\d+)+|\d{{1,3}}/\d{{1,3}}(?![/\d])|(?:\d+\s?)?[{''.join(_PARTS)}]|\d{{1,3}}(?:[{_GROUPS}]\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+|,\d{{1,2}}(?![\d,]))?|\.\d+)(?!\w*\d)"
)
MOST = 1e15  # of a value; what is larger is known by its figures
SHORT_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9, "b": 1e9, "tn": 1e12}


def read_figures(text: str) -> tuple[float, str, float | None]:
    """What figures say: their value, or the figures themselves where they are none (a version, a ratio, a very long number), and another
    value that they may have: `1.500` is 1500 in many countries."""
    sign = -1.0 if text[0] in "-−mM" else 1.0
    plain = re.sub(r"^(?:[-−]|minus\s)", "", text, flags=re.I)
    if plain[-1] in _PARTS:
        return sign * (float(plain[:-1] or 0) + _PARTS[plain[-1]]), "", None
    if "/" in plain:
        over, under = (int(part) for part in plain.split("/"))
        return (sign * over / under, "", None) if under else (0.0, plain, None)
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}", plain):
        plain = plain.replace(".", "")
    elif ":" in plain or plain.count(".") > 1:
        return 0.0, plain, None
    elif re.fullmatch(r"\d+,\d{1,2}", plain):
        plain = plain.replace(",", ".")
    plain = re.sub(f"[{_GROUPS}]", "", plain)
    if float(plain) >= MOST:
        return 0.0, plain, None
    other = sign * float(plain.replace(".", "")) if re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", plain) else None
    return sign * float(plain), "", other


def words_value(text: str) -> tuple[float, bool] | None:
    """The value of number words and whether they are an ordinal: `twenty-one` as 21, `two hundred and fifth` as 205; None for none.

    `two thirds` is a fraction, `three hundred` 300, `nineteen ninety` 1990 as years are read out.
    """
    if text.casefold().endswith(" and a half"):
        whole = words_value(text[: -len(" and a half")])
        return (whole[0] + 0.5, False) if whole else None
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
    total = _summed(words)
    return None if total is None or total >= MOST else (total, words[-1] in ORDINALS)


def _summed(words: Sequence[str]) -> float | None:
    """`two hundred five` as 205; None where one of the words is no number."""
    total, part = 0.0, 0.0
    for word in words:
        plain = word[:-1] if word.endswith("s") and word[:-1] in SCALES | TENS else word
        if plain in UNITS or plain in TENS or plain in ORDINALS:
            part += {**UNITS, **TENS, **ORDINALS}[plain]
        elif plain == "hundred":
            part = (part or 1.0) * 100
        elif plain in SCALES:
            total, part = total + (part or 1.0) * SCALES[plain], 0.0
        elif plain in OTHER_WORDS:
            part = (part or 1.0) * OTHER_WORDS[plain]
        else:
            return None
    return total + part


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
