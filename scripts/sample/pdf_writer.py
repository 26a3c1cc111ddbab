"""PDF output with page header, page footer and page numbers, in one or two columns."""

from __future__ import annotations

import re
from pathlib import Path
from xml.sax.saxutils import escape

from blocks import Block, Heading, ItemList, Source, Table
from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, ListFlowable, PageTemplate, Paragraph, Spacer
from reportlab.platypus import Table as PdfTable

MARGIN = 20 * mm
GAP = 8 * mm
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9.5, leading=13, spaceAfter=5, alignment=TA_LEFT)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=8.5, leading=10.5, spaceAfter=0)
HEADINGS = {
    1: ParagraphStyle("h1", parent=BODY, fontName="Helvetica-Bold", fontSize=18, leading=22, spaceAfter=10),
    2: ParagraphStyle(
        "h2", parent=BODY, fontName="Helvetica-Bold", fontSize=13, leading=16, spaceBefore=10, keepWithNext=1
    ),
    3: ParagraphStyle(
        "h3", parent=BODY, fontName="Helvetica-Bold", fontSize=10.5, leading=13, spaceBefore=6, keepWithNext=1
    ),
}
GRID = [
    ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
    ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]


def _markup(text: str) -> str:
    """Escape the text; double asterisks give bold type, single ones italic type."""
    bold = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text))
    return re.sub(r"\*(.+?)\*", r"<i>\1</i>", bold)


def _table(table: Table, width: float) -> PdfTable:
    """Lay out a table whose column widths follow the longest cell of each column."""
    longest = [min(max(len(cell) for cell in column), 48) + 4 for column in zip(*table.rows, strict=True)]
    widths = [width * length / sum(longest) for length in longest]
    cells = [
        [Paragraph(f"<b>{_markup(cell)}</b>" if number == 0 else _markup(cell), CELL) for cell in row]
        for number, row in enumerate(table.rows)
    ]
    return PdfTable(cells, colWidths=widths, repeatRows=1, style=GRID, hAlign="LEFT")


def _flowables(block: Block, width: float) -> list[Flowable]:
    if isinstance(block, Heading):
        return [Paragraph(_markup(block.text), HEADINGS[block.level])]
    if isinstance(block, Table):
        return [_table(block, width), Spacer(1, 6)]
    if isinstance(block, ItemList):
        items = [Paragraph(_markup(item), BODY) for item in block.items]
        kind = {"bulletType": "1"} if block.ordered else {"bulletType": "bullet", "start": "•"}
        return [ListFlowable(items, leftIndent=12, bulletFontSize=9, **kind)]
    return [Paragraph(_markup(block.text), BODY)]


def _frames(columns: int) -> tuple[list[Frame], float]:
    """Return the frames of a page and the width of one column."""
    total = A4[0] - 2 * MARGIN
    width = (total - GAP * (columns - 1)) / columns
    height = A4[1] - 2 * MARGIN - 10 * mm
    frames = [
        Frame(MARGIN + index * (width + GAP), MARGIN + 5 * mm, width, height, 0, 0, 0, 0) for index in range(columns)
    ]
    return frames, width


def write_pdf(source: Source, target: Path) -> None:
    """Write the source as a PDF document."""
    meta = source.meta

    def decorate(canvas: Canvas, template: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(MARGIN, A4[1] - 14 * mm, meta["header"])
        canvas.line(MARGIN, A4[1] - 16 * mm, A4[0] - MARGIN, A4[1] - 16 * mm)
        canvas.drawString(MARGIN, 12 * mm, meta["footer"])
        canvas.drawRightString(A4[0] - MARGIN, 12 * mm, f"Page {template.page}")

    frames, width = _frames(int(meta.get("columns", "1")))
    template = BaseDocTemplate(
        str(target), pagesize=A4, title=meta["title"], author=meta["author"], invariant=1, lang="en"
    )
    template.addPageTemplates(PageTemplate(frames=frames, onPage=decorate))
    template.build([flowable for block in source.blocks for flowable in _flowables(block, width)])
