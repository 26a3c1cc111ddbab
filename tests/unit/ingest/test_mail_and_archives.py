"""Messages and archives give their text and their files, and nothing that reaches outside or beyond the limits."""

from __future__ import annotations

import mailbox
import struct
import time
from dataclasses import replace
from pathlib import Path

import bombs
import pytest
from compound import attachment, compound, outlook_tree
from made_archives import READING, files, letter, read, told

from citewell.core.errors import (
    FileBroken,
    FileTooLarge,
    FileUnsafe,
)
from citewell.ingest.parsers import parse
from citewell.ingest.parsers.mail import compressed_rtf


def test_a_message_shows_its_subject_its_headers_and_its_text() -> None:
    parsed = read(letter().as_bytes(), "a.eml")
    assert told(parsed) == [
        ("heading", "Valves"),
        ("paragraph", "From: Jörg Vent <joerg@example.org>"),
        ("paragraph", "To: ann@example.org, Bo <bo@example.org>"),
        ("paragraph", "Date: Tue, 05 Mar 2024 10:00:00 +0100"),
        ("paragraph", "Subject: Valves"),
        ("paragraph", "The valve is closed."),
    ]
    assert [block.place for block in parsed.blocks] == ["headers"] * 5 + ["line 1"]
    assert parsed.title == "Valves"
    assert parsed.metadata["date"] == "2024-03-05T10:00:00+01:00"
    assert parsed.metadata["author"] == "Jörg Vent <joerg@example.org>"
    assert not parsed.container


def test_plain_text_is_taken_before_html_and_nothing_comes_twice() -> None:
    message = letter()
    message.add_alternative("<p>The valve is closed, in HTML.</p>", subtype="html")
    text = " ".join(text for _, text in told(read(message.as_bytes(), "a.eml")))
    assert "The valve is closed." in text
    assert "in HTML" not in text


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_html_is_read_where_there_is_no_plain_text(charset: str) -> None:
    message = letter()
    page = f'<html><head><meta charset="{charset}"></head><body><h1>Prüfung</h1><p>Das Ventil schließt spät.</p></body></html>'
    message.set_content(page, subtype="html", charset=charset)
    parsed = read(message.as_bytes(), "a.eml")
    assert any("Das Ventil schließt spät." in block.whole for block in parsed.blocks)
    assert [b.level for b in parsed.blocks if b.kind == "heading" and b.whole == "Prüfung"] in ([2], [])


def test_quoted_replies_stay_and_their_lines_are_paragraphs_of_their_own() -> None:
    parsed = read(letter(body="Yes.\n\n> Is it closed?\n> Tell me.\n>> When?\n\n- one\n- two\n").as_bytes(), "a.eml")
    assert told(parsed)[5:] == [
        ("paragraph", "Yes."),
        ("paragraph", "> Is it closed? Tell me."),
        ("paragraph", ">> When?"),
        ("list_item", "- one"),
        ("list_item", "- two"),
    ]
    assert parsed.blocks[6].place == "lines 3-4"


def test_attachments_are_members_with_safe_names_and_inline_pictures_are_left_out() -> None:
    message = letter()
    message.add_alternative('<p>See <img src="cid:x"></p>', subtype="html")
    page = message.get_payload()[1]  # type: ignore[index]
    page.add_related(b"pixels", "image", "png", cid="<x>")  # type: ignore[union-attr]
    for name in ("../../etc/passwd", "C:\\temp\\report.txt", "report.txt", "a\u202egpj.exe"):
        message.add_attachment(name.encode(), maintype="application", subtype="octet-stream", filename=name)
    assert list(files(read(message.as_bytes(), "a.eml"))) == ["passwd", "report.txt", "report (2).txt", "agpj.exe"]


def test_an_attached_message_is_a_message_of_its_own() -> None:
    message = letter("Outer")
    inner = letter("About / valves", "The inner text.\n")
    inner.add_attachment("A note.\n", filename="note.txt")
    message.add_attachment(inner)
    members = files(read(message.as_bytes(), "a.eml"))
    assert list(members) == ["About - valves.eml"]
    again = read(members["About - valves.eml"], "About - valves.eml")
    assert again.title == "About / valves"
    assert files(again) == {"note.txt": b"A note.\n"}


