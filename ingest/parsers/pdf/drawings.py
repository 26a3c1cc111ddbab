"""What is drawn on a page besides text: straight rules, which may be those of a table, and pictures."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium_c

from citewell.core.types import Box
from citewell.ingest.parsers.pdf import native

if TYPE_CHECKING:
    from citewell.ingest.parsers.pdf.page import Page

MAX_OBJECTS = 20_000  # of a page; a page with more is a drawing
MAX_SEGMENTS = 2_000  # of a path
MAX_ALL_SEGMENTS = 100_000  # of a page
MAX_DEPTH = 4  # of forms within forms
THIN = 2.5  # points: a rectangle that is no thicker is a rule
CHECKBOX = 16.0  # points: a shape that is no larger is a sign, not the cell of a table
LEAST = 6.0  # points: no rule is shorter

Matrix = tuple[float, float, float, float, float, float]


@dataclass(slots=True)
class Drawings:
    """Rules and pictures as boxes on the page as shown; `paths` counts everything drawn with lines."""

    rules: list[Box] = field(default_factory=list)
    pictures: list[Box] = field(default_factory=list)
    paths: int = 0
    seen: int = 0
    segments: int = 0


def read_drawings(handle: Any, page: Page) -> Drawings:
    """The drawings of an open page; the caller holds the lock."""
    drawings = Drawings()
    raw = native.address(handle.raw)
    for at in range(min(pdfium_c.FPDFPage_CountObjects(handle.raw), MAX_OBJECTS)):
        _read(native.page_object(raw, at), (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), page, drawings, 0)
    return drawings


def _read(item: int | None, matrix: Matrix, page: Page, drawings: Drawings, depth: int) -> None:
    drawings.seen += 1
    if not item or drawings.seen > MAX_OBJECTS:
        return
    kind = native.object_type(item)
    if kind == pdfium_c.FPDF_PAGEOBJ_PATH:
        drawings.paths += 1
        _read_path(item, matrix, page, drawings)
    elif kind in {pdfium_c.FPDF_PAGEOBJ_IMAGE, pdfium_c.FPDF_PAGEOBJ_SHADING}:
        bounds = native.bounds_of(item)
        if bounds and kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            drawings.pictures.append(_shown(bounds, matrix, page))
    elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < MAX_DEPTH:
        inner = _times(native.matrix_of(native.object_matrix, item), matrix)
        for at in range(min(native.form_objects(item), MAX_OBJECTS)):
            if drawings.seen > MAX_OBJECTS:
                return
            _read(native.form_object(item, at), inner, page, drawings, depth + 1)


def _read_path(item: int, matrix: Matrix, page: Page, drawings: Drawings) -> None:
    bounds = native.bounds_of(item)
    if bounds is None:
        return
    left, top, right, bottom = _shown(bounds, matrix, page)
    if min(right - left, bottom - top) <= THIN:
        if max(right - left, bottom - top) >= LEAST:
            drawings.rules.append((left, top, right, bottom))
        return
    if max(right - left, bottom - top) < CHECKBOX:
        return
    segments = native.path_segments(item)
    if segments <= MAX_SEGMENTS and drawings.segments < MAX_ALL_SEGMENTS and _is_stroked(item):
        drawings.segments += segments
        whole = _times(native.matrix_of(native.object_matrix, item), matrix)
        drawings.rules += _straight(item, whole, page)


def _is_stroked(item: int) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    native.path_mode(item, ctypes.addressof(fill), ctypes.addressof(stroke))
    return bool(stroke.value)


def _straight(item: int, matrix: Matrix, page: Page) -> list[Box]:
    """The level and upright segments of a path."""
    rules: list[Box] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    start = at = (0.0, 0.0)
    for number in range(native.path_segments(item)):
        segment = native.path_segment(item, number)
        native.segment_point(segment, ctypes.addressof(x), ctypes.addressof(y))
        to = (x.value, y.value)
        kind = native.segment_type(segment)
        if kind == pdfium_c.FPDF_SEGMENT_MOVETO:
            start = to
        elif kind == pdfium_c.FPDF_SEGMENT_LINETO:
            rules += _rule(at, to, matrix, page)
            if native.segment_close(segment):
                rules += _rule(to, start, matrix, page)
        at = to
    return rules


def _rule(at: tuple[float, float], to: tuple[float, float], matrix: Matrix, page: Page) -> list[Box]:
    if not all(map(math.isfinite, (*at, *to))):
        return []
    bounds = (min(at[0], to[0]), min(at[1], to[1]), max(at[0], to[0]), max(at[1], to[1]))
    left, top, right, bottom = _shown(bounds, matrix, page)
    thin, long = sorted((right - left, bottom - top))
    return [(left, top, right, bottom)] if thin <= 1 and long >= LEAST else []


def _shown(bounds: Box, matrix: Matrix, page: Page) -> Box:
    a, b, c, d, e, f = matrix
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in bounds[::2] for y in bounds[1::2]]
    xs, ys = zip(*corners, strict=True)
    return page.shown(min(xs), min(ys), max(xs), max(ys))


def _times(first: Matrix, then: Matrix) -> Matrix:
    """The matrix that applies `first`, then `then`."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u
