"""PDF files for tests, and what is read of them."""

from __future__ import annotations

import io
from collections.abc import Callable

from reportlab.pdfgen import canvas

from citewell.ingest.parsed import Parsed, Reading
from citewell.ingest.parsers import parse

WORDS = [
    "the",
    "valve",
    "opens",
    "slowly",
    "when",
    "pressure",
    "falls",
    "below",
    "the",
    "limit",
    "and",
    "closes",
    "again",
    "after",
    "some",
    "time",
    "has",
    "passed",
]


WIDTH, HEIGHT = 595.0, 842.0


def made(draw: Callable[[canvas.Canvas], None], **options: object) -> bytes:
    """A PDF of what `draw` does."""
    stream = io.BytesIO()
    sheet = canvas.Canvas(stream, pagesize=(WIDTH, HEIGHT), invariant=1, **options)
    draw(sheet)
    sheet.save()
    return stream.getvalue()


def read(data: bytes, *, ocr: str = "off", name: str = "x.pdf") -> Parsed:
    return parse(data, Reading(name=name, ocr="auto" if ocr == "auto" else "off"))


def texts(parsed: Parsed, *kinds: str) -> list[str]:
    return [block.whole for block in parsed.blocks if not kinds or block.kind in kinds]


def column(sheet: canvas.Canvas, x: float, top: float, lines: list[str], size: float = 10, leading: float = 12) -> None:
    sheet.setFont("Helvetica", size)
    for at, line in enumerate(lines):
        sheet.drawString(x, top - leading * at, line)


def prose(tag: str, lines: int) -> list[str]:
    """Lines of running text, each about 220 points wide in Helvetica 10, that name their column and number."""
    told = [f"{tag}{at} {' '.join(WORDS[at % 7 : at % 7 + 7])} so it" for at in range(lines)]
    return [*told[:-1], f"{told[-1]}."]


def borderless(
    sheet: canvas.Canvas, rows: list[list[str]], top: float = 700, xs: tuple[int, ...] = (60, 200, 320, 440)
) -> None:
    sheet.setFont("Helvetica", 10)
    for at, cells in enumerate(rows):
        for x, cell in zip(xs, cells, strict=True):
            sheet.drawString(x, top - 20 * at, cell)
