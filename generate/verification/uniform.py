"""Dates and numbers in one form each, so that a model that reads two texts need not know that they can be written in many."""

from __future__ import annotations

import re
from collections.abc import Iterator

from citewell.generate.verification.dates import MONTH_NAMES, Date, dates_of
from citewell.generate.verification.numerals import (
    FIGURES,
    OTHER_WORDS,
    SCALES,
    VAGUE,
    number_spans,
    read_figures,
    words_value,
)
from citewell.generate.verification.quantities import SCALE, SCALE_VALUES

Edit = tuple[int, int, str]
_NAMES = ["", *MONTH_NAMES]
_PERCENT = re.compile(r"\s?%|\s(?:per cent|pct)\b")
_ORDINAL = re.compile(r"(\d+)(st|nd|rd|th)\b")
_PLURAL = re.compile(r"(?:ies|hundreds|thousands|illions)$")  # `in their thirties`, `hundreds of people`: no number
_WORDS = (
    VAGUE | OTHER_WORDS.keys() | {"one", "ones", "first", "second", "seconds", "zero"} | SCALES.keys()
)  # words before they are numbers
_WHOLE = 1e15  # below it a whole number is written out
_COMMA = re.compile(r"-?\d+,\d{1,2}")
_DECIMAL = re.compile(r"-?\d+\.\d+")


def uniform(text: str) -> str:
    """The text with `Mar. 3rd, 2019` and `2019-03-03` as `3 March 2019`, `two hundred` as `200`, `1.5 million` and `1,500,000` as `1500000`,
    `twenty-first` as `21st`, `5%` as `5 percent`; the rest as it is."""
    dates = [date for date in dates_of(text) if not date.other]
    edits: list[Edit] = [(date.start, date.end, _written(date)) for date in dates if not date.swapped]
    taken = [(date.start, date.end) for date in dates]
    for start, end, said in _numbers(text):
        if not any(a < end and start < b for a, b in taken):
            edits.append((start, end, said))
            taken.append((start, end))
    for start, end, said in sorted(edits, reverse=True):
        text = text[:start] + said + text[end:]
    return text


def _written(date: Date) -> str:
    parts = (date.day and str(date.day), date.month and _NAMES[date.month], date.year and str(date.year))
    return " ".join(part for part in parts if part)


def _numbers(text: str) -> Iterator[Edit]:
    for match in FIGURES.finditer(text):
        if not _ORDINAL.match(text, match.start()):
            value, code, _ = read_figures(match[0])
            if not code and "/" not in match[0]:
                yield _scaled(text, match.start(), match.end(), value, _pointed(match[0]))
    for start, end in number_spans(text):
        words = text[start:end].casefold()
        read = words_value(words)
        if read is None or words in _WORDS or _PLURAL.search(words) or read[0] != int(read[0]):
            continue
        if read[1]:
            yield start, end, _ordinal(int(read[0]))
        else:
            yield _scaled(text, start, end, read[0], words)


def _pointed(figures: str) -> str:
    """Figures with a point before their decimals, and nothing between their thousands."""
    figures = figures.replace("−", "-")
    return figures.replace(",", ".") if _COMMA.fullmatch(figures) else re.sub("[, \u00a0\u202f'’]", "", figures)


def _scaled(text: str, start: int, end: int, value: float, said: str) -> Edit:
    """A number with the scale behind it, and its sign of percent as a word."""
    scale = SCALE.match(text, end)
    if scale and len(scale[1]) > 1:
        value, end, said = value * SCALE_VALUES[scale[1].casefold()], scale.end(), ""
    whole = value == int(value) and value < _WHOLE
    plain = said if _DECIMAL.fullmatch(said) else ""
    number = str(int(value)) if whole and "." not in plain else plain or f"{value:g}"
    percent = _PERCENT.match(text, end)
    return (start, percent.end(), f"{number} percent") if percent else (start, end, number)


def _ordinal(value: int) -> str:
    ending = "th" if value % 100 in range(11, 14) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"
