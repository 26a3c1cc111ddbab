"""One parser per format; `parse` picks it by what the file holds (ingest/detect.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from citewell.core.errors import CitewellError, FileBroken, FileUnsupported, FileWithoutText
from citewell.ingest.detect import detect
from citewell.ingest.parsed import Parsed, Reading

Parser = Callable[[bytes, Reading], Parsed]

# Format to module; a module is imported when the first such file comes.
FORMATS: Mapping[str, str] = {
    "pdf": "pdf",
    "image": "image",
    "docx": "office.docx",
    "pptx": "office.pptx",
    "xlsx": "office.spreadsheet",
    "xls": "office.spreadsheet",
    "ods": "office.spreadsheet",
    "odt": "office.opendocument",
    "odp": "office.opendocument",
    "rtf": "office.rtf",
    "html": "web.html",
    "xml": "web.xml",
    "markdown": "text.markdown",
    "rst": "text.rst",
    "asciidoc": "text.asciidoc",
    "latex": "text.latex",
    "text": "text.plain",
    "code": "text.code",
    "delimited": "data.delimited",
    "json": "data.records",
    "jsonl": "data.records",
    "notebook": "data.notebook",
    "epub": "web.epub",
    "mail": "mail.mail",
    "mbox": "mail.mail",
    "msg": "mail.outlook",
    "zip": "archives.archive",
    "tar": "archives.archive",
    "gzip": "archives.archive",
    "bzip2": "archives.archive",
    "xz": "archives.archive",
}
PARSER_VERSION = "2"  # raised when any parser reads the same bytes differently, so that unchanged files are read again


def parse(data: bytes, reading: Reading) -> Parsed:
    """What the file holds. Raises a FileRejected."""
    if not data.strip():
        raise FileWithoutText("the file is empty")
    try:
        form = detect(data, reading.name)
        if form not in FORMATS:
            raise FileUnsupported(f"no parser reads {form}")
        parser: Parser = import_module(f"citewell.ingest.parsers.{FORMATS[form]}").parse
        return parser(data, reading)
    except CitewellError:
        raise
    except (
        MemoryError,
        PermissionError,
    ):  # the process's own limits (isolation/cage.py), which say more than the file does
        raise
    except RecursionError:
        raise FileBroken("it is nested too deeply") from None
    except Exception as error:  # a library's own error for a damaged file: any type, never the batch's end
        raise FileBroken(f"it cannot be read: {type(error).__name__}: {error}") from error