def test_messages_in_one_another_are_read_to_a_bounded_depth() -> None:
    parsed = read(bombs.mail_nested(200), "a.eml")
    assert parsed.title == "level 200"
    assert "not read" in parsed.warnings[0]
    assert list(files(parsed)) == ["level 199.eml"]


def test_multiparts_in_one_another_without_end_are_rejected() -> None:
    head = b"From: a@example.org\nSubject: deep\nMIME-Version: 1.0\n"
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (level, level) for level in range(5000)
    )
    with pytest.raises(FileBroken, match="nested too deeply"):
        read(head + parts + b"\nText.\n", "a.eml")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain; charset=no-such-charset",
        "text/plain; charset=punycode",
        "text/plain; charset=idna",
        "text/plain; charset*=''%",
        "text/plain",
        "text/",
    ],
)
def test_broken_charsets_never_fail(content_type: str) -> None:
    data = (
        b"From: a@example.org\nSubject: =?no-such?Q?caf=E9?= =?utf-8?B?4pyTIQ==?=\nContent-Type: "
        + content_type.encode()
    )
    parsed = read(data + b"\nContent-Transfer-Encoding: 8bit\n\nThe caf\xe9 is open today.\n", "a.eml")
    assert any("is open today." in block.text for block in parsed.blocks)
    assert parsed.title == "café✓!"


@pytest.mark.parametrize(
    "headers",
    [
        b"From: (((((((((((((((((((((((" * 200,
        b"From: " + b"=?" * 5000,
        b"To: " + b"a@b.c, " * 5000,
        b"Date: Xday, 99 Foo 99999 99:99:99 +9999",
        b"Date: 1",
        b'Content-Disposition: attachment; filename*0*=";;; filename*',
        b"Content-Type: multipart/mixed",
        b"Content-Type: message/rfc822",
        b"Subject: \xff\xfe\x00",
        b"Content-Transfer-Encoding: base64",
    ],
)
def test_broken_headers_never_fail_nor_take_long(headers: bytes) -> None:
    began = time.perf_counter()
    parsed = read(b"From: x@example.org\nSubject: Valve\n" + headers + b"\n\nThe valve.\n", "a.eml")
    assert parsed.title.startswith("Valve")
    list(parsed.members)
    assert time.perf_counter() - began < 5


def test_a_long_list_of_receivers_is_cut() -> None:
    message = b"From: a@example.org\nSubject: s\nTo: " + b"someone@example.org, " * 100_000 + b"\n\nText.\n"
    assert max(len(block.text) for block in read(message, "a.eml").blocks) < 11_000


def test_a_mailbox_gives_its_messages_one_by_one(tmp_path: Path) -> None:
    store = mailbox.mbox(tmp_path / "box")
    store.add(letter("First: one/two", "From here on it is text.\n\nFrom now on\nNote: it is text too.\n"))
    store.add(letter("Second", "Short.\n"))
    store.close()
    parsed = read((tmp_path / "box").read_bytes(), "all.mbox")
    assert parsed.container
    assert parsed.blocks == []
    members = files(parsed)
    assert list(members) == ["0001 First: one-two.eml", "0002 Second.eml"]
    assert b"\nFrom now on\nNote:" in members["0001 First: one-two.eml"]
    assert read(members["0002 Second.eml"], "0002 Second.eml").title == "Second"


def test_a_mailbox_of_too_many_messages_is_refused() -> None:
    data = b"From a Tue Mar  5 10:00:00 2024\nSubject: s\nFrom: a@example.org\n\nText.\n\n" * 30
    assert len(list(read(data, "all.mbox").members)) == 30
    with pytest.raises(FileTooLarge, match="29 messages"):
        parse(data, replace(READING, name="all.mbox", max_members=29))


# Outlook


def test_the_dictionary_of_packed_rtf_has_the_length_that_the_format_says() -> None:
    assert len(compressed_rtf.DICTIONARY) == 207


