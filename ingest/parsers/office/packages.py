"""Opens the ZIP packages of office formats: their parts by name, unpacked within a bound, their XML without entities."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from lxml import etree

from citewell.core.errors import FileBroken, FileEncrypted, FileTooLarge, FileUnsafe
from citewell.ingest.parsed import Reading

RATIO_FROM_BYTES = 1_000_000  # below this any ratio is harmless
PIECE_BYTES = 1 << 20
MAX_SHORT_NAMES = 4096
MAX_DIGITS = 9

# Namespaces by the prefix that the standards use; the strict variants of ECMA-376 have addresses of their own.
_OOXML = {"w": "wordprocessingml", "p": "presentationml", "x": "spreadsheetml", "a": "drawingml"}
_SPACES = {
    **{f"http://schemas.openxmlformats.org/{space}/2006/main": prefix for prefix, space in _OOXML.items()},
    **{f"http://purl.oclc.org/ooxml/{space}/main": prefix for prefix, space in _OOXML.items()},
    "http://schemas.openxmlformats.org/officeDocument/2006/math": "m",
    "http://purl.oclc.org/ooxml/officeDocument/math": "m",
    "http://schemas.openxmlformats.org/drawingml/2006/chart": "c",
    "http://purl.oclc.org/ooxml/drawingml/chart": "c",
    "http://schemas.openxmlformats.org/drawingml/2006/diagram": "dgm",
    "http://purl.oclc.org/ooxml/drawingml/diagram": "dgm",
    "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing": "xdr",
    "http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing": "xdr",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc",
    "urn:schemas-microsoft-com:vml": "v",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
}
_ODF_SPACE = re.compile(r"urn:oasis:names:tc:opendocument:xmlns:([a-z]+)(?:-compatible)?:1\.0")
_ODF_PREFIXES = {"drawing": "draw"}
# A declaration of types or entities before the first element.
_DOCTYPE = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->)*<!(?:DOCTYPE|ENTITY)", re.DOTALL | re.IGNORECASE)
_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError)


class Relation(NamedTuple):
    """A link from one part to another: its id, the last word of its type, and the other part's name."""

    id: str
    kind: str
    target: str


class Package:
    """The parts of a package.

    What is read of it all together is counted, whatever sizes it declares, and stays within `reading.max_unpacked_bytes`. Parts that
    are not read, such as films, may be of any size.
    """

    def __init__(self, data: bytes, reading: Reading) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            entries = self._archive.infolist()
        except _DAMAGE as error:
            raise FileBroken(f"its archive is damaged or cut off: {error}") from None
        if len(entries) > reading.max_members:
            raise FileTooLarge(f"it holds {len(entries)} parts, more than {reading.max_members}")
        if any(entry.flag_bits & 1 for entry in entries):
            raise FileEncrypted("it is protected by a password")
        # Names are compared without case, and some programs write them with a slash before or backslashes within.
        self._entries = {entry.filename.replace("\\", "/").lstrip("/").lower(): entry for entry in entries}
        self._limit = reading.max_unpacked_bytes
        self._ratio_limit = max(RATIO_FROM_BYTES, len(data) * reading.max_ratio)
        self._unpacked = 0

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._entries

    def names(self, start: str = "") -> list[str]:
        """The names, in lower case, of the parts whose names begin with `start`."""
        return [name for name in self._entries if name.startswith(start.lower())]

    def read(self, name: str) -> bytes:
        """The bytes of a part. Raises FileBroken when it is missing or damaged, FileTooLarge past the bound."""
        entry = self._entries.get(name.lower())
        if entry is None:
            raise FileBroken(f"its part {name} is missing")
        pieces: list[bytes] = []
        try:
            with self._archive.open(entry) as stream:
                while piece := stream.read(PIECE_BYTES):
                    pieces.append(piece)
                    self._count(len(piece))
        except _DAMAGE as error:
            raise FileBroken(f"its part {name} is damaged: {error}") from None
        except RuntimeError:  # zipfile asks for a password so
            raise FileEncrypted("it is protected by a password") from None
        return b"".join(pieces)

    def _count(self, size: int) -> None:
        self._unpacked += size
        if self._unpacked > self._limit:
            raise FileTooLarge(f"it unpacks to more than {self._limit} bytes")
        if self._unpacked > self._ratio_limit:
            raise FileTooLarge("it unpacks to far more than its size, as an archive made to do harm does")

    def xml(self, name: str) -> etree._Element:
        """The root element of a part. Raises FileUnsafe when it declares entities, FileBroken when it is no XML."""
        return parse_xml(self.read(name), name)

    def optional(self, name: str, warnings: list[str]) -> etree._Element | None:
        """The root element of a part that the text can do without; what is wrong with it is told in `warnings`."""
        if not name or name not in self:
            return None
        try:
            return self.xml(name)
        except FileBroken as error:
            warnings.append(error.message)
            return None

    def relations(self, part: str = "") -> list[Relation]:
        """The links from a part, or from the whole package, to parts within; links to elsewhere are left out."""
        folder, _, base = part.rpartition("/")
        name = f"{folder}/_rels/{base}.rels" if folder else f"_rels/{base}.rels"
        if name not in self:
            return []
        made = []
        for link in self.xml(name):
            target = link.get("Target", "")
            if link.get("TargetMode", "").lower() == "external" or not target:
                continue
            path = posixpath.normpath(posixpath.join("/", folder, target.replace("\\", "/"))).lstrip("/")
            made.append(Relation(link.get("Id", ""), link.get("Type", "").rpartition("/")[2], path))
        return made

    def linked(self, part: str, kind: str) -> str:
        """The part that `part` has of a kind, or an empty name."""
        return next((link.target for link in self.relations(part) if link.kind == kind), "")


