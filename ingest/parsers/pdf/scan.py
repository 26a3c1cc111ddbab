"""Pages that are pictures: rendered and read by optical character recognition, and put together like any other page."""

from __future__ import annotations

from statistics import median

import pypdfium2 as pdfium
from PIL import Image

from citewell.ingest.parsers import ocr
from citewell.ingest.parsers.pdf.page import Page, sheet_of
from citewell.ingest.parsers.pdf.shapes import Word

FINE = 300  # dots per inch at which small print is read best
COARSE = 200  # dots per inch at which usual print is read as well, in two thirds of the time
SIDE = 2_400  # pixels of the longer side of a page that are enough for the first reading: pages smaller than A4 hold smaller print
MAX_PIXELS = 20_000_000  # of a page as it is rendered
MIN_PIXELS = 40  # a page with a shorter side holds no letter
SAME_SIZE = 1.45  # lines whose heights differ no more have the same type size: the height of a scanned line depends on its letters
TYPE_SIZE = 1.35  # of the height of capital letters


def needs_ocr(page: Page) -> bool:
    """Whether a page shows something and holds no text."""
    return not any(sheet.pieces for sheet in page.sheets) and (page.pictures > 0 or page.paths >= 50)


def read_page(document: pdfium.PdfDocument, page: Page, languages: str) -> None:
    """Reads a page that is a picture, and once more finely where it was read badly. The caller holds the lock. Raises OcrFailed."""
    dots = min(FINE, max(COARSE, round(SIDE * 72 / max(page.width, page.height, 1.0))))
    confidence = read_scan(page, render(document, page, dots), languages)
    if 0 < confidence < ocr.GOOD_CONFIDENCE and dots < FINE:
        coarse = page.sheets
        if read_scan(page, render(document, page, FINE), languages) < confidence:
            page.sheets = coarse


def render(document: pdfium.PdfDocument, page: Page, dots_per_inch: int) -> Image.Image:
    """The page as shown, in grey. The caller holds the lock."""
    scale = dots_per_inch / 72
    scale = min(scale, (MAX_PIXELS / max(1.0, page.width * page.height)) ** 0.5)
    handle = document[page.number - 1]
    try:
        image: Image.Image = handle.render(scale=scale, grayscale=True).to_pil()
        return image.copy()
    finally:
        handle.close()


def read_scan(page: Page, image: Image.Image, languages: str) -> float:
    """Puts the sheet that is read from the picture of a page into it; the mean confidence (0 to 100), 0 when there is no text."""
    if min(image.size) < MIN_PIXELS:
        return 0.0
    reading = ocr.read_image(image, languages)
    turned_width = page.width if reading.turn % 2 == 0 else page.height
    scale = turned_width / reading.width
    lines = _lines(reading.lines, scale)
    if lines:
        page.sheets = [sheet_of(page, reading.turn, lines)]
        page.sheets[0].scanned = True
    return reading.confidence


def level(pages: list[Page]) -> None:
    """Gives the usual type size of scanned pages to all their lines of about that size, which recognition measures unevenly."""
    words = [
        word for page in pages for sheet in page.sheets if sheet.scanned for piece in sheet.pieces for word in piece.words
    ]  # fmt: skip
    if not words:
        return
    usual = median(word.size for word in words)
    near = {id(word) for word in words if usual / SAME_SIZE <= word.size <= usual * SAME_SIZE}
    for page in pages:
        for sheet in page.sheets:
            for piece in sheet.pieces if sheet.scanned else ():
                if all(id(word) in near for word in piece.words):
                    piece.size = usual
                    for word in piece.words:
                        word.size = usual


def _lines(lines: list[list[ocr.Seen]], scale: float) -> list[list[Word]]:
    heights = [seen.line_bottom - seen.line_top for line in lines for seen in line]
    if not heights:
        return []
    usual = median(heights)
    made: list[list[Word]] = []
    for line in lines:
        height = median(seen.line_bottom - seen.line_top for seen in line)
        if usual / SAME_SIZE <= height <= usual * SAME_SIZE:
            height = usual
        size = height * scale * TYPE_SIZE
        made.append(
            [
                Word(seen.text, seen.left * scale, seen.top * scale, seen.right * scale, seen.bottom * scale,
                     seen.line_bottom * scale, size)
                for seen in line
            ]
        )  # fmt: skip
    return made
