"""PDF through pypdfium2: paragraphs, headings by type size, table rows by their gaps, page numbers and running heads left out.

pdfium is not safe to call from two threads, so one lock guards it.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from citewell.core.errors import FileBroken, FileWithoutText
from citewell.core.types import BlockKind
from citewell.ingest.normalise import Parsed, RawBlock

_LOCK = threading.Lock()
_LINE_ENDS = re.compile(r"\r\n|\n|\r|\ufffe|\x02")
_HYPHENS = ("\ufffe", "\x02")  # how pdfium marks a word divided at a line's end
_BULLET = re.compile(r"^(?:[•‣●▪–-]|\(?\d{1,2}[.)]|\(?[a-z]\))\s+")
MARGIN_SHARE = 0.09  # of the page's height, above and below: where running heads and page numbers stand
CELL_GAP = 1.2  # a wider gap between words, in type sizes, separates cells
PARAGRAPH_GAP = 1.25  # a wider gap between lines, in usual gaps, separates paragraphs
HEADING_SCALE = 1.12  # a heading's type size, at least, in sizes of the body
MAX_HEADING_CHARS = 140
BOLD_WEIGHT = 600
FONT_NAME_BYTES = 128
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)


@dataclass(slots=True)
class _Line:
    text: str
    page: int
    top: float
    left: float
    size: float
    bold: bool
    in_margin: bool
    cells: int
    divided: bool


def parse(data: bytes, max_unpacked_bytes: int) -> Parsed:
    """Blocks of a PDF with their pages. Raises FileBroken (damaged, encrypted) or FileWithoutText (a scan)."""
    del max_unpacked_bytes  # pdfium bounds its own streams
    with _LOCK:
        try:
            document = pdfium.PdfDocument(data)
        except pdfium.PdfiumError as error:
            raise FileBroken(f"the PDF cannot be opened: {error}") from None
        try:
            pages = [_page_lines(document, number) for number in range(1, len(document) + 1)]
            metadata = document.get_metadata_dict()
        finally:
            document.close()
    lines = [line for page in _without_furniture(pages) for line in page]
    if not lines:
        raise FileWithoutText(f"its {len(pages)} pages hold images but no text: it needs OCR")
    return Parsed(_blocks(lines), "application/pdf", title=metadata.get("Title", "").replace("untitled", ""))


def _page_lines(document: pdfium.PdfDocument, number: int) -> list[_Line]:
    page = document[number - 1]
    height = page.get_height()
    text_page = page.get_textpage()
    try:
        text = text_page.get_text_range()
        exact = len(text) == text_page.count_chars()
        lines: list[_Line] = []
        start = 0
        for match in [*_LINE_ENDS.finditer(text), None]:
            end = match.start() if match else len(text)
            if text[start:end].strip():
                geometry = text_page if exact else None
                lines.append(
                    _line(geometry, text, start, end, number, height, bool(match and match.group() in _HYPHENS))
                )
            start = match.end() if match else end
        return lines
    finally:
        text_page.close()
        page.close()


def _line(
    text_page: pdfium.PdfTextPage | None, text: str, start: int, end: int, page: int, height: float, divided: bool
) -> _Line:
    while text[start].isspace():
        start += 1
    while text[end - 1].isspace():
        end -= 1
    if text_page is None:
        return _Line(text[start:end], page, 0.0, 0.0, 0.0, False, False, 1, divided)
    left, bottom, _, top = text_page.get_charbox(start, loose=True)
    size = float(pdfium_c.FPDFText_GetFontSize(text_page.raw, start)) or (top - bottom)
    bold = all(_is_bold(text_page, i) for i in (start, end - 1))
    # Sizes lie when the page scales them; the height of the box does not.
    size = max(size, 0.7 * (top - bottom))
    parts: list[str] = []
    begin = start
    for at in range(start + 1, end - 1):
        if text[at] == " " and text[at - 1] != " ":
            gap = text_page.get_charbox(at + 1)[0] - text_page.get_charbox(at - 1)[2]
            if gap > CELL_GAP * size:
                parts.append(text[begin:at].strip())
                begin = at + 1
    parts.append(text[begin:end].strip())
    parts = [part for part in parts if part]
    margin = height * MARGIN_SHARE
    bulleted = len(parts) == 2 and bool(_BULLET.match(f"{parts[0]} "))
    joined = " ".join(parts) if bulleted else " | ".join(parts)
    return _Line(joined, page, height - top, left, size, bold, bottom > height - margin or top < margin,
                 1 if bulleted else len(parts), divided)  # fmt: skip


def _is_bold(text_page: pdfium.PdfTextPage, index: int) -> bool:
    """By the font's weight, or by its name, which is all that the standard fonts have."""
    if pdfium_c.FPDFText_GetFontWeight(text_page.raw, index) >= BOLD_WEIGHT:
        return True
    name = ctypes.create_string_buffer(FONT_NAME_BYTES)
    pdfium_c.FPDFText_GetFontInfo(text_page.raw, index, name, FONT_NAME_BYTES, ctypes.byref(ctypes.c_int()))
    return bool(_BOLD_NAME.search(name.value))


