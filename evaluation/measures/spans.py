"""Judgements of passages by the characters they share with the evidence, so that chunkers can be compared.

A passage exists only for one chunker, a span of a document for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Span = tuple[str, int, int]  # document, first character, end
HELD = 0.5  # share of a gold span that a passage must hold to be relevant


@dataclass(frozen=True, slots=True)
class SpanScores:
    """Of the evidence's characters, how many the passages hold; of the passages' characters, how many are evidence; and IoU."""

    recall: float
    precision: float
    iou: float


def overlap(a: Span, b: Span) -> int:
    """How many characters two spans share; 0 in different documents."""
    return max(0, min(a[2], b[2]) - max(a[1], b[1])) if a[0] == b[0] else 0


def span_grades(gold: Sequence[Span], passages: Mapping[str, Span]) -> dict[str, int]:
    """Grades by passage: 2 when it holds a gold span whole, 1 when it holds at least half of one; others are left out."""
    grades: dict[str, int] = {}
    for name, passage in passages.items():
        best = max((overlap(span, passage) / (span[2] - span[1]) for span in gold), default=0.0)
        if best >= HELD:
            grades[name] = 2 if best >= 1 else 1
    return grades


def span_scores(gold: Sequence[Span], passages: Sequence[Span]) -> SpanScores:
    """Character recall, precision and intersection over union of passages against evidence (as in Smith and Troynikov, 2024).

    A character counts once for recall and as often as it is retrieved for precision.
    """
    wanted = _union(gold)
    found = _union(passages)
    hit = sum(overlap(a, b) for a in wanted for b in found)
    gold_chars = sum(end - start for _, start, end in wanted)
    read_chars = sum(end - start for _, start, end in passages)
    union = gold_chars + sum(end - start for _, start, end in found) - hit
    return SpanScores(
        recall=hit / gold_chars if gold_chars else 0.0,
        precision=hit / read_chars if read_chars else 0.0,
        iou=hit / union if union else 0.0,
    )


def _union(spans: Iterable[Span]) -> list[Span]:
    """The spans without overlaps, in order."""
    joined: list[Span] = []
    for document, start, end in sorted(spans):
        if joined and joined[-1][0] == document and start <= joined[-1][2]:
            joined[-1] = (document, joined[-1][1], max(end, joined[-1][2]))
        else:
            joined.append((document, start, end))
    return joined
