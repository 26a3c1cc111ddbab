"""Dates and parts of dates as people write them, each in a form that can be compared: `3 March 2019`, `2019-03-03`, `3. März 2019`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from citewell.generate.verification.numerals import ORDINALS, words_value

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
MONTH_NAMES = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
MONTHS_ELSEWHERE = {
    name: number
    for number, names in enumerate(
        [
            "januar janvier enero",
            "februar février febrero",
            "märz mars marzo",
            "avril abril",
            "mai mayo",
            "juni juin junio",
            "juli juillet julio",
            "august août agosto",
            "septembre septiembre",
            "oktober octobre octubre",
            "novembre noviembre",
            "dezember décembre diciembre",
        ],
        1,
    )
    for name in names.split()
}
_DAYS_ELSEWHERE = dict(
    zip(
        [
            "montag",
            "dienstag",
            "mittwoch",
            "donnerstag",
            "freitag",
            "samstag",
            "sonntag",
            "lundi",
            "mardi",
            "mercredi",
            "jeudi",
            "vendredi",
            "samedi",
            "dimanche",
            "lunes",
            "martes",
            "miércoles",
            "jueves",
            "viernes",
            "sábado",
            "domingo",
        ],
        WEEKDAYS * 3,
        strict=True,
    )
)
_MONTH = rf"(?P<month>{'|'.join(sorted(MONTHS | MONTHS_ELSEWHERE, key=len, reverse=True))})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?"
_YEAR = r"(?P<year>[12]\d{3})"
_DATES = [
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b(?:the )?{_DAY}(?: of| de)? {_MONTH}(?:,?(?: of| de| del)? {_YEAR})?\b",
        rf"\b{_MONTH} {_DAY}(?!\d)(?:,? {_YEAR})?\b",
        rf"\b{_MONTH}(?:,| of| de| del)? {_YEAR}\b",
        rf"\b{_YEAR}[-/](?P<month_number>\d\d)[-/](?P<day>\d\d)(?!\d)",
        rf"(?<![\d/])(?P<month_number>\d{{1,2}})/{_YEAR}\b",
        rf"\b(?P<one>\d{{1,2}})[/.](?P<other>\d{{1,2}})[/.]{_YEAR}\b",
        r"\b(?P<decade>[12]\d{2}0)s\b",
        r"\b(?P<century>\d{1,2})(?:st|nd|rd|th)[- ]centur(?:y|ies)\b",
        rf"\b(?P<century_word>(?:twenty[- ])?(?:{'|'.join(ORDINALS)}))[- ]centur(?:y|ies)\b",
        rf"\b(?P<weekday>{'|'.join([*WEEKDAYS, *_DAYS_ELSEWHERE])})s?\b",
    )
]
# `may` and `march` are words; alone they are no month. Other month names are.
_ALONE = re.compile(
    rf"\b(?P<month>{'|'.join(sorted((m for m in MONTHS if len(m) > 3 and m != 'march'), key=len, reverse=True))})\b",
    re.I,
)
_WORDS = frozenset({"may", "march", "mars", "mai"})  # in small letters they are no months


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
            named = parts[kind].casefold()
            return Date(*at, other=f"{kind} {_DAYS_ELSEWHERE.get(named, named)}")
    if "one" in parts:
        one, other = int(parts["one"]), int(parts["other"])
        if max(one, other) > 31 or min(one, other) > 12 or min(one, other) < 1:
            return None
        month, day = (one, other) if other > 12 else (other, one)
        return Date(*at, year, month, day, swapped=max(one, other) <= 12)
    if year is None and parts.get("month") in _WORDS:  # `rule 12 may be waived`
        return None
    named = (
        int(parts["month_number"])
        if "month_number" in parts
        else (MONTHS | MONTHS_ELSEWHERE)[parts["month"].casefold()]
    )
    on = int(parts["day"]) if "day" in parts else None
    if not 1 <= named <= 12 or (on is not None and not 1 <= on <= 31):
        return None
    return Date(*at, year, named, on)