def _without_furniture(pages: list[list[_Line]]) -> list[list[_Line]]:
    """Lines in the margins that recur, but for their numbers, on half of the pages; and bare page numbers."""

    def shape(line: _Line) -> str:
        return re.sub(r"\d+", "#", line.text)

    counts = Counter(s for page in pages for s in {shape(line) for line in page if line.in_margin})
    recurring = {s for s, n in counts.items() if n >= max(2, len(pages) / 2)} | {"#", "Page #", "Page # of #", "# / #"}
    return [[line for line in page if not (line.in_margin and shape(line) in recurring)] for page in pages]


def _blocks(lines: list[_Line]) -> list[RawBlock]:
    body = _usual([(round(line.size, 1), len(line.text)) for line in lines])
    gaps = [(round(b.top - a.top, 0), 1) for a, b in pairwise(lines) if a.page == b.page and b.top > a.top]
    usual_gap = _usual([gap for gap in gaps if gap[0] < 3 * max(body, 1)]) or 1.2 * body
    sizes = sorted({round(line.size, 1) for line in lines if line.size >= HEADING_SCALE * body}, reverse=True)
    blocks: list[RawBlock] = []
    run: list[_Line] = []
    for line in lines:
        if run and not _continues(run[-1], line, usual_gap, body):
            blocks.append(_block(run, sizes, body))
            run = []
        run.append(line)
    if run:
        blocks.append(_block(run, sizes, body))
    return blocks


def _usual(weighted: list[tuple[float, int]]) -> float:
    totals: Counter[float] = Counter()
    for value, weight in weighted:
        totals[value] += weight
    return totals.most_common(1)[0][0] if totals else 0.0


def _continues(previous: _Line, line: _Line, usual_gap: float, body: float) -> bool:
    if previous.cells > 1 or line.cells > 1 or _BULLET.match(line.text):
        return False
    if abs(previous.size - line.size) > 0.5 or previous.bold != line.bold:
        # A bold word that begins a paragraph's line does not end the paragraph; a bold line does.
        return previous.divided
    open_end = previous.divided or previous.text[-1] not in ".!?:"
    if previous.page != line.page or line.top < previous.top - body:  # the next page or column
        return open_end and not _is_heading(previous, body)
    return line.top - previous.top <= PARAGRAPH_GAP * usual_gap + 0.5


def _is_heading(line: _Line, body: float) -> bool:
    large = line.size >= HEADING_SCALE * body > 0  # without geometry all sizes are 0, and nothing is large
    return (large or line.bold) and line.cells == 1 and len(line.text) <= MAX_HEADING_CHARS


def _block(run: list[_Line], sizes: list[float], body: float) -> RawBlock:
    text = run[0].text
    for before, line in pairwise(run):
        text += line.text if before.divided else f" {line.text}"
    first = run[0]
    kind: BlockKind = "paragraph"
    if first.cells > 1:
        kind = "table_row"
    elif _BULLET.match(first.text):
        kind = "list_item"
    if len(run) <= 3 and all(_is_heading(line, body) for line in run) and first.text[-1] not in ".;,":
        size = round(first.size, 1)
        return RawBlock(
            "heading", text, level=1 + sizes.index(size) if size in sizes else 1 + len(sizes), page=first.page
        )
    return RawBlock(kind, text, page=first.page)