def refuse_entities(data: bytes, name: str) -> None:
    """Raises FileUnsafe when XML declares a document type or entities: office formats never do."""
    head = data.lstrip(b"\xef\xbb\xbf")
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in data[:4]:
        head = data.replace(b"\x00", b"").lstrip(b"\xff\xfe")  # UTF-16 and UTF-32: ASCII with zeros between
    if _DOCTYPE.match(head):
        raise FileUnsafe(f"its part {name} declares entities, which could reach for other files")


def parse_xml(data: bytes, name: str) -> etree._Element:
    """The root element of XML. Raises FileUnsafe when it declares entities, FileBroken when it cannot be read."""
    refuse_entities(data, name)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise FileBroken(f"its part {name} is damaged: {error}") from None
    if root is None:
        raise FileBroken(f"its part {name} is empty")
    if root.getroottree().docinfo.doctype:  # in an encoding that the look at the bytes does not know
        raise FileUnsafe(f"its part {name} declares entities, which could reach for other files")
    return root


@lru_cache(maxsize=MAX_SHORT_NAMES)
def _short(tag: str) -> str:
    space, _, local = tag.rpartition("}")
    odf = _ODF_SPACE.fullmatch(space[1:])
    prefix = _ODF_PREFIXES.get(odf.group(1), odf.group(1)) if odf else _SPACES.get(space[1:], "")
    return f"{prefix}:{local}"


def short(element: etree._Element) -> str:
    """The element's name with the usual prefix, such as `w:p` for both variants of the format; `:p` when it is of another."""
    tag = element.tag
    return _short(tag) if isinstance(tag, str) else ""


def attribute(element: etree._Element | None, name: str, default: str = "") -> str:
    """The attribute of that name, whatever its namespace."""
    if element is None:
        return default
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return default


def child(element: etree._Element | None, *names: str) -> etree._Element | None:
    """The element down a path of first children, such as `child(p, "w:pPr", "w:numPr")`."""
    for name in names:
        if element is None:
            return None
        element = next((below for below in element if short(below) == name), None)
    return element


def below(element: etree._Element | None, *names: str) -> Iterator[etree._Element]:
    """Every element of these names anywhere within, in the order of the file."""
    if element is None:
        return
    wanted = frozenset(names)
    for found in element.iter(*("{*}" + name.partition(":")[2] for name in names)):
        if short(found) in wanted:
            yield found


def number(text: str, default: int = 0) -> int:
    """The whole number that a text tells, or `default`; never one of more than nine digits."""
    digits = text[1:] if text[:1] == "-" else text
    return int(text) if digits.isdecimal() and digits.isascii() and len(digits) <= MAX_DIGITS else default


_DEFAULT_TITLES = frozenset(["", "powerpoint presentation", "powerpoint-präsentation", "présentation powerpoint", "presentation", "word document", "untitled", "document"])  # fmt: skip


def properties(package: Package, warnings: list[str]) -> tuple[str, str, dict[str, str]]:
    """Title, language and metadata of an OOXML package; a title that a program gives to every file counts as none."""
    part = package.linked("", "core-properties") or package.linked("", "coreProperties") or "docProps/core.xml"
    root = package.optional(part, warnings)
    told = {short(entry).rpartition(":")[2]: (entry.text or "").strip() for entry in root} if root is not None else {}
    title = told.get("title", "")
    names = {"creator": "author", "subject": "subject", "keywords": "keywords", "category": "category"}
    metadata = {ours: told[theirs] for theirs, ours in names.items() if told.get(theirs)}
    date = told.get("modified") or told.get("created") or ""
    if re.match(r"\d{4}-\d\d-\d\d", date):
        metadata["date"] = date[:10]
    language = told.get("language", "").split("-")[0].lower() or "und"
    return ("" if title.lower() in _DEFAULT_TITLES else title), language, metadata
