"""One parser per format; `parse` picks it by the file's name and content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import PurePosixPath

from citewell.core.errors import CitewellError, FileBroken, FileUnsupported, FileWithoutText
from citewell.ingest.normalise import Parsed

Parser = Callable[[bytes, int], Parsed]

# Suffix to module; the module is imported when the first such file comes.
_MODULES: Mapping[str, str] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".txt": "plain",
    ".text": "plain",
    ".log": "plain",
    ".pdf": "pdf",
    ".docx": "docx",
}
# How a file of that suffix must begin; what a wrong name hides is said instead of indexed.
_SIGNATURES: Mapping[str, tuple[bytes, ...]] = {".pdf": (b"%PDF-",), ".docx": (b"PK\x03\x04",)}
_BINARY: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", ".pdf"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
)
SIGNATURE_WINDOW_BYTES = 1024
PARSER_VERSION = "1"  # raised when any parser reads the same bytes differently, so that unchanged files are read again


def supported_suffixes() -> frozenset[str]:
    """The file name endings that have a parser, in lower case, with their dot."""
    return frozenset(_MODULES)


def parse(data: bytes, name: str, *, max_unpacked_bytes: int) -> Parsed:
    """What the file holds. Raises a FileRejected: FileUnsupported, FileBroken, FileTooLarge or FileWithoutText."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in _MODULES:
        raise FileUnsupported(f"no parser reads files ending in {suffix or 'nothing'!r}")
    if not data.strip():
        raise FileWithoutText("the file is empty")
    _check_signature(data, suffix)
    parser: Parser = import_module(f"citewell.ingest.parsers.{_MODULES[suffix]}").parse
    try:
        return parser(data, max_unpacked_bytes)
    except CitewellError:
        raise
    except RecursionError:
        raise FileBroken("it is nested too deeply") from None
    except Exception as error:  # a library's own error for a damaged file: any type, never the batch's end
        raise FileBroken(f"it cannot be read: {type(error).__name__}: {error}") from error


def _check_signature(data: bytes, suffix: str) -> None:
    head = data[:SIGNATURE_WINDOW_BYTES]
    wanted = _SIGNATURES.get(suffix)
    if wanted and not any(head.startswith(sig) or (suffix == ".pdf" and sig in head) for sig in wanted):
        raise FileBroken(f"it is named {suffix} but does not begin like one")
    if not wanted:
        for signature, what in _BINARY:
            if head.startswith(signature):
                raise FileBroken(f"it is named {suffix} but is {what}", hint="Give the file the ending of its format.")
