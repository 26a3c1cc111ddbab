"""Where shapes lie on a slide, and the order in which a reader meets them: rows from the top, each from the left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from citewell.ingest.parsers.office.packages import attribute, child, number

Space = tuple[float, float, float, float]  # left and top of the space that coordinates are in, and its scale along both
UNIT: Space = (0.0, 0.0, 1.0, 1.0)
SAME_ROW = 250_000  # shapes whose tops differ by less than 7 mm stand side by side (914,400 units an inch)


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A shape and its upper left corner on the slide."""

    top: float
    left: float
    element: etree._Element


def in_reading_order(shapes: Sequence[Shape]) -> list[Shape]:
    """The shapes by rows from the top, each row from the left."""
    made: list[Shape] = []
    row: list[Shape] = []
    for shape in sorted(shapes, key=lambda one: one.top):
        if row and shape.top - row[0].top >= SAME_ROW:
            made += sorted(row, key=lambda one: one.left)
            row = []
        row.append(shape)
    return made + sorted(row, key=lambda one: one.left)


def placed(frame: etree._Element | None, space: Space) -> Space:
    """The space that the shapes of a group have their coordinates in, `frame` being the group's a:xfrm."""
    if frame is None:
        return space

    def pair(name: str, first: str, second: str) -> tuple[int, int]:
        element = child(frame, name)
        return number(attribute(element, first)), number(attribute(element, second))

    (x, y), (width, height) = pair("a:off", "x", "y"), pair("a:ext", "cx", "cy")
    (inner_x, inner_y), (inner_width, inner_height) = pair("a:chOff", "x", "y"), pair("a:chExt", "cx", "cy")
    across = width / inner_width if inner_width > 0 and width > 0 else 1.0
    down = height / inner_height if inner_height > 0 and height > 0 else 1.0
    return (
        space[0] + (x - inner_x * across) * space[2],
        space[1] + (y - inner_y * down) * space[3],
        space[2] * across,
        space[3] * down,
    )
