"""Which format a file has, by its content; the name settles only what the bytes leave open.

Binary formats are told by their signatures (for ZIP by what lies inside, for OLE by its streams). Text is told by its first characters,
and by the name among formats that look alike: Markdown, reStructuredText and plain text all are text.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

from citewell.core.errors import FileBroken, FileEncrypted, FileUnsupported

WINDOW_BYTES = 65_536
PDF_WINDOW_BYTES = 1024  # within which readers look for the mark
TAR_MARK = slice(257, 262)

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"BM", "bmp"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)
# What is told by name, so that the reason names it.
_UNREADABLE: tuple[tuple[bytes, str], ...] = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"(\xb5/\xfd", "a Zstandard archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"OggS", "sound or film"),
    (b"ID3", "sound"),
    (b"fLaC", "sound"),
    (b"\x1aE\xdf\xa3", "a film"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
)
_PROGRAMS = frozenset({".exe", ".dll", ".com", ".sys", ".so"})
_ZIPPED: tuple[tuple[str, str], ...] = (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx"))
_OPEN_DOCUMENT: Mapping[str, str] = {
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/epub+zip": "epub",
}
# What the name says of a text; what is not here is plain text.
_NAMED: Mapping[str, str] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mdx"), "markdown"),
    **dict.fromkeys((".rst", ".rest"), "rst"),
    **dict.fromkeys((".adoc", ".asciidoc", ".asc"), "asciidoc"),
    **dict.fromkeys((".tex", ".latex", ".ltx"), "latex"),
    **dict.fromkeys((".csv", ".tsv", ".tab", ".psv"), "delimited"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".json", ".geojson"), "json"),
    ".ipynb": "notebook",
    **dict.fromkeys((".eml", ".mht", ".mhtml"), "mail"),
    ".mbox": "mbox",
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".xml", ".rss", ".atom"), "xml"),
    **dict.fromkeys(
        [".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".java", ".kt", ".kts", ".scala", ".go", ".rs", ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".cs", ".swift", ".rb", ".php", ".pl", ".pm", ".lua", ".r", ".jl", ".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat", ".cmd", ".sql", ".hs", ".ml", ".mli", ".ex", ".exs", ".erl", ".clj", ".cljs", ".lisp", ".el", ".scm", ".dart", ".groovy", ".gradle", ".vb", ".f90", ".f", ".m", ".mm", ".asm", ".s", ".v", ".vhd", ".proto", ".graphql", ".tf", ".hcl", ".css", ".scss", ".less", ".vue", ".svelte", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".cmake", ".mk", ".nix", ".zig", ".d", ".pas", ".ada", ".adb", ".ads", ".tcl", ".awk", ".vim"],
        "code",
    ),
}  # fmt: skip
_TOLD_BY_NAME = frozenset(
    {"markdown", "rst", "asciidoc", "latex", "delimited", "code", "notebook", "html", "mbox", "mail", "xml"}
)
_NAMES: Mapping[str, str] = dict.fromkeys(("makefile", "dockerfile", "jenkinsfile", "rakefile", "gemfile"), "code")
# A text that is named so is no document but what came instead of one, such as a message of a server.
_BINARY = frozenset([".pdf", ".docx", ".pptx", ".xlsx", ".doc", ".ppt", ".xls", ".odt", ".ods", ".odp", ".epub", ".msg", ".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".webp", ".zip", ".gz", ".tgz", ".xz"])  # fmt: skip
_HEADER = re.compile(rb"^(?:from|to|subject|date|received|return-path|message-id|mime-version|delivered-to|x-[\w-]+|dkim-signature):", re.I | re.M)  # fmt: skip
_HTML = re.compile(rb"^\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_FRAGMENT = re.compile(rb"^\s*<(?:div|p|table|section|article|main|h[1-6]|ul|ol|dl|span|a|title|meta|b|i|em|strong|pre)\b[^>]*>", re.I)  # fmt: skip
_XML = re.compile(rb"^\s*(?:<\?xml\b|<!DOCTYPE\s|<[A-Za-z_][\w:.-]*(?:\s[^<>]*)?/?>)")
_SHEBANG = re.compile(rb"^#!\s*/\S+")
_LATEX = re.compile(rb"\\(?:documentclass|begin\{document\})")
_MAIL_HEADERS = 2  # at least, for a text to be a message


def detect(data: bytes, name: str) -> str:
    """The format of a file, one of `ingest.parsers.FORMATS`. Raises FileUnsupported, FileBroken or FileEncrypted."""
    head = data[:WINDOW_BYTES]
    for signature, form in _SIGNATURES:
        if head.startswith(signature):
            return _image_or_text(head, form, name)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zipped(data)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _compound(data)
    if data[TAR_MARK] == b"ustar":
        return "tar"
    if (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or (head[4:8] == b"ftyp" and head[8:12] in {b"heic", b"avif"}):
        return "image"
    if b"%PDF-" in head[:PDF_WINDOW_BYTES] and _marked(head) is None:  # some programs write something before it
        return "pdf"
    _refuse_unreadable(head, name)
    return _text(head, name)


def _refuse_unreadable(head: bytes, name: str) -> None:
    for signature, what in _UNREADABLE:
        if head.startswith(signature) and (b"\x00" in head or PurePosixPath(name.lower()).suffix in _PROGRAMS):
            raise FileUnsupported(f"it is {what}, which holds no text that can be read")


def _image_or_text(head: bytes, form: str, name: str) -> str:
    """A bitmap's mark is two letters, which a text may begin with too."""
    if form != "bmp":
        return form
    return "image" if b"\x00" in head[:64] else _text(head, name)


