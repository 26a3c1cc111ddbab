"""Claims and what their evidence makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VerdictLabel = Literal["supported", "not_supported", "contradicted"]
VERDICTS: tuple[VerdictLabel, ...] = ("supported", "not_supported", "contradicted")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A statement, the text that is to support it, and what stands above that text (title, headings), which counts as said."""

    text: str
    evidence: str
    header: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence makes of a claim.

    `support` is the probability that the claim is supported, 1 where the evidence holds it word for word, or all but how its dates and
    numbers are written. `reasons` are codes such as `number_differs` (docs/ARCHITECTURE.md lists them); `spans` are the characters of the
    evidence that carry the support.
    """

    label: VerdictLabel
    support: float
    reasons: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """What verification made of one drafted sentence: `kept` says whether it is in the answer; `repaired`, whether another span than the
    one it came with supports it."""

    text: str
    label: VerdictLabel
    support: float
    reasons: tuple[str, ...]
    kept: bool
    repaired: bool = False