def test_packed_rtf_is_unpacked_as_the_format_shows() -> None:
    # The examples of MS-OXRTFCP 3.1.1 and 3.1.2.
    simple = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert compressed_rtf.unpacked_rtf(simple, 1000) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    crossing = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert compressed_rtf.unpacked_rtf(crossing, 1000) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"


def test_packed_rtf_that_grows_too_far_is_refused() -> None:
    copies = b"\xfe" + b"a" + b"\x0c\xff" * 7 + (b"\xff" + b"\x0c\xff" * 8) * 1000
    with pytest.raises(FileTooLarge):
        compressed_rtf.unpacked_rtf(struct.pack("<II4sI", 0, 0, b"LZFu", 0) + copies, 10_000)


SUBJECT, BODY, HTML, RTF, SENDER, SENDER_ADDRESS = 0x0037, 0x1000, 0x1013, 0x1009, 0x0C1A, 0x5D01
FILE_NAME, FILE_DATA, MIME, CONTENT_ID = 0x3707, 0x3701, 0x370E, 0x3712


def test_an_outlook_message_has_the_shape_of_any_message() -> None:
    inner = outlook_tree({SUBJECT: "Inner/subject", BODY: "The inner text.\r\n"}, [
        attachment({FILE_NAME: "deep.txt", FILE_DATA: b"Deep."}),
    ], embedded=True)  # fmt: skip
    data = compound(outlook_tree({SUBJECT: "Valves", BODY: "The valve is closed.\r\n\r\nAnn", SENDER: "Ann", SENDER_ADDRESS: "ann@example.org"}, [
        attachment({FILE_NAME: "..\\..\\note.txt", FILE_DATA: b"Note." * 2000}),
        attachment({FILE_NAME: "note.txt", FILE_DATA: b"Second."}),
        attachment({0x3001: "Inner"}, inner),
    ]))  # fmt: skip
    parsed = read(data, "a.msg")
    assert told(parsed) == [
        ("heading", "Valves"),
        ("paragraph", "From: Ann <ann@example.org>"),
        ("paragraph", "Subject: Valves"),
        ("paragraph", "The valve is closed."),
        ("paragraph", "Ann"),
    ]
    members = files(parsed)
    assert list(members) == ["note.txt", "note (2).txt", "Inner-subject.eml"]
    assert members["note.txt"] == b"Note." * 2000
    again = read(members["Inner-subject.eml"], "inner.eml")
    assert again.title == "Inner/subject"
    assert again.blocks[-1].text == "The inner text."
    assert files(again) == {"deep.txt": b"Deep."}


def test_an_outlook_message_without_plain_text_gives_its_html_without_the_pictures_in_it() -> None:
    page = "<html><body><p>Das Ventil schließt.</p><img src='cid:1'></body></html>".encode()
    picture = attachment({FILE_NAME: "logo.png", FILE_DATA: b"pixels", MIME: "image/png", CONTENT_ID: "1"})
    parsed = read(compound(outlook_tree({SUBJECT: "S", HTML: page, 0x3FDE: 65001}, [picture])), "a.msg")
    assert parsed.blocks[-1].whole == "Das Ventil schließt."
    assert files(parsed) == {}


def test_an_outlook_message_of_rtf_alone_gives_its_text() -> None:
    packed = struct.pack("<II4sI", 0, 0, b"MELA", 0) + rb"{\rtf1\ansi The valve is closed.\par}"
    parsed = read(compound(outlook_tree({SUBJECT: "S", RTF: packed}, [])), "a.msg")
    assert parsed.blocks[-1].whole.strip() == "The valve is closed."


def test_an_outlook_message_whose_streams_share_their_data_is_refused() -> None:
    data = compound(outlook_tree({SUBJECT: "S", BODY: "B"}, [attachment({FILE_DATA: bytes(50_000)})]))
    # The size of the attachment's stream, in its directory entry.
    broken = data.replace(struct.pack("<Q", 50_000), struct.pack("<Q", 5_000_000))
    assert broken != data
    with pytest.raises(FileUnsafe, match="over one another"):
        read(broken, "a.msg")


# Archives
