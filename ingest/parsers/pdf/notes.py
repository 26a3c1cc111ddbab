"""What is written upon pages rather than in them: the values of form fields, and notes."""

from __future__ import annotations

import ctypes
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from citewell.ingest.parsed import Line, RawBlock
from citewell.ingest.parsers.pdf.page import Page

MAX_NOTES = 5_000  # of a page
MAX_NOTE_CHARS = 100_000
_FORM_KINDS = frozenset(
    [pdfium_c.FPDF_FORMFIELD_TEXTFIELD, pdfium_c.FPDF_FORMFIELD_COMBOBOX, pdfium_c.FPDF_FORMFIELD_LISTBOX,
     pdfium_c.FPDF_FORMFIELD_CHECKBOX, pdfium_c.FPDF_FORMFIELD_RADIOBUTTON, pdfium_c.FPDF_FORMFIELD_SIGNATURE]
)  # fmt: skip
_SWITCHES = frozenset([pdfium_c.FPDF_FORMFIELD_CHECKBOX, pdfium_c.FPDF_FORMFIELD_RADIOBUTTON])
# What a picture of a link, a popup or a stamp of the program holds is no note of a person.
_SILENT = frozenset([pdfium_c.FPDF_ANNOT_LINK, pdfium_c.FPDF_ANNOT_POPUP, pdfium_c.FPDF_ANNOT_PRINTERMARK, pdfium_c.FPDF_ANNOT_TRAPNET])  # fmt: skip
_HIDDEN = 1 << 1


def notes_of(document: pdfium.PdfDocument, handle: pdfium.PdfPage, page: Page, fields_seen: set[str]) -> list[RawBlock]:
    """The filled fields and the notes of a page; a field that stands on several pages is given once. The caller holds the lock."""
    blocks: list[RawBlock] = []
    for at in range(min(pdfium_c.FPDFPage_GetAnnotCount(handle.raw), MAX_NOTES)):
        note = pdfium_c.FPDFPage_GetAnnot(handle.raw, at)
        if not note:
            continue
        try:
            text = _text(document, note, fields_seen)
            if text:
                blocks.append(_block(note, text, page))
        finally:
            pdfium_c.FPDFPage_CloseAnnot(note)
    return blocks


def _text(document: pdfium.PdfDocument, note: Any, fields_seen: set[str]) -> str:
    kind = pdfium_c.FPDFAnnot_GetSubtype(note)
    if kind in _SILENT or pdfium_c.FPDFAnnot_GetFlags(note) & _HIDDEN:
        return ""
    if kind == pdfium_c.FPDF_ANNOT_WIDGET:
        return _field(document, note, fields_seen)
    return _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetStringValue(note, b"Contents", buffer, size))


def _field(document: pdfium.PdfDocument, note: Any, fields_seen: set[str]) -> str:
    if document.formenv is None:
        return ""
    form = document.formenv.raw
    kind = pdfium_c.FPDFAnnot_GetFormFieldType(form, note)
    name = _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetFormFieldName(form, note, buffer, size))
    told = _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetFormFieldAlternateName(form, note, buffer, size))
    value = _string(lambda buffer, size: pdfium_c.FPDFAnnot_GetFormFieldValue(form, note, buffer, size))
    if kind not in _FORM_KINDS or name in fields_seen or not value or (kind in _SWITCHES and value == "Off"):
        return ""
    fields_seen.add(name)
    return f"{told or name}: {value}" if told or name else value


def _string(read: Any) -> str:
    """What a function of pdfium writes into a buffer of UTF-16, when it is asked for its size first."""
    size = read(None, 0)
    if not 2 < size <= 2 * MAX_NOTE_CHARS:
        return ""
    buffer = ctypes.create_string_buffer(size)
    read(ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace").replace("\x00", "").strip()


def _block(note: Any, text: str, page: Page) -> RawBlock:
    rect = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDFAnnot_GetRect(note, rect):
        return RawBlock("paragraph", text, page=page.number)
    left, right = sorted((rect.left, rect.right))
    bottom, top = sorted((rect.bottom, rect.top))
    west, north, east, south = page.shown(left, bottom, right, top)
    box = (round(west, 1), round(north, 1), round(east, 1), round(south, 1))
    return RawBlock("paragraph", page=page.number, lines=(Line(text, page.number, box),))
