"""Office packages for tests, and what is read of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers import parse

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
ODF = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
    for prefix, space in {
        "office": "office", "text": "text", "table": "table", "draw": "drawing", "style": "style", "svg": "svg-compatible",
        "presentation": "presentation", "manifest": "manifest",
    }.items()
)  # fmt: skip


def read(data: bytes, name: str, **limits: int) -> Parsed:
    return parse(data, Reading(name=name, **limits))  # type: ignore[arg-type]


def kinds(parsed: Parsed) -> list[tuple[str, str]]:
    return [(block.kind, " ".join(block.whole.split())) for block in parsed.blocks if block.whole.strip()]


def placed(parsed: Parsed, text: str) -> RawBlock:
    return next(block for block in parsed.blocks if text in block.whole)


def package(parts: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return stream.getvalue()


def odf(kind: str, body: str, styles: str = "") -> bytes:
    content = f"<office:document-content {ODF}><office:automatic-styles>{styles}</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    return package({"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content})


def odt(body: str, styles: str = "") -> bytes:
    return odf("text", body, styles)
