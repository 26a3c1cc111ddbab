"""Where a long section is cut: at a place that the words around it choose (docs/decisions/0006)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from citewell.core.sentences import Span
from citewell.ingest.chunking.layout import Layout
from citewell.ingest.chunking.units import Limit, packed, sentence_units

LEAST = 0.6  # of the limit, at least, for a part that is not the last
REST = 1.5  # limits: what is left is cut into at most two parts
SCRAP = 0.25  # of what is left: a smaller half is worse than a divided table


def cut_by_content(layout: Layout, start: int, end: int, limit: Limit) -> list[Span]:
    """The span in parts that are each within the limit; an edit moves the cuts around it and no others."""
    if layout.cost(start, end) <= limit(start):
        return [(start, end)]
    units = sentence_units(layout, start, end, limit)
    parts: list[Span] = []
    first = 0
    while layout.cost(units[first][0], units[-1][1]) > REST * limit(units[first][0]):
        following = _cut(layout, units, first, limit)
        parts.append((units[first][0], units[following - 1][1]))
        first = following
    return parts + _halves(layout, units[first:], limit)


def _cut(layout: Layout, units: Sequence[Span], first: int, limit: Limit) -> int:
    """The unit in reach with which the next part begins: one that opens a paragraph or a table, else a row, else a sentence."""
    start = units[first][0]
    most = limit(start)
    reach = []
    following = first + 1
    while following < len(units) and (held := layout.cost(start, units[following - 1][1])) <= most:
        if held >= LEAST * most:
            reach.append(following)
        following += 1
    if not reach:
        return max(first + 1, following - 1)
    openings = [u for u in reach if layout.opens(units[u][0])]
    blocks = [u for u in reach if layout.begins_block(units[u][0])]
    return min(openings or blocks or reach, key=lambda u: _mark(layout, units[u]))


def _mark(layout: Layout, unit: Span) -> bytes:
    """A number that depends on the unit's own words alone."""
    return hashlib.blake2b(layout.text[slice(*unit)].encode(), digest_size=8).digest()


def _halves(layout: Layout, units: Sequence[Span], limit: Limit) -> list[Span]:
    """What is left of a section, whole or in two parts of like length; in more where a long sentence prevents that.

    A table is not divided when it can be avoided and neither part becomes a scrap.
    """
    start, end = units[0][0], units[-1][1]
    if layout.cost(start, end) <= limit(start):
        return [(start, end)]

    def parts(cut: int) -> tuple[int, int]:
        return layout.cost(start, units[cut - 1][1]), layout.cost(units[cut][0], end)

    def preferred(cut: int) -> tuple[bool, int]:
        divided = layout.divides_table(units[cut][0]) or min(parts(cut)) < SCRAP * layout.cost(start, end)
        return divided, max(parts(cut))

    fitting = [
        cut for cut in range(1, len(units)) if parts(cut)[0] <= limit(start) and parts(cut)[1] <= limit(units[cut][0])
    ]
    if not fitting:
        return packed(units, layout, limit)
    cut = min(fitting, key=preferred)
    return [(start, units[cut - 1][1]), (units[cut][0], end)]
