"""What a sentence states exactly: numbers with their units, dates, and parts of dates, each with a value that can be compared.

Two ways to write the same amount have the same value: `twelve thousand` and `12,000`, `1.5 km` and `1,500 metres`, `3 March 2019` and
`2019-03-03`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from citewell.generate.verification.numerals import (
    FIGURES,
    ORDINALS,
    SHORT_SCALES,
    VAGUE,
    figures_value,
    number_spans,
    words_value,
)

Kind = Literal["number", "date"]
EXACT_BELOW = 10_000  # whole numbers without a unit, years among them, are the same or not
CLOSE = 0.005  # relative difference of amounts that count as the same
ROUGHLY = 0.06  # the same where the claim says `about`
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_MONTH = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12]\d{3})"
_DATES = [
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b(?:the )?{_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?\b",
        rf"\b{_MONTH} {_DAY}(?!\d)(?:,? {_YEAR})?\b",
        rf"\b{_MONTH},? {_YEAR}\b",
        rf"\b{_YEAR}-(?P<month_number>\d\d)-(?P<day>\d\d)\b",
        rf"(?<![\d/])(?P<month_number>\d{{1,2}})/{_YEAR}\b",
        rf"\b(?P<one>\d{{1,2}})[/.](?P<other>\d{{1,2}})[/.]{_YEAR}\b",
        r"\b(?P<decade>[12]\d{2}0)s\b",
        r"\b(?P<century>\d{1,2})(?:st|nd|rd|th)[- ]centur(?:y|ies)\b",
        rf"\b(?P<century_word>(?:twenty[- ])?(?:{'|'.join(ORDINALS)}))[- ]centur(?:y|ies)\b",
        rf"\b(?P<weekday>{'|'.join(WEEKDAYS)})s?\b",
    )
]
# `may` and `march` are words; alone they are no month. Other month names are.
_ALONE = re.compile(
    rf"\b(?P<month>{'|'.join(sorted((m for m in MONTHS if len(m) > 3 and m != 'march'), key=len, reverse=True))})\b",
    re.I,
)
_ROUGH = re.compile(r"\b(?:about|around|approximately|roughly|nearly|almost|some|circa|c\.|ca\.|over|more than|less than|under|up to|at least)\s*(?:the )?[$€£]?$", re.I)  # fmt: skip

# Unit words by dimension, each with what one of them is in the first of its dimension.
_UNITS: dict[str, tuple[str, float]] = {}
for _line in """
length m:1 metre:1 meter:1 km:1000 kilometre:1000 kilometer:1000 cm:.01 centimetre:.01 centimeter:.01 mm:.001 millimetre:.001 millimeter:.001 mile:1609.344 mi:1609.344 foot:.3048 feet:.3048 ft:.3048 inch:.0254 inches:.0254 yard:.9144 nm:1e-9 µm:1e-6 μm:1e-6 micrometre:1e-6
mass g:1 gram:1 gramme:1 kg:1000 kilogram:1000 kilogramme:1000 mg:.001 milligram:.001 µg:1e-6 μg:1e-6 mcg:1e-6 microgram:1e-6 tonne:1e6 ton:907185 lb:453.592 pound_mass:453.592 ounce:28.3495 oz:28.3495
time second:1 sec:1 minute:60 min:60 hour:3600 hr:3600 day:86400 week:604800 month:2629800 year:31557600 yr:31557600 decade:315576000 century:3155760000 centuries:3155760000 ms:.001 millisecond:.001
share %:.01 percent:.01 per_cent:.01 ‰:.001 per_mille:.001 permille:.001
points percentage_point:1
data byte:1 kb:1e3 kilobyte:1e3 mb:1e6 megabyte:1e6 gb:1e9 gigabyte:1e9 tb:1e12 terabyte:1e12 kib:1024 mib:1048576 gib:1073741824
bits bit:1 kbit:1e3 mbit:1e6 gbit:1e9 kbps:1e3 mbps:1e6 gbps:1e9
volume l:1 litre:1 liter:1 ml:.001 millilitre:.001 milliliter:.001 gallon:3.78541
area hectare:10000 ha:10000 acre:4046.86 square_metre:1 square_meter:1 square_kilometre:1e6 square_kilometer:1e6 km²:1e6 m²:1 square_mile:2589988
celsius °c:1 degrees_celsius:1 celsius:1
fahrenheit °f:1 degrees_fahrenheit:1 fahrenheit:1
kelvin k_:1 kelvin:1
speed km/h:1 kph:1 mph:1.609344 m/s:3.6 knot:1.852
power w:1 watt:1 kw:1e3 kilowatt:1e3 mw:1e6 megawatt:1e6 gw:1e9 gigawatt:1e9
energy j:1 joule:1 kj:1000 kwh:3600000 kcal:4184 calorie:4184
voltage v:1 volt:1 mv:.001 kv:1000
frequency hz:1 hertz:1 khz:1e3 mhz:1e6 ghz:1e9
pressure pa:1 kpa:1000 bar:100000 psi:6894.76
dollar dollar:1 usd:1 cent:.01
euro euro:1 eur:1
pound gbp:1 pound:1 sterling:1
yen yen:1
franc franc:1 chf:1
token token:1
""".strip().splitlines():
    _dimension, *_names = _line.split()
    for _name in _names:
        _word, _, _factor = _name.rpartition(":")
        _UNITS[_word.replace("_", " ").strip()] = (_dimension, float(_factor))
_SIGNS = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen"}
_UNIT = re.compile(
    rf"[\s-]?({'|'.join(sorted((re.escape(name) + ('s?' if name[-1].isalpha() and len(name) > 2 else '') for name in _UNITS), key=len, reverse=True))})(?![\w/])",
    re.I,
)
SCALE = re.compile(r"[\s-]?(hundred|thousand|million|billion|trillion|bn|mn|tn|[kmb])\b", re.I)
SCALE_VALUES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, **SHORT_SCALES}
_ORDINAL_END = re.compile(r"(?:st|nd|rd|th)\b")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit at `[start, end)`: `value` in the first unit of its `dimension` (empty: a bare number)."""

    start: int
    end: int
    value: float
    dimension: str = ""
    rough: bool = False
    vague: bool = False
    ordinal: bool | None = False  # None: a part of a date, which is either

    def same(self, other: Amount) -> bool:
        """Whether both say the same amount; a bare number agrees with one of any unit that has the same figures."""
        if self.ordinal is not None and other.ordinal is not None and self.ordinal != other.ordinal:
            return False
        return self.same_value(other) and (self.dimension == other.dimension or not self.dimension)

    def same_value(self, other: Amount) -> bool:
        """Whether the values agree."""
        exact = not self.dimension and self.value == int(self.value) and self.value < EXACT_BELOW
        bound = 0.0 if exact else ROUGHLY if self.rough else CLOSE
        return abs(self.value - other.value) <= bound * max(abs(self.value), abs(other.value)) + 1e-12


