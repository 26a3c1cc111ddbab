"""What words of kindred languages share: names and learned words, by their beginning as it sounds.

`university` and `universität` have one bridge, and so have `catholic`, `katholisch` and `católico`. Words of other scripts than the Latin have
none, beyond what NFKC and the removal of accents make of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MARK = "~"  # begins every bridge and no other term
MIN_LETTERS = 4
KEPT = 5
_SOUNDS = [
    ("ph", "f"), ("th", "t"), ("ch", "k"), ("qu", "k"), ("c", "k"), ("z", "k"), ("y", "i"), ("x", "ks"), ("v", "f"), ("w", "f"), ("j", "i"), ("h", ""),
]  # fmt: skip
_DOUBLED = re.compile(r"(.)\1+")


def bridge(term: str) -> str:
    """The bridge of an index term; empty for a short one, and for one that is not of Latin letters alone."""
    if len(term) < MIN_LETTERS or not (term.isascii() and term.isalpha()):
        return ""
    for written, sounded in _SOUNDS:
        term = term.replace(written, sounded)
    return MARK + _DOUBLED.sub(r"\1", term)[:KEPT]


def bridges(terms: Iterable[str]) -> list[str]:
    """The bridges of those terms that have one, in their order."""
    return [found for term in terms if (found := bridge(term))]
