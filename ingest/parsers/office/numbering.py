"""The numbers of Word's numbered paragraphs: `2.`, `(b)`, `3.1.4`, counted as Word counts them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from citewell.ingest.parsers.office.packages import attribute, child, number, short

MAX_LEVELS = 9
MAX_LETTERS = 5  # of a number written as letters; aaaaaa is nothing that a reader says
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"),
          (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


def numeral(value: int, form: str) -> str:
    """A number as a format writes it: `decimal`, `lowerRoman`, `upperLetter` and so on; other formats as decimal."""
    if form == "decimalZero":
        return f"{value:02d}"
    if form.endswith("Letter") and 0 < value <= 26 * MAX_LETTERS:
        text = chr(ord("a") + (value - 1) % 26) * ((value - 1) // 26 + 1)
    elif form.endswith("Roman") and 0 < value < 4000:
        text = ""
        for worth, sign in _ROMAN:
            count, value = divmod(value, worth)
            text += sign * count
    else:
        return str(value)
    return text.upper() if form.startswith("upper") else text


@dataclass(slots=True)
class _Level:
    start: int = 1
    form: str = "decimal"
    text: str = ""


@dataclass(slots=True)
class Numbering:
    """The lists of a document, and how far each has counted."""

    _levels: dict[str, dict[int, _Level]] = field(default_factory=dict)  # of a list's abstract definition
    _lists: dict[str, str] = field(default_factory=dict)  # list to abstract definition
    _restarts: dict[str, dict[int, int]] = field(default_factory=dict)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: etree._Element | None) -> Numbering:
        """The lists that `numbering.xml` defines."""
        made = cls()
        for entry in root if root is not None else ():
            if short(entry) == "w:abstractNum":
                made._levels[attribute(entry, "abstractNumId")] = _levels(entry)
            elif short(entry) == "w:num":
                made._add(entry)
        return made

    def _add(self, entry: etree._Element) -> None:
        key = attribute(entry, "numId")
        self._lists[key] = attribute(child(entry, "w:abstractNumId"), "val")
        for override in entry:
            start = child(override, "w:startOverride")
            if start is not None:
                level = number(attribute(override, "ilvl"))
                self._restarts.setdefault(key, {})[level] = number(attribute(start, "val"), 1)

    def holds(self, key: str) -> bool:
        """Whether a list of this id is defined."""
        return self._lists.get(key, "") in self._levels

    def next(self, key: str, level: int) -> str:
        """The number of the next paragraph of a list at a level (from 0); empty for bullets. Counts on."""
        levels = self._levels.get(self._lists.get(key, ""), {})
        here = levels.get(level)
        if here is None:
            return ""
        counts = self._counts.setdefault(self._lists[key], {})
        restart = self._restarts.get(key, {}).pop(level, None)  # once: where the list begins anew
        counts[level] = restart if restart is not None else counts.get(level, here.start - 1) + 1
        for deeper in [at for at in counts if at > level]:
            del counts[deeper]
        if here.form in {"bullet", "none"}:
            return ""

        def shown(match: re.Match[str]) -> str:
            at = int(match.group(1)) - 1
            told = levels.get(at, here)
            return numeral(counts.get(at, told.start), told.form if told.form != "bullet" else "decimal")

        return re.sub(r"%([1-9])", shown, here.text).strip()


def _levels(entry: etree._Element) -> dict[int, _Level]:
    made: dict[int, _Level] = {}
    for level in entry:
        if short(level) != "w:lvl":
            continue
        at = number(attribute(level, "ilvl"))
        if 0 <= at < MAX_LEVELS:
            made[at] = _Level(
                number(attribute(child(level, "w:start"), "val"), 1),
                attribute(child(level, "w:numFmt"), "val", "decimal"),
                attribute(child(level, "w:lvlText"), "val")[:40],
            )
    return made
