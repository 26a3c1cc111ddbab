"""What a PDF says besides its pages: bookmarks, properties, attached files."""

from __future__ import annotations

import ctypes
import re
from pathlib import PurePosixPath
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from citewell.core.errors import FileTooLarge
from citewell.ingest.parsed import Member, Reading
from citewell.ingest.parsers.pdf.headings import Bookmark

MAX_BOOKMARKS = 10_000
MAX_BOOKMARK_DEPTH = 15
_RTL_LANGUAGES = frozenset(["ar", "fa", "he", "iw", "ur", "yi", "ps", "sd", "ug", "dv", "ku", "ckb"])
_DATE = re.compile(r"(?:D:)?(\d{4})(\d{2})?(\d{2})?(?:(\d{2})(\d{2})(\d{2})?)?\s*(Z|[+-]\d{2}'?\d{2})?")
_EMPTY = frozenset(
    [
        "untitled",
        "unspecified",
        "anonymous",
        "(anonymous)",
        "(unspecified)",
        "(untitled)",
        "powerpoint presentation",
        "none",
        "null",
        "unknown",
        "title",
        "word document",
        "microsoft word document",
        "document",
        "document1",
        "slide 1",
    ]
)
_FILE_NAME = re.compile(
    r"\.(?:docx?|pptx?|xlsx?|pdf|dvi|ps|tex|indd|odt|rtf|txt|html?|qxd|fm|p65|cdr|ai|pages)$", re.IGNORECASE
)
_PROGRAM = re.compile(r"^(?:microsoft (?:word|powerpoint|excel)\s*-\s*)", re.IGNORECASE)


def bookmarks_of(document: pdfium.PdfDocument) -> list[Bookmark]:
    """The outline, bounded in number and depth; a broken one ends where it breaks."""
    found: list[Bookmark] = []
    try:
        for entry in document.get_toc(max_depth=MAX_BOOKMARK_DEPTH):
            if len(found) >= MAX_BOOKMARKS:
                break
            dest = entry.get_dest()
            index = dest.get_index() if dest is not None else None
            title = entry.get_title().replace("\x00", "").strip()
            found.append(Bookmark(title, entry.level + 1, None if index is None or index < 0 else index + 1))
    except (pdfium.PdfiumError, UnicodeDecodeError, RecursionError):
        return found
    return found


def properties_of(document: pdfium.PdfDocument, name: str) -> tuple[str, dict[str, str]]:
    """The title ("" when it is none) and the metadata."""
    try:
        told = {key: _clean(value) for key, value in document.get_metadata_dict(skip_empty=True).items()}
    except UnicodeDecodeError:  # damaged properties; the text is none the worse
        told = {}
    metadata = {
        "author": told.get("Author", ""),
        "date": iso_date(told.get("CreationDate", "")) or iso_date(told.get("ModDate", "")),
        "subject": told.get("Subject", ""),
        "keywords": told.get("Keywords", ""),
    }
    kept = {key: value for key, value in metadata.items() if value}
    return true_title(told.get("Title", ""), name), kept


def _clean(value: str) -> str:
    text = " ".join(value.replace("\x00", "").split())
    return "" if text.casefold() in _EMPTY else text


def true_title(title: str, name: str) -> str:
    """The title of the properties, unless a program put it there: the name of a file, or of nothing."""
    title = _PROGRAM.sub("", title).strip()
    stem = PurePosixPath(name).stem.casefold()
    if title.casefold() in _EMPTY or _FILE_NAME.search(title) or (" " not in title and title.casefold() in stem and re.search(r"[\d_-]", title)):  # fmt: skip
        return ""
    return title if any(one.isalpha() for one in title) else ""


def iso_date(value: str) -> str:
    """A date of a PDF in ISO 8601: the day, with the time where it is given; "" when it is none."""
    match = _DATE.match(value.strip())
    if not match:
        return ""
    year, month, day, hour, minute, second, zone = match.groups()
    month, day = month or "01", day or "01"
    if not ("01" <= month <= "12" and "01" <= day <= "31" and year >= "1900"):
        return ""
    date = f"{year}-{month}-{day}"
    if hour is None or hour > "23" or minute > "59":
        return date
    offset = "" if zone is None else "Z" if zone == "Z" else f"{zone[:3]}:{zone[-2:]}"
    return f"{date}T{hour}:{minute}:{second or '00'}{offset}"


def members_of(document: pdfium.PdfDocument, reading: Reading) -> list[Member]:
    """The attached files. Raises FileTooLarge when they unpack too far."""
    found: list[Member] = []
    total = 0
    for at in range(min(document.count_attachments(), reading.max_members)):
        attachment = document.get_attachment(at)
        total += _size_of(attachment)
        if total > reading.max_unpacked_bytes:
            raise FileTooLarge(f"its attachments unpack to more than {reading.max_unpacked_bytes} bytes")
        try:
            found.append(Member(attachment.get_name() or f"attachment {at + 1}", bytes(attachment.get_data())))
        except (pdfium.PdfiumError, UnicodeDecodeError):
            continue
    return found


def _size_of(attachment: Any) -> int:
    size = ctypes.c_ulong()
    pdfium_c.FPDFAttachment_GetFile(attachment.raw, None, 0, size)
    return int(size.value)


def language_of_catalog(document: pdfium.PdfDocument, *, rtl: bool) -> str:
    """The two letters of the language that the document declares, else "und"; also when that is not written as its text is."""
    size = pdfium_c.FPDFCatalog_GetLanguage(document.raw, None, 0)
    if not 2 < size < 80:
        return "und"
    buffer = (pdfium_c.FPDF_WCHAR * (size // 2 + 1))()
    pdfium_c.FPDFCatalog_GetLanguage(document.raw, buffer, size)
    code = bytes(buffer).decode("utf-16-le", "replace").split("\x00")[0].split("-")[0].strip().lower()
    proper = len(code) == 2 and code.isascii() and code.isalpha()
    return code if proper and (code in _RTL_LANGUAGES) == rtl else "und"