def _zipped(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            media_type = ""
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
                media_type = archive.read("mimetype").decode("ascii", "replace").strip()
            encrypted = any(entry.flag_bits & 1 for entry in archive.infolist())
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, OSError, EOFError, RuntimeError) as error:
        raise FileBroken(f"its archive is damaged or cut off: {error}") from None
    if media_type in _OPEN_DOCUMENT:
        return _OPEN_DOCUMENT[media_type]
    if "META-INF/container.xml" in names:
        return "epub"
    if "[Content_Types].xml" in names:
        for folder, form in _ZIPPED:
            if any(name.startswith(folder) for name in names):
                return form
    if encrypted:
        raise FileEncrypted("the archive is protected by a password")
    return "zip"


def _compound(data: bytes) -> str:
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as compound:
            streams = {path[0] for path in compound.listdir(streams=True, storages=True)}
    except Exception as error:  # the library raises whatever it stumbles over in a damaged file
        raise FileBroken(f"it is damaged or cut off: {error}") from None
    if {"EncryptedPackage", "EncryptionInfo"} & streams:
        raise FileEncrypted("it is protected by a password")
    if "__properties_version1.0" in streams:
        return "msg"
    if {"Workbook", "Book"} & streams:
        return "xls"
    old = {"WordDocument": "Word (.doc)", "PowerPoint Document": "PowerPoint (.ppt)"}
    kind = next((what for stream, what in old.items() if stream in streams), "Office")
    raise FileUnsupported(f"it is a file of {kind} from before 2007", hint="Save it in the format of today, such as DOCX, PPTX or PDF.")  # fmt: skip


def _text(head: bytes, name: str) -> str:
    path = PurePosixPath(name.lower())
    named = _NAMED.get(path.suffix) or _NAMES.get(path.name)
    start = head[3:] if head.startswith(b"\xef\xbb\xbf") else head
    told = _marked(start)
    if told is not None:
        return told
    if named in _TOLD_BY_NAME:
        return "notebook" if _is_notebook(start) else str(named)
    if path.suffix in _BINARY and not _FRAGMENT.match(start):
        raise FileBroken(
            f"it is named {path.suffix} and holds something else", hint="Give the file the ending of its format."
        )
    return _structured(start, named) if start.lstrip()[:1] in {b"{", b"["} else _told_by_beginning(start)


def _marked(start: bytes) -> str | None:
    """The format of a text whose first lines are like no other's."""
    if start.startswith(b"From ") and _HEADER.search(start[:4096]):
        return "mbox"
    if _is_message(start):
        return "mail"
    return "html" if _HTML.match(start) else None


def _told_by_beginning(start: bytes) -> str:
    for pattern, form in ((_FRAGMENT, "html"), (_XML, "xml"), (_SHEBANG, "code")):
        if pattern.match(start):
            return form
    return "latex" if _LATEX.search(start[:8192]) else "text"


def _is_message(head: bytes) -> bool:
    """Whether a text begins with the headers of a message, and nothing but headers before the first blank line."""
    top = re.split(rb"\r?\n\r?\n", head[:16_384], maxsplit=1)[0]
    lines = top.splitlines()
    if not lines or not re.match(rb"[\w-]+:\s", lines[0]):
        return False
    proper = all(re.match(rb"[!-9;-~]+:|[ \t]", line) for line in lines)
    return proper and len(_HEADER.findall(top)) >= _MAIL_HEADERS


def _is_notebook(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"nbformat"' in head and b'"cells"' in head


def _structured(head: bytes, named: str | None) -> str:
    """JSON, JSON a line, a notebook, or a text that begins with a bracket."""
    if _is_notebook(head):
        return "notebook"
    first, _, rest = head.lstrip().partition(b"\n")
    try:
        json.loads(first)
    except ValueError:
        return named if named in {"json", "jsonl"} else ("json" if re.match(rb"[\[{]\s*[\"\[{\]}\d-]", first) or not first.strip(b"[{ \r") else "text")  # fmt: skip
    return "jsonl" if rest.lstrip()[:1] == b"{" and named != "json" else "json"
