"""pdfium's functions for single characters and objects, bound once with plain integers, which makes a call several times cheaper.

pdfium is not safe to call from two threads, so one lock guards it, here and in everything that opens a PDF.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Callable
from typing import Any

import pypdfium2.raw as pdfium_c

LOCK = threading.Lock()
_FONT_NAME_BYTES = 256


def _bound(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    address = ctypes.cast(getattr(pdfium_c, name), ctypes.c_void_p).value
    assert address
    return ctypes.CFUNCTYPE(result, *arguments)(address)


_INT, _PTR, _FLOAT = ctypes.c_int, ctypes.c_void_p, ctypes.c_float
char_box = _bound("FPDFText_GetLooseCharBox", _INT, _PTR, _INT, _PTR)
char_code = _bound("FPDFText_GetUnicode", ctypes.c_uint, _PTR, _INT)
char_object = _bound("FPDFText_GetTextObject", _PTR, _PTR, _INT)
char_size = _bound("FPDFText_GetFontSize", ctypes.c_double, _PTR, _INT)
char_matrix = _bound("FPDFText_GetMatrix", _INT, _PTR, _INT, _PTR)
char_unmapped = _bound("FPDFText_HasUnicodeMapError", _INT, _PTR, _INT)
char_origin = _bound("FPDFText_GetCharOrigin", _INT, _PTR, _INT, _PTR, _PTR)
render_mode = _bound("FPDFTextObj_GetTextRenderMode", _INT, _PTR)
object_font = _bound("FPDFTextObj_GetFont", _PTR, _PTR)
font_name = _bound("FPDFFont_GetBaseFontName", ctypes.c_size_t, _PTR, _PTR, ctypes.c_size_t)
font_weight = _bound("FPDFFont_GetWeight", _INT, _PTR)
font_flags = _bound("FPDFFont_GetFlags", _INT, _PTR)
page_object = _bound("FPDFPage_GetObject", _PTR, _PTR, _INT)
form_object = _bound("FPDFFormObj_GetObject", _PTR, _PTR, ctypes.c_ulong)
form_objects = _bound("FPDFFormObj_CountObjects", _INT, _PTR)
object_type = _bound("FPDFPageObj_GetType", _INT, _PTR)
object_bounds = _bound("FPDFPageObj_GetBounds", _INT, _PTR, _PTR, _PTR, _PTR, _PTR)
object_matrix = _bound("FPDFPageObj_GetMatrix", _INT, _PTR, _PTR)
path_segments = _bound("FPDFPath_CountSegments", _INT, _PTR)
path_segment = _bound("FPDFPath_GetPathSegment", _PTR, _PTR, _INT)
path_mode = _bound("FPDFPath_GetDrawMode", _INT, _PTR, _PTR, _PTR)
segment_point = _bound("FPDFPathSegment_GetPoint", _INT, _PTR, _PTR, _PTR)
segment_type = _bound("FPDFPathSegment_GetType", _INT, _PTR)
segment_close = _bound("FPDFPathSegment_GetClose", _INT, _PTR)


def address(handle: Any) -> int:
    """The address that a handle of pypdfium2 stands for."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def name_of(font: int) -> bytes:
    """The PostScript name of a font, empty when it has none."""
    buffer = ctypes.create_string_buffer(_FONT_NAME_BYTES)
    font_name(font, buffer, _FONT_NAME_BYTES)
    return buffer.value


def matrix_of(read: Callable[..., Any], *arguments: int) -> tuple[float, float, float, float, float, float]:
    """The matrix (a, b, c, d, e, f) that `read` writes, the identity when it has none that is made of numbers."""
    values = (_FLOAT * 6)()
    if not read(*arguments, values):
        return 1.0, 0.0, 0.0, 1.0, 0.0, 0.0
    a, b, c, d, e, f = values
    return (a, b, c, d, e, f) if all(map(math.isfinite, values)) else (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def bounds_of(item: int) -> tuple[float, float, float, float] | None:
    """Left, bottom, right and top of a page object in the space that holds it; None when pdfium cannot tell."""
    values = (_FLOAT * 4)()
    start = ctypes.addressof(values)
    if not object_bounds(item, *(start + 4 * n for n in range(4))):
        return None
    left, bottom, right, top = values
    return (left, bottom, right, top) if all(map(math.isfinite, values)) else None