@dataclass(frozen=True, slots=True)
class Date:
    """A date or a part of one at `[start, end)`; what is not said is None. `swapped` is the other reading of 3/4/2019."""

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    other: str = ""
    swapped: bool = False

    def says(self, other: Date) -> bool:
        """Whether this date, which the claim names, is said by `other`: every part that it names is the same there."""
        if self.other or other.other:
            return self.other == other.other
        readings = [(self.month, self.day)] + ([(self.day, self.month)] if self.swapped else [])
        theirs = [(other.month, other.day)] + ([(other.day, other.month)] if other.swapped else [])
        return (self.year is None or self.year == other.year) and any(
            (month is None or month == m) and (day is None or day == d) for month, day in readings for m, d in theirs
        )


def dates_of(text: str) -> list[Date]:
    """The dates of a text, the longest reading at each place, in order."""
    found: list[Date] = []
    taken = [False] * (len(text) + 1)
    for pattern in (*_DATES, _ALONE):
        for match in pattern.finditer(text):
            date = None if any(taken[match.start() : match.end()]) else _date(match)
            if date is not None:
                found.append(date)
                taken[match.start() : match.end()] = [True] * (match.end() - match.start())
    return sorted(found, key=lambda date: date.start)


def _date(match: re.Match[str]) -> Date | None:
    parts = {key: value for key, value in match.groupdict().items() if value is not None}
    year = int(parts["year"]) if "year" in parts else None
    at = match.start(), match.end()
    if "century_word" in parts:
        read = words_value(parts["century_word"])
        return Date(*at, other=f"century {int(read[0])}") if read else None
    for kind in ("decade", "century", "weekday"):
        if kind in parts:
            return Date(*at, other=f"{kind} {parts[kind].casefold()}")
    if "one" in parts:
        one, other = int(parts["one"]), int(parts["other"])
        if max(one, other) > 31 or min(one, other) > 12 or min(one, other) < 1:
            return None
        month, day = (one, other) if other > 12 else (other, one)
        return Date(*at, year, month, day, swapped=max(one, other) <= 12)
    named = int(parts["month_number"]) if "month_number" in parts else MONTHS[parts["month"].casefold()]
    on = int(parts["day"]) if "day" in parts else None
    if not 1 <= named <= 12 or (on is not None and not 1 <= on <= 31):
        return None
    return Date(*at, year, named, on)


def amounts_of(text: str, dates: list[Date] | None = None) -> list[Amount]:
    """The numbers of a text that are no part of a date with a month, in order; years are numbers."""
    inside = [(date.start, date.end) for date in (dates_of(text) if dates is None else dates)]
    found = [amount for amount in _amounts(text) if not any(a <= amount.start < b for a, b in inside)]
    return sorted(found, key=lambda amount: amount.start)


def _amounts(text: str) -> Iterator[Amount]:
    covered: list[tuple[int, int]] = []
    for match in FIGURES.finditer(text):
        amount = _with_unit(text, match.start(), match.end(), figures_value(match[0]))
        covered.append((amount.start, amount.end))
        yield amount
    for start, end in number_spans(text):
        if any(a <= start < b for a, b in covered):
            continue
        read = words_value(text[start:end])
        if read is not None:
            yield _with_unit(text, start, end, read[0], vague=text[start:end].casefold() in VAGUE, ordinal=read[1])


def _with_unit(text: str, start: int, end: int, value: float, *, vague: bool = False, ordinal: bool = False) -> Amount:
    ending = _ORDINAL_END.match(text, end)
    if ending or ordinal:
        return Amount(start, ending.end() if ending else end, value, vague=vague, ordinal=True)
    scale = SCALE.match(text, end)
    if scale and (len(scale[1]) > 1 or text[end : end + 1].strip()):
        value, end = value * SCALE_VALUES[scale[1].casefold()], scale.end()
    dimension = ""
    sign = text[start - 1 : start]
    unit = _UNIT.match(text, end)
    if sign in _SIGNS and sign:
        dimension, start = _SIGNS[sign], start - 1
    elif unit is not None:
        name = unit[1].casefold()
        known = _UNITS.get(name) or _UNITS.get(name.removesuffix("s"))
        if known is not None:
            dimension, value, end = known[0], value * known[1], unit.end()
    elif value == 0.5 and text[start:end].casefold() == "half":
        dimension = "share"
    rough = bool(_ROUGH.search(text, max(0, start - 24), start))
    return Amount(start, end, value, dimension, rough, vague and not dimension)
