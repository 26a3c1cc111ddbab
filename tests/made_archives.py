"""Messages and archives for tests, and what is read of them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from dataclasses import replace
from email.message import EmailMessage

from citewell.ingest.parsed import Parsed, Reading
from citewell.ingest.parsers import parse

READING = Reading(name="file", max_unpacked_bytes=20_000_000)


def read(data: bytes, name: str) -> Parsed:
    return parse(data, replace(READING, name=name))


def files(parsed: Parsed) -> dict[str, bytes]:
    return {member.name: member.data for member in parsed.members}


def told(parsed: Parsed) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parsed.blocks]


def letter(subject: str = "Valves", body: str = "The valve is closed.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Jörg Vent <joerg@example.org>"
    message["To"] = "ann@example.org, Bo <bo@example.org>"
    message["Date"] = "Tue, 05 Mar 2024 10:00:00 +0100"
    message["Subject"] = subject
    message.set_content(body)
    return message


def zipped(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(entries: dict[str, bytes], mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def unpack(data: bytes, depth: int) -> None:
    """Reads the members of an archive, and those of archives in it."""
    for member in read(data, "a").members:
        assert len(member.data) <= READING.max_unpacked_bytes
        if depth > 1:
            unpack(member.data, depth - 1)


# Messages
