"""The order of writing: characters as they stand on the page from left to right, put into the order in which they are read.

This is the Unicode bidirectional algorithm (UAX 9) backwards, as far as print needs it: letters from right to left, and within them
numbers and words from left to right.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_RTL = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_ALEFS = frozenset("\u0622\u0623\u0625\u0627\u0671")
_LAM = "\u0644"
_JOINS_DIGITS = frozenset(".,:/-\u2212+%\u066a\u066b\u066c")
_KEPT = frozenset("\u200c\u200d")


class Glyph(NamedTuple):
    """What one sign on the page stands for, which may be several letters."""

    text: str
    left: float
    right: float


def has_rtl(text: str) -> bool:
    """Whether any letter of `text` is written from right to left."""
    return not text.isascii() and _RTL.search(text) is not None


def is_rtl(text: str) -> bool:
    """Whether most letters of `text` are written from right to left."""
    if not has_rtl(text):
        return False
    letters = [one for one in text if one.isalpha()]
    return 2 * sum(1 for one in letters if has_rtl(one)) > len(letters)


def clusters(text: str, boxes: Sequence[tuple[float, float]]) -> list[Glyph]:
    """Glyphs from left to right of the characters of a line; `boxes` are their left and right edges.

    Characters of one place are one sign, whose letters pdfium gives backwards; marks go to the letter that they stand at.
    """
    merged: list[Glyph] = []
    for one, (left, right) in zip(text, boxes, strict=True):
        if one.isspace():
            continue
        if merged and merged[-1].left == left and merged[-1].right == right:
            merged[-1] = Glyph(merged[-1].text + one, left, right)
        else:
            merged.append(Glyph(one, left, right))
    signs = [Glyph(_forwards(glyph.text), glyph.left, glyph.right) for glyph in _once(merged)]
    marks = [glyph for glyph in signs if all(unicodedata.combining(one) for one in glyph.text)]
    letters = sorted((g for g in signs if not all(unicodedata.combining(one) for one in g.text)), key=lambda g: g.left)
    lefts = [glyph.left for glyph in letters]
    for mark in marks:
        _attach(mark, letters, lefts)
    return letters


def _once(glyphs: list[Glyph]) -> list[Glyph]:
    """The glyphs without a word that is told twice, once at the place of a letter that it is not."""
    places = Counter((glyph.left, glyph.right) for glyph in glyphs)
    told = Counter(glyph.text for glyph in glyphs if len(glyph.text) > 2)
    return [glyph for glyph in glyphs if told[glyph.text] < 2 or places[glyph.left, glyph.right] < 2]


def _forwards(text: str) -> str:
    if len(text) == 1 or not has_rtl(text):
        return text
    if len(text) == 2 and _LAM in text and _ALEFS & set(text):
        return _LAM + text.replace(_LAM, "", 1)
    return text[::-1]


def _attach(mark: Glyph, letters: list[Glyph], lefts: list[float]) -> None:
    if not letters:
        return
    middle = (mark.left + mark.right) / 2
    at = bisect_left(lefts, middle)
    nearest = min(
        range(max(0, at - 3), min(len(letters), at + 3)),
        key=lambda at: abs((letters[at].left + letters[at].right) / 2 - middle),
    )
    letter = letters[nearest]
    letters[nearest] = Glyph(letter.text + mark.text, letter.left, letter.right)


def in_logical_order(words: Sequence[Sequence[Glyph]]) -> str:
    """The text of words that stand from left to right, each with its glyphs from left to right."""
    signs: list[str] = []
    for word in words:
        signs += ([" "] if signs else []) + [glyph.text for glyph in word]
    whole = "".join(signs)
    levels = _levels(signs, 1 if is_rtl(whole) else 0)
    order = list(range(len(signs)))
    for level in range(max(levels, default=0), 0, -1):
        _reverse_runs(order, [levels[at] for at in order], level)
    return _brackets_mended("".join(signs[at] for at in order))


def _brackets_mended(text: str) -> str:
    """Brackets the right way round: some fonts name them by their shape, and the shape is that of the other one."""
    for opening, closing in ("()", "[]", "{}", "«»"):
        first_closing, last_opening = text.find(closing), text.rfind(opening)
        if (
            0 <= first_closing < last_opening
            and opening not in text[:first_closing]
            and closing not in text[last_opening:]
        ):
            text = text.translate(str.maketrans(opening + closing, closing + opening))
    return text


def _reverse_runs(order: list[int], levels: list[int], least: int) -> None:
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and levels[end] >= least:
            end += 1
        order[start:end] = order[start:end][::-1]
        start = max(end, start + 1)


def _levels(signs: list[str], base: int) -> list[int]:
    """For each sign its depth of embedding: odd from right to left."""
    kinds = [_kind(sign) for sign in signs]
    for at in range(1, len(kinds) - 1):
        if kinds[at] == "N" and signs[at] in _JOINS_DIGITS and kinds[at - 1] == kinds[at + 1] == "D":
            kinds[at] = "D"
    _percent_signs(signs, kinds)
    deep = {"R": 1, "L": 2 if base else 0, "D": 2}
    levels = [deep.get(kind, base) for kind in kinds]
    at = 0
    while at < len(kinds):
        end = at
        while end < len(kinds) and kinds[end] == "N":
            end += 1
        if end > at:
            levels[at:end] = [_between(kinds, at, end, base, deep)] * (end - at)
        at = max(end, at + 1)
    if base == 0:
        _numbers_of_the_left(kinds, levels)
    return levels


def _percent_signs(signs: list[str], kinds: list[str]) -> None:
    for at, sign in enumerate(signs):
        if sign in "%\u066a" and "D" in kinds[max(0, at - 1) : at + 2]:
            kinds[at] = "D"


def _between(kinds: list[str], at: int, end: int, base: int, deep: dict[str, int]) -> int:
    """The depth of what has no direction of its own, between its neighbours."""
    before = kinds[at - 1] if at else "E"
    after = kinds[end] if end < len(kinds) else "E"
    if before == "L" and after in {"L", "D"}:
        return deep["L"]
    if base == 0 and before in {"R", "D"} and after in {"R", "D"} and "R" in {before, after}:
        return 1
    return base


def _numbers_of_the_left(kinds: list[str], levels: list[int]) -> None:
    """In a text from left to right, a number that no letter from right to left stands beside is not turned."""
    for at, kind in enumerate(kinds):
        if kind == "D":
            near = {levels[other] for other in (at - 1, at + 1) if 0 <= other < len(kinds) and kinds[other] != "D"}
            levels[at] = 2 if 1 in near else levels[at - 1] if at and kinds[at - 1] == "D" else 0


def _kind(sign: str) -> str:
    """R, L, D for a digit, N for none of these."""
    first = sign[0]
    if first.isdigit():
        return "D"
    if has_rtl(first):
        return "R" if first.isalpha() or unicodedata.combining(first) or first in _KEPT else "N"
    return "L" if first.isalpha() else "N"
