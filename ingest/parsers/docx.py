"""DOCX: headings by style, paragraphs, lists and tables in reading order, through python-docx."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping

import docx
from docx.document import Document as DocxDocument
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from citewell.core.errors import FileBroken, FileTooLarge
from citewell.ingest.normalise import Parsed, RawBlock

# English and German names of Word's built-in heading styles.
_HEADING = re.compile(r"^(?:heading|überschrift)\s*(\d)", re.IGNORECASE)


def parse(data: bytes, max_unpacked_bytes: int) -> Parsed:
    """Blocks of a Word document; raises FileBroken for a damaged archive, FileTooLarge for one that unpacks too far."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise FileBroken(f"its archive is damaged: {error}") from None
    if unpacked > max_unpacked_bytes:
        raise FileTooLarge(f"it unpacks to {unpacked} bytes, more than {max_unpacked_bytes}")
    document = docx.Document(io.BytesIO(data))
    properties = document.core_properties
    language = (properties.language or "und").split("-")[0].lower()
    return Parsed(list(_blocks(document)), "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                  title=properties.title or "", language=language)  # fmt: skip


def _blocks(document: DocxDocument) -> Iterator[RawBlock]:
    # Asked once: python-docx searches all styles anew for each paragraph.
    styles = {style.style_id: (style.name or "") for style in document.styles}
    for item in document.iter_inner_content():
        if isinstance(item, Table):
            yield from _rows(item)
        else:
            yield _paragraph(item, styles)


def _paragraph(paragraph: Paragraph, styles: Mapping[str, str]) -> RawBlock:
    style = styles.get(paragraph._p.style or "", "")
    heading = _HEADING.match(style)
    if heading:
        return RawBlock("heading", paragraph.text, level=int(heading.group(1)) + 1)
    if style.lower() in {"title", "titel"}:
        return RawBlock("heading", paragraph.text, level=1)
    return RawBlock("list_item" if "list" in style.lower() else "paragraph", paragraph.text)


def _rows(table: Table) -> Iterator[RawBlock]:
    for row in table.rows:
        # The cells as they are stored: `row.cells` repeats a merged cell for each column that the file claims it spans.
        cells = (_Cell(stored, table).text for stored in row._tr.tc_lst)
        yield RawBlock("table_row", " | ".join(" ".join(text.split()) for text in cells))
