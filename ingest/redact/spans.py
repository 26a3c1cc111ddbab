"""Where personal data lies in a text: spans with their kind, the marks that replace them, and which of two that overlap is kept."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

MARKS = {
    "email": "[e-mail]",
    "phone": "[phone]",
    "card": "[card]",
    "iban": "[IBAN]",
    "national_id": "[national id]",
    "ip": "[IP address]",
    "name": "[name]",
}
# Stands for what is already redacted while a text is searched: no letter, digit, space or separator, so that no datum reaches over it.
BLANK = "\ufffc"
_MARK = re.compile("|".join(re.escape(mark) for mark in MARKS.values()))
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
_SPACES = "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_ZEROS = (0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xFF10)  # Arabic, Persian, Devanagari, Bengali, Thai and full-width digits
_PLAIN = str.maketrans(
    {chr(zero + digit): str(digit) for zero in _ZEROS for digit in range(10)}
    | dict.fromkeys(_HYPHENS, "-")
    | dict.fromkeys(_SPACES, " ")
    | {"\uff20": "@", "\ufe6b": "@", "\uff0b": "+", "\uff0e": ".", "\uff08": "(", "\uff09": ")", "\uff1a": ":"}
)

LIKELY, SURE, CHECKED = (
    1,
    2,
    3,
)  # by its shape; by its shape and a word before it; by check digits, or a shape that nothing else has


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The characters from `start` to before `end` are a datum of this kind."""

    start: int
    end: int
    kind: str


class Find(NamedTuple):
    """A span with how certain it is: LIKELY, SURE or CHECKED."""

    start: int
    end: int
    kind: str
    certainty: int


Finder = Callable[[str], Iterable[Find]]


def plain(text: str) -> str:
    """`text` with digits, hyphens and spaces of every script as ASCII and with marks blanked, each character in its place."""
    told = text.replace("\t", " ") if text.isascii() else text.translate(_PLAIN)
    return _MARK.sub(lambda match: BLANK * len(match.group()), told) if "[" in told else told


def blanked(text: str, spans: Iterable[Span]) -> str:
    """`text` with what lies in `spans` blanked."""
    return replaced(text, spans, lambda span: BLANK * (span.end - span.start))


def replaced(text: str, spans: Iterable[Span], mark: Callable[[Span], str]) -> str:
    """`text` with `mark(span)` in the place of each of the spans, which do not overlap."""
    pieces, at = list[str](), 0
    for span in sorted(spans):
        pieces += text[at : span.start], mark(span)
        at = span.end
    return "".join([*pieces, text[at:]])


def apart(finds: Iterable[Find]) -> list[Span]:
    """The finds that do not overlap, in the order of the text; of those that do, the most certain, then the longest, then the first."""
    kept: list[Span] = []
    for find in sorted(set(finds), key=lambda f: (-f.certainty, f.start - f.end, f.start, f.kind)):
        span = Span(find.start, find.end, find.kind)
        at = bisect_left(kept, span)
        before_is_free = at == 0 or kept[at - 1].end <= span.start
        if before_is_free and (at == len(kept) or span.end <= kept[at].start):
            kept.insert(at, span)
    return kept


def told_before(text: str, start: int, words: re.Pattern[str], reach: int = 60) -> bool:
    """Whether one of `words` stands in the `reach` characters before `start`, with nothing redacted between."""
    return words.search(text[max(0, start - reach) : start].rpartition(BLANK)[2]) is not None
