"""PDF through pypdfium2: text in reading order with the place of every line, tables, forms, notes, bookmarks, attachments, scans.

page.py reads words, furniture.py leaves running heads out, order.py finds columns and tables, blocks.py makes paragraphs and headings.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from citewell.core.errors import FileBroken, FileEncrypted, FileNeedsOcr, FileWithoutText
from citewell.ingest.parsed import Member, Parsed, RawBlock, Reading
from citewell.ingest.parsers import ocr
from citewell.ingest.parsers.pdf import scan
from citewell.ingest.parsers.pdf.blocks import Composer
from citewell.ingest.parsers.pdf.furniture import without_furniture
from citewell.ingest.parsers.pdf.headings import Bookmark, Outline
from citewell.ingest.parsers.pdf.native import LOCK
from citewell.ingest.parsers.pdf.notes import notes_of
from citewell.ingest.parsers.pdf.order import parts_of
from citewell.ingest.parsers.pdf.outline import bookmarks_of, language_of_catalog, members_of, properties_of
from citewell.ingest.parsers.pdf.page import Page, read_page

MAX_PAGES = 20_000
MAX_BROKEN_IN_A_ROW = 50  # after so many pages that cannot be opened, a page count is not believed
MAX_NAMED = 20  # pages that a warning names


@dataclass(slots=True)
class _Contents:
    """What is read while the document is open."""

    pages: list[Page] = field(default_factory=list)
    notes: dict[int, list[RawBlock]] = field(default_factory=dict)
    bookmarks: list[Bookmark] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    title: str = ""
    language: str = "und"
    metadata: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a PDF whose lines have their boxes on the page as shown.

    Raises FileEncrypted (it opens with a password only), FileBroken, FileNeedsOcr (pictures, and nothing that reads them) or
    FileWithoutText.
    """
    with LOCK:
        document = _opened(data)
        try:
            contents = _read(document, reading)
            without_furniture([page.sheets for page in contents.pages])
            _read_scans(document, contents, reading)
        finally:
            document.close()
    blocks = _blocks(contents)
    if not blocks and not contents.members:
        _refuse(contents, reading)
    return Parsed(blocks, "application/pdf", contents.title, contents.language, contents.metadata, contents.members,
                  container=not blocks, warnings=tuple(contents.warnings))  # fmt: skip


def _opened(data: bytes) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD:
            raise FileEncrypted("the PDF opens with a password only") from None
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_SECURITY:
            raise FileEncrypted("the PDF is encrypted in a way that cannot be read") from None
        raise FileBroken("the PDF is damaged or cut off") from None
    if document.get_formtype() != pdfium_c.FORMTYPE_NONE:
        document.init_forms()
    return document


def _read(document: pdfium.PdfDocument, reading: Reading) -> _Contents:
    contents = _Contents()
    contents.title, contents.metadata = properties_of(document, reading.name)
    contents.bookmarks = bookmarks_of(document)
    contents.members = members_of(document, reading)
    fields_seen: set[str] = set()
    broken: list[int] = []
    in_a_row = 0
    for number in range(1, min(len(document), MAX_PAGES) + 1):
        try:
            handle = document[number - 1]
        except pdfium.PdfiumError:
            broken.append(number)
            in_a_row += 1
            if in_a_row == MAX_BROKEN_IN_A_ROW:
                break
            continue
        in_a_row = 0
        try:
            page = read_page(handle, number)
            notes = notes_of(document, handle, page, fields_seen)
        finally:
            handle.close()
        contents.pages.append(page)
        if notes:
            contents.notes[number] = notes
    if not contents.pages:
        raise FileBroken("the PDF is damaged or cut off: none of its pages can be read")
    rtl = sum(1 if sheet.rtl else -1 for page in contents.pages for sheet in page.sheets) > 0
    contents.language = language_of_catalog(document, rtl=rtl)
    contents.warnings += _warnings(contents.pages, broken, len(document))
    return contents


def _warnings(pages: list[Page], broken: list[int], count: int) -> list[str]:
    warnings = []
    if broken:
        warnings.append(f"damaged and left out: {_named(broken)}")
    if count > MAX_PAGES:
        warnings.append(f"only the first {MAX_PAGES} of {count} pages were read")
    cut = [page.number for page in pages if page.cut]
    if cut:
        warnings.append(f"only the beginning was read of {_named(cut)}")
    return warnings


def _named(numbers: list[int]) -> str:
    """The pages in words: "page 3", "pages 3, 4 and 20 more"."""
    shown = ", ".join(str(number) for number in numbers[:MAX_NAMED])
    more = f" and {len(numbers) - MAX_NAMED} more" if len(numbers) > MAX_NAMED else ""
    return f"page{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _read_scans(document: pdfium.PdfDocument, contents: _Contents, reading: Reading) -> None:
    """Reads the pages that hold pictures and no text, where tesseract is installed and asked for."""
    scans = [page for page in contents.pages if scan.needs_ocr(page)]
    if not scans:
        return
    if reading.ocr == "off" or not ocr.is_installed():
        contents.warnings.append(f"a picture without text, which needs OCR: {_named([page.number for page in scans])}")
        return
    languages, missing = ocr.usable_languages(reading.ocr_languages)
    if missing:
        contents.warnings.append(f"tesseract has no data for: {', '.join(missing)}")
    if len(scans) > reading.ocr_max_pages:
        rest = [page.number for page in scans[reading.ocr_max_pages :]]
        contents.warnings.append(f"not read, since ingest.ocr_max_pages is {reading.ocr_max_pages}: {_named(rest)}")
    for page in scans[: reading.ocr_max_pages]:
        try:
            scan.read_page(document, page, languages)
        except ocr.OcrFailed as error:
            contents.warnings.append(f"page {page.number} could not be read by OCR: {error}")
    scan.level(scans)
    without_furniture([page.sheets for page in contents.pages])


def _blocks(contents: _Contents) -> list[RawBlock]:
    """The blocks of the text, and after those of a page its fields and notes."""
    parts = [(sheet, parts_of(sheet)) for page in contents.pages for sheet in page.sheets]
    blocks = Composer(parts, Outline(contents.bookmarks)).blocks()
    if not contents.notes:
        return blocks
    result: list[RawBlock] = []
    waiting = sorted(contents.notes)
    for block in blocks:
        while waiting and block.page is not None and waiting[0] < block.page:
            result += contents.notes[waiting.pop(0)]
        result.append(block)
    return result + [note for number in waiting for note in contents.notes[number]]


def _refuse(contents: _Contents, reading: Reading) -> None:
    count = f"its {len(contents.pages)} pages hold" if len(contents.pages) > 1 else "its page holds"
    if not any(scan.needs_ocr(page) for page in contents.pages):
        raise FileWithoutText(f"{count} no text")
    if reading.ocr == "off":
        raise FileNeedsOcr(f"{count} pictures but no text", hint='Set ingest.ocr = "auto", then ingest again.')
    if not ocr.is_installed():
        raise FileNeedsOcr(f"{count} pictures but no text")
    raise FileWithoutText(f"{count} pictures in which no text was found")
