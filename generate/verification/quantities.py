"""Amounts that a sentence states exactly: numbers with their units, and times of day, each with a value that can be compared.

Two ways to write the same amount have the same value: `twelve thousand` and `12,000`, `1.5 km` and `1,500 metres`, `3 pm` and `15:00`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from citewell.generate.verification.dates import Date, dates_of
from citewell.generate.verification.numerals import (
    FIGURES,
    SCALES,
    SHORT_SCALES,
    VAGUE,
    number_spans,
    read_figures,
    words_value,
)
from citewell.generate.verification.units import CURRENCIES, POUND_G, currency_around, unit_at

EXACT_BELOW = 10_000  # whole numbers without a unit, years among them, are the same or not
ROUNDED = 0.005  # by which a figure may differ from a longer one that it rounds
CONVERTED = 0.01  # or from one in another unit
DEGREES = 0.6  # and of a temperature besides
ROUGHLY = 0.06  # the same where the claim says `about`
BEYOND = 1.25  # how far an amount may be on the side that `more than` names
SAME = 1e-9
BEFORE = 24  # characters before a figure in which words of that kind are looked for
CLOCK = "time of day"  # minutes since midnight
NOON, DAY = 12 * 60, 24 * 60
_ROUGH = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|some|circa|c\.|ca\.)\s*(?:the )?[$€£]?$", re.I
)
_ABOVE = re.compile(r"\b(?:(over|more than|above|exceed(?:s|ed|ing)?|mehr als|über)|at least|no less than|not less than|a minimum of|mindestens)\s*(?:the )?[$€£]?$", re.I)  # fmt: skip
_BELOW = re.compile(r"\b(?:(under|less than|below|fewer than|weniger als|unter)|up to|at most|no more than|not more than|a maximum of|höchstens|bis zu)\s*(?:the )?[$€£]?$", re.I)  # fmt: skip
_ELSEWHERE = {"millionen": 1e6, "mio": 1e6, "millions": 1e6, "millones": 1e6, "milliarde": 1e9, "milliarden": 1e9, "mrd": 1e9, "milliard": 1e9, "milliards": 1e9}  # fmt: skip
SCALE_VALUES = {**SCALES, **SHORT_SCALES, **_ELSEWHERE}
SCALE = re.compile(rf"[\s-]?({'|'.join(sorted(SCALE_VALUES, key=len, reverse=True))})\b", re.I)
_ORDINAL_END = re.compile(r"(?:st|nd|rd|th)\b")
_TIMES = re.compile(
    r"(?<![\w:.])(?:(?P<hour>\d{1,2})(?:[:.](?P<minute>[0-5]\d))?\s?(?P<half>a\.?m|p\.?m)\b\.?"
    r"|(?P<at>[01]?\d|2[0-4])[:.](?P<past>[0-5]\d)(?::[0-5]\d)?\s?(?:uhr|o['’]clock)\b|(?P<only>\d{1,2})\s?(?:uhr|o['’]clock)\b"
    r"|(?P<plain>[01]?\d|2[0-4]):(?P<minutes>[0-5]\d)(?::[0-5]\d)?(?![\d:]))|\b(?P<word>noon|midday|midnight)\b",
    re.I,
)
_PART_OF_DAY = re.compile(r"\s*(?:in the (morning|afternoon|evening)|at (night))\b", re.I)
_BETWEEN = re.compile(r"\s?(?:[-–—]|\b(?:to|and|or|bis|und|oder|à|a|y|et)\b)\s?", re.I)
_JOINED = re.compile(r"\s?,?\s?(?:and\s)?")
_COMPOUND = frozenset({"time", "length", "mass"})

Bound = Literal["", "above", "below"]


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit at `[start, end)`: `value` in the first unit of its `dimension` (empty: a bare number).

    `code` stands for what has figures and no value, such as a version. `others` are further readings as (value, dimension), `digits` are
    those that count, `factor` is what one of its unit is in the first; `bound` and `strict` tell `more than` from `at least`.
    """

    start: int
    end: int
    value: float
    dimension: str = ""
    rough: bool = False
    vague: bool = False
    ordinal: bool | None = False  # None: a part of a date, which is either
    code: str = ""
    others: tuple[tuple[float, str], ...] = ()
    digits: int = 0
    factor: float = 1.0
    bound: Bound = ""
    strict: bool = False

    def same(self, other: Amount) -> bool:
        """Whether both say the same amount; a bare number agrees with one of any unit that has the same figures."""
        if self.ordinal is not None and other.ordinal is not None and self.ordinal != other.ordinal:
            return False
        return self._agrees(other, by_dimension=True)

    def same_value(self, other: Amount) -> bool:
        """Whether the values agree."""
        return self._agrees(other, by_dimension=False)

    @property
    def readings(self) -> tuple[tuple[float, str], ...]:
        """The values that it may have, each with its dimension."""
        return (self.value, self.dimension), *self.others

    def _agrees(self, other: Amount, *, by_dimension: bool) -> bool:
        if self.code or other.code:
            return self.code == other.code
        return any(
            (not by_dimension or dimension in ("", theirs)) and self._fits(value, dimension, said, other)
            for value, dimension in self.readings
            for said, theirs in other.readings
        )

    def _fits(self, value: float, dimension: str, said: float, other: Amount) -> bool:
        """Whether a claim of `value` is true where `said` is said."""
        near = abs(value - said) <= self._tolerance(value, dimension, other) * max(abs(value), abs(said)) + 1e-12
        if dimension == "temperature" and self.factor != other.factor:
            near = near or abs(value - said) <= DEGREES
        if not self.bound:
            return near
        if other.bound and other.bound != self.bound:
            return False
        if near:
            return not self.strict or bool(other.bound)
        low, high = (value, value * BEYOND) if self.bound == "above" else (value / BEYOND, value)
        return low < said < high

    def _tolerance(self, value: float, dimension: str, other: Amount) -> float:
        if self.rough:
            return ROUGHLY
        if not dimension and value == int(value) and abs(value) < EXACT_BELOW:
            return 0.0
        if self.factor != other.factor:
            return CONVERTED
        return ROUNDED if 0 < self.digits < other.digits else SAME


