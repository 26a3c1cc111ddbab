"""DOCX output with built-in heading, list and table styles, and the same bytes on every run."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path

from blocks import Block, Heading, ItemList, Source, Table
from docx import Document
from docx.document import Document as DocumentObject
from docx.text.paragraph import Paragraph as DocxParagraph

_MARKED = re.compile(r"(\*\*.+?\*\*|\*.+?\*)")


def _runs(paragraph: DocxParagraph, text: str) -> None:
    """Add ``text`` to the paragraph; parts between double asterisks are bold, between single ones italic."""
    for index, part in enumerate(_MARKED.split(text)):
        if part:
            run = paragraph.add_run(part.strip("*") if index % 2 else part)
            run.bold = True if index % 2 and part.startswith("**") else None
            run.italic = True if index % 2 and not part.startswith("**") else None


def _table(document: DocumentObject, table: Table) -> None:
    grid = document.add_table(rows=0, cols=len(table.rows[0]), style="Table Grid")
    for number, row in enumerate(table.rows):
        for cell, text in zip(grid.add_row().cells, row, strict=True):
            _runs(cell.paragraphs[0], f"**{text}**" if number == 0 and text else text)
    document.add_paragraph()


def _add(document: DocumentObject, block: Block) -> None:
    if isinstance(block, Heading):
        document.add_heading(block.text, level=block.level)
    elif isinstance(block, Table):
        _table(document, block)
    elif isinstance(block, ItemList):
        for item in block.items:
            _runs(document.add_paragraph(style="List Number" if block.ordered else "List Bullet"), item)
    else:
        _runs(document.add_paragraph(), block.text)


def _properties(document: DocumentObject, meta: dict[str, str]) -> None:
    properties = document.core_properties
    stamp = datetime.fromisoformat(meta["date"])
    properties.title = meta["title"]
    properties.author = meta["author"]
    properties.last_modified_by = meta["author"]
    properties.created = properties.modified = stamp
    properties.comments = ""


def _repack(data: bytes, target: Path) -> None:
    """Write the parts of the package with one fixed time stamp."""
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name in source.namelist():
            info = zipfile.ZipInfo(name, date_time=(2025, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(info, source.read(name))


def write_docx(source: Source, target: Path) -> None:
    """Write the source as a DOCX document."""
    document = Document()
    _properties(document, source.meta)
    section = document.sections[0]
    section.header.paragraphs[0].text = source.meta["header"]
    section.footer.paragraphs[0].text = source.meta["footer"]
    for block in source.blocks:
        _add(document, block)
    buffer = io.BytesIO()
    document.save(buffer)
    _repack(buffer.getvalue(), target)
