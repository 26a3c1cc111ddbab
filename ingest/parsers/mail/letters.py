"""A message as blocks: its headers, its text, its attachments; the same for every format of mail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from email.header import decode_header
from email.utils import parsedate_to_datetime

from citewell.core.errors import FileRejected, FileWithoutText
from citewell.core.types import BlockKind
from citewell.ingest.parsed import Member, Parsed, RawBlock, Reading
from citewell.ingest.parsers.web import html

SHOWN = ("From", "To", "Cc", "Date", "Subject")
MAX_HEADER_CHARS = 10_000  # of one header that is read; long lists of receivers are cut
_QUOTE = re.compile(r"^(?:>[ \t]?)+")
_ITEM = re.compile(r"^(?:[-*•–]|\d{1,3}[.)])[ \t]+\S")
_CHARSET = re.compile(r"(<meta[^<>]{0,200}charset\s{0,5}=\s{0,5}[\"']?)[\w.:-]+", re.IGNORECASE)
_XML_ENCODING = re.compile(r"\A\s*<\?xml[^<>]{0,200}\?>")
_META_WINDOW = 8192
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# Codecs that take time out of proportion to their input, or are no encodings of characters.
_NOT_FOR_TEXT = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})


@dataclass(slots=True)
class Letter:
    """A message as its format's parser read it: decoded headers by their names, a body as text, as HTML, or both."""

    headers: dict[str, str]
    text: str = ""
    html: str = ""
    members: Iterable[Member] = ()
    warnings: list[str] = field(default_factory=list)


def compose(letter: Letter, media_type: str, reading: Reading) -> Parsed:
    """The blocks of a message: its subject as a heading, its headers, its text; the plain text where there is one."""
    subject = letter.headers.get("Subject", "")
    blocks = [RawBlock("heading", subject, level=1, place="headers")] if subject else []
    blocks += [
        RawBlock("paragraph", f"{name}: {letter.headers[name]}", place="headers")
        for name in SHOWN
        if letter.headers.get(name)
    ]
    if letter.text.strip():
        blocks += text_blocks(letter.text)
    elif letter.html.strip():
        blocks += _html_blocks(letter, reading)
    return Parsed(
        blocks,
        media_type,
        title=subject,
        metadata=_metadata(letter.headers),
        members=letter.members,
        warnings=tuple(letter.warnings),
    )


def text_blocks(text: str) -> Iterator[RawBlock]:
    """Paragraphs and list items of a plain text body; a quoted reply is a paragraph that begins with its mark."""
    run: list[str] = []
    depth = start = 0
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate([*lines, ""], start=1):
        mark = _QUOTE.match(line)
        bare = line[mark.end() :].strip() if mark else line.strip()
        quoted = mark.group().count(">") if mark else 0
        if run and (not bare or quoted != depth or _ITEM.match(bare) or bare in {"--", "-- "}):
            yield _text_block(run, depth, start, number - 1)
            run = []
        if bare:
            if not run:
                depth, start = quoted, number
            run.append(bare)


def _text_block(run: list[str], depth: int, start: int, end: int) -> RawBlock:
    place = f"line {start}" if end <= start else f"lines {start}-{end}"
    mark = ">" * depth + " " if depth else ""
    kind: BlockKind = "list_item" if _ITEM.match(run[0]) else "paragraph"
    return RawBlock(kind, mark + " ".join(run), place=place)


def _html_blocks(letter: Letter, reading: Reading) -> list[RawBlock]:
    """Headings stand under the subject."""
    head = _CHARSET.sub(r"\1utf-8", _XML_ENCODING.sub("", letter.html[:_META_WINDOW]))
    data = b"\xef\xbb\xbf" + (head + letter.html[_META_WINDOW:]).encode("utf-8", "replace")
    try:
        parsed = html.parse(data, replace(reading, name=".html"))
    except FileWithoutText:
        return []
    except FileRejected as error:
        letter.warnings.append(f"the text of the message cannot be read: {error.message}")
        return []
    return [replace(block, level=block.level + 1) if block.kind == "heading" else block for block in parsed.blocks]


def _metadata(headers: dict[str, str]) -> dict[str, str]:
    told = {
        "author": headers.get("From", ""),
        "to": headers.get("To", ""),
        "cc": headers.get("Cc", ""),
        "date": iso_date(headers.get("Date", "")),
        "subject": headers.get("Subject", ""),
        "message_id": headers.get("Message-ID", ""),
    }
    return {name: value for name, value in told.items() if value}


def iso_date(value: str) -> str:
    """The date of a message in ISO form; nothing when it cannot be read."""
    try:
        return parsedate_to_datetime(value[:MAX_HEADER_CHARS]).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return ""


def decoded_header(raw: str) -> str:
    """A header as a reader sees it; what is broken in it stays as it is."""
    value = raw[:MAX_HEADER_CHARS]
    if _SURROGATES.search(value):
        value = decoded(value.encode("utf-8", "surrogateescape"), "utf-8")
    if "=?" in value:
        value = _encoded_words(value)
    return " ".join(_SURROGATES.sub("\ufffd", value).split())


def _encoded_words(value: str) -> str:
    try:
        parts = decode_header(value)
    except Exception:  # the library raises whatever it stumbles over in a broken header
        return value
    return "".join(part if isinstance(part, str) else decoded(part, charset or "ascii") for part, charset in parts)


def decoded(data: bytes, charset: str) -> str:
    """The text of `data` in `charset`; in UTF-8 or Western European when that is unknown or wrong."""
    name = charset.strip().lower().replace("-", "_")
    for encoding in (charset, "utf-8"):
        if encoding == charset and name in _NOT_FOR_TEXT:
            continue
        try:
            return data.decode(encoding)
        except (LookupError, ValueError):
            continue
    return data.decode("cp1252", "replace")
