"""Editions of one document: which of two is the newer, told by the year or the version in title or file name.

Only titles that differ in nothing else are editions of each other. What is written anew for every period (reports, minutes, notices of a
date) is not: last year's report does not stop being right when this year's appears.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_YEAR = re.compile(r"(?<![\d.,])(?:19|20)\d{2}(?![\d.,]*\d)")
_VERSION = re.compile(r"\b(?:version|edition|revision|rev|release|ver|v)[. _-]?(\d+(?:\.\d+)*)\b", re.I)
_PERIODIC = re.compile(
    r"\b(?:report|minutes|meeting|newsletter|results|statement|budget|accounts|invoice|notes|agenda|board|season|election|bericht|protokoll|"
    r"january|february|march|april|june|july|august|september|october|november|december|\d{1,4}-\d{1,2}-\d{1,4})\b", re.I,
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
LEAST_LETTERS = 8  # of what two editions have in common


@dataclass(frozen=True, slots=True)
class Edition:
    """Which document it is an edition of, and which one: a later one has the larger `order`. `names` are what a question may call it."""

    family: str
    order: tuple[int, ...]
    names: tuple[str, ...]

    def replaces(self, other: Edition) -> bool:
        """Whether this is a later edition of the same document, numbered in the same way."""
        return self.family == other.family and len(self.order) == len(other.order) and self.order > other.order


def edition_of(title: str, uri: str) -> Edition | None:
    """The edition that a title (or else the file's name) says it is; None where it says none."""
    for text in (title, PurePosixPath(uri).stem):
        found = _read(text, str(PurePosixPath(uri).parent))
        if found is not None:
            return found
    return None


def _read(text: str, folder: str) -> Edition | None:
    if _PERIODIC.search(text.replace("_", " ")):
        return None
    version, years = _VERSION.search(text), _YEAR.findall(text)
    if version is None and len(years) != 1:
        return None
    common = " ".join(word.casefold() for word in _WORD.findall(_VERSION.sub(" ", text)))
    if len(common) < LEAST_LETTERS:
        return None
    if version is not None:
        number = version[1]
        return Edition(f"{folder}: {common} version", tuple(int(part) for part in number.split(".")), (number, *years))
    return Edition(f"{folder}: {common}", (int(years[0]),), (years[0],))


def newer_editions(documents: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """For each older edition among the documents (title and uri by id) the id of the newest one."""
    editions = {
        key: edition for key, (title, uri) in documents.items() if (edition := edition_of(title, uri)) is not None
    }
    found: dict[str, str] = {}
    for key, edition in editions.items():
        later = [(other.order, name) for name, other in editions.items() if other.replaces(edition)]
        if later:
            found[key] = max(later)[1]
    return found
