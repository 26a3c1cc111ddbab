"""Questions that ask several things, taken apart."""

from __future__ import annotations

import re

MOST_PARTS = 3
MIN_WORDS = 3
_ASKS = r"(?:what|who|whom|whose|when|where|why|how|which|is|are|was|were|does|do|did|can|must|may|should|wie|was|wer|wann|wo|warum|welche[rsmn]?|ist|sind|darf|muss)"
_BOUNDARY = re.compile(rf"\?\s+|(?:,|;)?\s+(?:and|und)\s+(?={_ASKS}\b)", re.I)
_REFERS = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|this|that|these|those|one|ones|er|sie|es|ihn|dort)\b", re.I
)


def parts_of(question: str) -> list[str]:
    """The things that are asked, in their order: the question itself where it is one.

    A part that refers back keeps the first part before it: `Who built the bridge? When was it closed?`.
    """
    pieces = [piece.strip(" ,;?") for piece in _BOUNDARY.split(question)]
    pieces = [piece for piece in pieces if piece]
    asked = [piece for piece in pieces if len(piece.split()) >= MIN_WORDS and re.match(rf"{_ASKS}\b", piece, re.I)]
    if len(pieces) < 2 or len(asked) < len(pieces) or len(pieces) > MOST_PARTS:
        return [question]
    first = f"{pieces[0]}?"
    return [first, *(f"{first} {part}?" if _REFERS.search(part) else f"{part}?" for part in pieces[1:])]