def amounts_of(text: str, dates: list[Date] | None = None) -> list[Amount]:
    """The numbers of a text that are no part of a date with a month, in order; years are numbers."""
    inside = [(date.start, date.end) for date in (dates_of(text) if dates is None else dates)]
    found = [amount for amount in _amounts(text) if not any(a <= amount.start < b for a, b in inside)]
    return _ranged(text, _joined(text, sorted(found, key=lambda amount: amount.start)))


def _amounts(text: str) -> Iterator[Amount]:
    covered: list[tuple[int, int]] = []
    for match in _TIMES.finditer(text):
        amount = _time(text, match)
        if amount is not None:
            covered.append((amount.start, amount.end))
            yield amount
    for match in FIGURES.finditer(text):
        if any(a < match.end() and match.start() < b for a, b in covered):
            continue
        value, code, other = read_figures(match[0])
        amount = _with_unit(text, match.start(), match.end(), value, code=code, other=other)
        covered.append((amount.start, amount.end))
        yield amount
    for start, end in number_spans(text):
        if any(a <= start < b for a, b in covered):
            continue
        read = words_value(text[start:end])
        if read is not None:
            yield _with_unit(text, start, end, read[0], vague=text[start:end].casefold() in VAGUE, ordinal=read[1])


def _time(text: str, match: re.Match[str]) -> Amount | None:
    """A time of day; one that does not say which half of the day it is in may be in either."""
    said = {name: value for name, value in match.groupdict().items() if value is not None}
    if "word" in said:
        return Amount(*match.span(), 0.0 if said["word"].casefold() == "midnight" else NOON, CLOCK)
    hour = int(said.get("hour") or said.get("at") or said.get("only") or said["plain"])
    minutes = int(said.get("minute") or said.get("past") or said.get("minutes") or 0)
    if hour > 24:
        return None
    part = _PART_OF_DAY.match(text, match.end())
    half, end = said.get("half", "")[:1].casefold(), part.end() if part else match.end()
    if part is not None and not half:
        half = "a" if part[1] == "morning" or (part[2] and hour < 6) else "p"
    if half and hour <= 12:
        return Amount(match.start(), end, hour % 12 * 60 + minutes + (NOON if half == "p" else 0), CLOCK)
    value = float((hour * 60 + minutes) % DAY)
    either = 0 < hour <= 12 and not match[0].startswith("0") and "half" not in said
    return Amount(match.start(), end, value, CLOCK, others=(((value + NOON) % DAY, CLOCK),) if either else ())


