"""MSG through python-oxmsg: headers, text, attachments as members; a message within the message becomes an EML member.

The text is the plain one, else HTML, else RTF.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email import policy
from email.message import EmailMessage
from email.parser import HeaderParser
from typing import Any

import olefile
from oxmsg.domain import constants as tags
from oxmsg.properties import Properties
from oxmsg.storage import Storage

from citewell.core.errors import FileRejected, FileTooLarge, FileUnsafe
from citewell.ingest.parsed import Member, Parsed, RawBlock, Reading
from citewell.ingest.parsers.archives.names import numbered, safe_name
from citewell.ingest.parsers.mail.compressed_rtf import unpacked_rtf
from citewell.ingest.parsers.mail.letters import SHOWN, Letter, compose, decoded, decoded_header

TOP_OFFSET, EMBEDDED_OFFSET, ATTACHMENT_OFFSET, RECIPIENT_OFFSET = 32, 24, 8, 8  # of properties: MS-OXMSG 2.4.1
EMBEDDED = "__substg1.0_3701000D"  # MS-OXMSG 2.2.2.1: where a message within the message lies
SHORT_FILE_NAME, CONTENT_ID, HIDDEN, RTF, DISPLAY_NAME, ADDRESS, SMTP, KIND = (
    0x3704, 0x3712, 0x7FFE, 0x1009, 0x3001, 0x3003, 0x39FE, 0x0C15,
)  # fmt: skip
RECEIVERS = {1: "To", 2: "Cc"}
MAX_DEPTH = 10  # of messages in one another
MAX_SUBJECT_CHARS = 80


def parse(data: bytes, reading: Reading) -> Parsed:
    """A message with its attachments as members."""
    with olefile.OleFileIO(io.BytesIO(data)) as compound:
        _check_sizes(compound, len(data))
        storage = Storage.from_ole(compound)
    letter, rtf = _letter(storage, TOP_OFFSET, reading, depth=0)
    parsed = compose(letter, "application/vnd.ms-outlook", reading)
    if not letter.text.strip() and not letter.html.strip() and rtf:
        parsed.blocks.extend(_rtf_blocks(rtf, letter, reading))
    return replace(parsed, warnings=tuple(letter.warnings))


def _check_sizes(compound: Any, size: int) -> None:
    """Raises FileUnsafe when streams hold more together than the file: they share data then."""
    streams = (entry for entry in compound.direntries if entry is not None and entry.entry_type == olefile.STGTY_STREAM)
    if sum(entry.size for entry in streams) > size:
        raise FileUnsafe("its streams lie over one another, as in a file made to overflow whoever opens it")


@dataclass(frozen=True, slots=True)
class _Fields:
    """The properties of a message, a receiver or an attachment; what cannot be read is not there."""

    properties: Properties

    def text(self, *pids: int) -> str:
        """The first of these that holds text."""
        values = (self._value(lambda pid=pid: self.properties.str_prop_value(pid)) for pid in pids)  # type: ignore[misc]
        return next((str(value).rstrip("\x00").strip() for value in values if value), "")

    def data(self, pid: int) -> bytes:
        value = self._value(lambda: self.properties.binary_prop_value(pid))
        return value if isinstance(value, bytes) else b""

    def number(self, pid: int) -> int:
        value = self._value(lambda: self.properties.int_prop_value(pid))
        return value if isinstance(value, int) else 0

    def date(self, pid: int) -> Any:
        return self._value(lambda: self.properties.date_prop_value(pid))

    def encoding(self) -> str:
        return str(self._value(lambda: self.properties.body_encoding) or "utf-8")

    @staticmethod
    def _value(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except Exception:  # the library raises whatever it stumbles over in a broken property
            return None


def _letter(storage: Storage, offset: int, reading: Reading, depth: int) -> tuple[Letter, bytes]:
    """The message of a storage, and its text as RTF."""
    fields = _Fields(Properties(storage, properties_header_offset=offset))
    page = fields.data(tags.PID_HTML)
    html = decoded(page, fields.encoding()) if page else fields.text(tags.PID_BODY_HTML)
    attached = list(storage.iter_attachment_storages())
    if len(attached) > reading.max_members:
        raise FileTooLarge(f"it holds more than {reading.max_members} attachments")
    letter = Letter(
        _headers(storage, fields),
        fields.text(tags.PID_BODY),
        html,
        _members(attached, reading, depth, inline=bool(html)),
    )
    return letter, fields.data(RTF)


def _headers(storage: Storage, fields: _Fields) -> dict[str, str]:
    """Headers as they were sent, and what is missing in them from the properties."""
    sent = HeaderParser(policy=policy.compat32).parsestr(fields.text(tags.PID_TRANSPORT_MESSAGE_HEADERS))
    headers = {
        name: ", ".join(decoded_header(str(value)) for value in sent.get_all(name, ())) for name in (*SHOWN, "Message-ID")
    }  # fmt: skip
    receivers: dict[str, list[str]] = {"To": [], "Cc": []}
    for receiver in storage.iter_recipient_storages():
        about = _Fields(Properties(receiver, properties_header_offset=RECIPIENT_OFFSET))
        if about.number(KIND) in RECEIVERS:
            receivers[RECEIVERS[about.number(KIND)]].append(
                _address(about.text(DISPLAY_NAME), about.text(SMTP, ADDRESS))
            )
    sender = _address(
        fields.text(tags.PID_SENDER_NAME, tags.PID_SENT_REPRESENTING_NAME),
        fields.text(tags.PID_SENDER_SMTP_ADDRESS, tags.PID_SENDER_EMAIL_ADDRESS),
    )
    date = fields.date(tags.PID_CLIENT_SUBMIT_TIME)
    otherwise = {
        "From": sender,
        "To": ", ".join(receivers["To"]),
        "Cc": ", ".join(receivers["Cc"]),
        "Date": date.strftime("%a, %d %b %Y %H:%M:%S +0000") if date else "",
    }
    told = {name: value or otherwise.get(name, "") for name, value in headers.items()}
    return {**told, "Subject": fields.text(tags.PID_SUBJECT) or told["Subject"]}


def _address(name: str, address: str) -> str:
    """A name with its address; an address within an Exchange server tells a reader nothing."""
    plain = address if "@" in address else ""
    if not name or name.strip("'\"").lower() == plain.lower():
        return plain or name
    return f"{name} <{plain}>" if plain else name


# Attachments


def _members(attached: list[Storage], reading: Reading, depth: int, *, inline: bool) -> Iterator[Member]:
    """The attachments; pictures that an HTML text shows in itself are left out."""
    name_once = numbered()
    for storage in attached:
        fields = _Fields(Properties(storage, properties_header_offset=ATTACHMENT_OFFSET))
        name = fields.text(tags.PID_ATTACH_LONG_FILENAME, SHORT_FILE_NAME, DISPLAY_NAME)
        embedded = next((inner for inner in storage.storages if inner.name.upper() == EMBEDDED.upper()), None)
        kind = fields.text(tags.PID_ATTACH_MIME_TAG)
        if embedded is not None:
            yield from _embedded(embedded, name, reading, depth, name_once)
        elif fields.number(HIDDEN) or (inline and kind.startswith("image/") and fields.text(CONTENT_ID)):
            continue
        elif content := fields.data(tags.PID_ATTACH_DATA_BINARY):
            yield Member(name_once(safe_name(name)), content)


def _embedded(
    storage: Storage, name: str, reading: Reading, depth: int, name_once: Callable[[str], str]
) -> Iterator[Member]:
    """A message within the message, as an EML file; none deeper than the bound."""
    if depth >= MAX_DEPTH:
        return
    letter, rtf = _letter(storage, EMBEDDED_OFFSET, reading, depth + 1)
    message = EmailMessage(policy=policy.SMTP)
    for key, value in letter.headers.items():
        try:
            message[key] = value
        except Exception:  # the library raises whatever it stumbles over in a broken header
            message[f"X-{key}"] = "".join(char if " " <= char <= "~" else "?" for char in value)
    text = letter.text or (_plain(rtf, letter, reading) if not letter.html else "")
    message.set_content(text.encode("utf-8", "replace").decode())
    if letter.html and not letter.text.strip():
        message.set_content(letter.html.encode("utf-8", "replace").decode(), subtype="html")
    for member in letter.members:
        message.add_attachment(member.data, maintype="application", subtype="octet-stream", filename=member.name)
    subject = letter.headers.get("Subject", "") or name
    short = safe_name(subject[:MAX_SUBJECT_CHARS].replace("/", "-").replace("\\", "-"), "message")
    yield Member(name_once(f"{short.removesuffix('.msg').removesuffix('.eml')}.eml"), message.as_bytes())


def _plain(rtf: bytes, letter: Letter, reading: Reading) -> str:
    return "\n\n".join(block.whole for block in _rtf_blocks(rtf, letter, reading))


def _rtf_blocks(packed: bytes, letter: Letter, reading: Reading) -> list[RawBlock]:
    from citewell.ingest.parsers.office import rtf

    try:
        return rtf.parse(unpacked_rtf(packed, reading.max_unpacked_bytes), replace(reading, name=".rtf")).blocks
    except FileRejected as error:
        letter.warnings.append(f"the text of the message cannot be read: {error.message}")
        return []