def _with_unit(
    text: str, start: int, end: int, value: float, *, vague: bool = False, ordinal: bool = False, code: str = "", other: float | None = None
) -> Amount:  # fmt: skip
    ending = _ORDINAL_END.match(text, end)
    if ending or ordinal:
        return Amount(start, ending.end() if ending else end, value, vague=vague, ordinal=True)
    if code:
        return Amount(start, end, value, code=code)
    digits = len(f"{abs(value):.12g}".replace(".", "").strip("0"))
    others = [] if other is None else [(other, "")]
    scale = SCALE.match(text, end)
    if scale and (len(scale[1]) > 1 or text[end : end + 1].strip()):
        if scale[1] == "m":  # `5m`: metres or minutes as well
            others += [(value, "length"), (value * 60, "time")]
        value, end = value * SCALE_VALUES[scale[1].casefold()], scale.end()
    dimension, factor = "", 1.0
    if money := currency_around(text, start, end):
        dimension, start, end = money
    elif unit := unit_at(text, end):
        dimension, factor, end, name = unit
        if name in ("pound", "pounds"):
            others.append((value * POUND_G, "mass"))
        value *= factor
        if dimension in ("celsius", "fahrenheit"):
            value, factor = (value, 1.0) if dimension == "celsius" else ((value - 32) / 1.8, 1 / 1.8)
            dimension = "temperature"
    elif 0 < value < 1 and text[start:end].isascii() and text[start].isalpha():  # `half`, `two thirds`
        dimension = "share"
    others = [(one * factor, dimension) if not of else (one, of) for one, of in others]
    bound, strict = _bound(text, start)
    rough = bool(_ROUGH.search(text, max(0, start - BEFORE), start))
    return Amount(
        start, end, value, dimension, rough, vague and not dimension, others=tuple(others), digits=digits, factor=factor, bound=bound,
        strict=strict,
    )  # fmt: skip


def _bound(text: str, at: int) -> tuple[Bound, bool]:
    """What stands before a figure of what is above it or below, and whether it is itself left out. `no more than` holds `more than`."""
    above, below = _ABOVE.search(text, max(0, at - BEFORE), at), _BELOW.search(text, max(0, at - BEFORE), at)
    if above and (not below or above.start() < below.start()):
        return "above", bool(above[1])
    return ("below", bool(below[1])) if below else ("", False)


def _joined(text: str, amounts: Sequence[Amount]) -> list[Amount]:
    """`1 hour 30 minutes` as one amount."""
    made: list[Amount] = []
    for amount in amounts:
        last = made[-1] if made else None
        if (
            last is not None
            and amount.dimension in _COMPOUND
            and last.dimension == amount.dimension
            and last.factor > amount.factor
            and _JOINED.fullmatch(text, last.end, amount.start)
        ):
            made[-1] = replace(last, end=amount.end, value=last.value + amount.value, factor=amount.factor, digits=0)
        else:
            made.append(amount)
    return made


def _ranged(text: str, amounts: Sequence[Amount]) -> list[Amount]:
    """The ends of `5 to 10 minutes` and of `$5 to 10`, both with the unit that only one of them carries."""
    made = list(amounts)
    for at in range(len(made) - 1):
        one, other = made[at], made[at + 1]
        if not _BETWEEN.fullmatch(text, one.end, other.start) or one.code or other.code:
            continue
        if other.dimension and not one.dimension and other.dimension not in (CLOCK, "temperature"):
            made[at] = replace(one, others=(*one.others, (one.value * other.factor, other.dimension)))
        elif other.dimension == "temperature" and not one.dimension:
            value = one.value if other.factor == 1.0 else (one.value - 32) / 1.8
            made[at] = replace(one, others=(*one.others, (value, other.dimension)))
        elif one.dimension in CURRENCIES and not other.dimension:
            made[at + 1] = replace(other, others=(*other.others, (other.value, one.dimension)))
    return made
