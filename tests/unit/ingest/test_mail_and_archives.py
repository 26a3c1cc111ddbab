"""Messages and archives give their text and their files, and nothing that reaches outside or beyond the limits."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import mailbox
import stat
import struct
import tarfile
import time
import tracemalloc
import zipfile
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import bombs
import pytest
from compound import attachment, compound, outlook_tree

from citewell.core.errors import (
    FileBroken,
    FileEncrypted,
    FileRejected,
    FileTooLarge,
    FileUnsafe,
    FileUnsupported,
    FileWithoutText,
)
from citewell.ingest.normalise import compose_document
from citewell.ingest.parsed import Parsed, Reading
from citewell.ingest.parsers import parse
from citewell.ingest.parsers.archives.names import numbered, safe_name, safe_path
from citewell.ingest.parsers.mail import compressed_rtf

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


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.zip", zipped),
        ("a.tar", tarred),
        ("a.tar.gz", lambda entries: tarred(entries, "w:gz")),
        ("a.tbz2", lambda entries: tarred(entries, "w:bz2")),
        ("a.tar.xz", lambda entries: tarred(entries, "w:xz")),
    ],
)
def test_an_archive_gives_its_files_by_their_paths(name: str, pack) -> None:
    entries = {
        "manuals/pump.txt": b"The pump.\n" * 2000,
        "./notes/cafe\u0301.txt": b"Note.\n",
        ".hidden/x.txt": b"x",
        "a/.DS_Store": b"x",
        "__MACOSX/pump.txt": b"x",
        "Thumbs.db": b"x",
    }
    parsed = read(pack(entries), name)
    assert parsed.container
    assert files(parsed) == {"manuals/pump.txt": b"The pump.\n" * 2000, "notes/café.txt": b"Note.\n"}


@pytest.mark.parametrize(
    ("name", "packed", "inner"),
    [
        ("data.csv.gz", gzip.compress(b"a,b\n1,2\n"), "data.csv"),
        ("data.csv.bz2", bz2.compress(b"a,b\n1,2\n"), "data.csv"),
        ("folder/data.csv.xz", lzma.compress(b"a,b\n1,") + lzma.compress(b"2\n"), "data.csv"),
        ("noending", gzip.compress(b"a,b\n") + gzip.compress(b"1,2\n"), "noending"),
    ],
)
def test_a_file_packed_alone_is_one_member(name: str, packed: bytes, inner: str) -> None:
    assert files(read(packed, name)) == {inner: b"a,b\n1,2\n"}


def test_members_are_made_one_by_one() -> None:
    data = zipped({f"{n}.txt": bytes(1_000_000) + bytes([n]) for n in range(15)})
    parsed = parse(data, replace(READING, max_ratio=100_000))
    tracemalloc.start()
    assert sum(len(member.data) for member in parsed.members) == 15 * 1_000_001
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000


def test_names_that_come_twice_are_numbered() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/b.txt", "0")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a/b.txt", "1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a/b.txt", "2")
    assert files(read(stream.getvalue(), "a.zip")) == {"a/b.txt": b"0", "a/b (2).txt": b"1", "a/b (3).txt": b"2"}


def test_names_in_utf_8_without_its_mark_are_read_as_utf_8() -> None:
    data = zipped({"prufung.txt": b"x"}).replace(b"prufung.txt", "prüfun.txt".encode())
    assert list(files(read(data, "a.zip"))) == ["prüfun.txt"]


@pytest.mark.parametrize(
    "path",
    ["../x.txt", "a/../../x.txt", "/etc/passwd", "\\\\server\\x.txt", "C:\\x.txt", "c:x.txt", "a\\..\\..\\x.txt", ".. /x.txt"],
)  # fmt: skip
@pytest.mark.parametrize("make", [bombs.zip_path_traversal, bombs.tar_path_traversal])
def test_a_path_out_of_the_archive_gives_no_member_at_all(path: str, make) -> None:
    with pytest.raises(FileUnsafe, match="leads out"):
        read(make(path), "a")


def test_links_and_devices_are_passed_over_with_a_warning() -> None:
    parsed = read(bombs.tar_with_links(), "a.tar")
    assert files(parsed) == {"good.txt": b"Good.\n"}
    assert [warning.split()[0] for warning in parsed.warnings] == ["symlink.txt", "hardlink.txt", "device"]
    link = zipfile.ZipInfo("link.txt")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good.txt", "Good.")
    parsed = read(stream.getvalue(), "a.zip")
    assert files(parsed) == {"good.txt": b"Good."}
    assert parsed.warnings == ("link.txt is a link and was passed over",)


def test_a_password_is_named_as_the_cause() -> None:
    with pytest.raises(FileEncrypted):
        read(bombs.zip_encrypted(), "a.zip")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (bombs.zip_of_zeros, FileTooLarge),
        (bombs.gzip_bomb, FileTooLarge),
        (lambda: gzip.compress(bombs.zip_of_zeros(2 * bombs.GIB)), FileTooLarge),
        (lambda: tarred({"a.txt": bytes(19_000_000)}, "w:gz"), FileTooLarge),
        (lambda: tarred({"a.txt": bytes(19_000_000)}, "w:xz"), FileTooLarge),
        (lambda: bz2.compress(bytes(30_000_000)), FileTooLarge),
        (bombs.zip_with_lying_sizes, FileBroken),
        (bombs.zip_overlapping, FileUnsafe),
        (bombs.zip_of_one_entry_many_times, FileUnsafe),
        (bombs.tar_with_huge_size, FileTooLarge),
    ],
)
def test_bombs_are_refused_quickly_and_in_little_memory(make, error: type[FileRejected]) -> None:
    data = make()
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(error):
        unpack(data, depth=2)
    assert time.perf_counter() - began < 10
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * READING.max_unpacked_bytes + 2 * len(data)


def test_an_archive_that_grows_too_far_for_its_size_is_refused_and_a_small_one_is_not() -> None:
    assert len(files(read(zipped({"a.txt": bytes(1_000_000)}), "a.zip"))) == 1
    with pytest.raises(FileTooLarge, match="200 times"):
        read(zipped({"a.txt": bytes(2_000_000)}), "a.zip")


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_too_many_entries_are_refused_before_the_first_is_given(pack) -> None:
    data = pack({f"{n}.txt": b"x" for n in range(11)})
    with pytest.raises(FileTooLarge, match="more than 10 files"):
        parse(data, replace(READING, max_members=10))


def test_an_archive_in_an_archive_is_a_member_not_opened_here() -> None:
    assert list(files(read(bombs.nested_zip(50), "a.zip"))) == ["level-49.zip"]


def test_a_damaged_entry_loses_no_good_one() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("one.txt", "two.txt", "three.txt"):
            archive.writestr(name, f"The text of {name}.")
    data = stream.getvalue().replace(b"The text of two.txt.", b"The test of two.txt.")
    members = iter(read(data, "a.zip").members)
    assert [next(members).name, next(members).name] == ["one.txt", "three.txt"]
    with pytest.raises(FileBroken, match=r"1 of its 3 files are damaged: two\.txt"):
        next(members)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_cut_off_tar_is_named_damaged(mode: str) -> None:
    data = tarred({"a.txt": bytes(range(256)) * 400}, mode)
    with pytest.raises(FileBroken):
        list(read(data[: len(data) // 2], "a").members)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_cut_off_packed_file_is_named_damaged(pack) -> None:
    packed = pack(b"".join(b"%d and more\n" % n for n in range(10_000)))
    with pytest.raises(FileBroken):
        list(read(packed[: len(packed) // 2], "a.txt.gz").members)


def test_an_archive_without_files_or_with_none_that_can_be_read_says_so() -> None:
    with pytest.raises(FileWithoutText):
        read(zipped({"folder/": b""}), "a.zip")
    with pytest.raises(FileWithoutText):
        read(tarred({".hidden": b"x"}), "a.tar")
    entry = bombs._Entry(b"a.txt", b"abc", 0, 3, method=9)
    with pytest.raises(FileUnsupported):
        read(bombs._one_after_another([entry]), "a.zip")


def test_an_extension_header_that_is_too_long_is_refused() -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 100_000
    with pytest.raises(FileTooLarge):
        read(header.tobuf(tarfile.USTAR_FORMAT) + b"1" * 100_352, "a.tar")


def test_every_second_byte_changed_gives_an_answer_or_a_named_cause() -> None:
    good = [
        zipped({"a.txt": b"The text."}),
        tarred({"a.txt": b"The text."}, "w:gz"),
        letter().as_bytes(),
    ]
    for data in good:
        for at in range(0, len(data), 2):
            broken = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
            try:
                list(read(broken, "a").members)
            except FileRejected as error:
                assert error.message  # noqa: PT017 - any cause will do


# Names


def test_names_are_made_safe() -> None:
    assert safe_name("a/b\\c\x00\x1f.txt") == "c.txt"
    assert safe_name("..") == safe_name("") == safe_name("///") == "attachment"
    assert len(safe_name("x" * 5000 + ".pdf")) == 200
    assert safe_name("x" * 5000 + ".pdf").endswith(".pdf")
    assert safe_path("a\\b/./c.txt") == "a/b/c.txt"


def test_numbers_of_names_meet_no_name_that_is_there() -> None:
    once = numbered()
    assert [once(name) for name in ("a.txt", "a (2).txt", "a.txt", "a.txt", "a (2).txt")] == [
        "a.txt", "a (2).txt", "a (3).txt", "a (4).txt", "a (2) (2).txt",
    ]  # fmt: skip


def test_a_message_becomes_a_document() -> None:
    document = compose_document(read(letter().as_bytes(), "a.eml"), source="s", path="a.eml")
    assert document.blocks[-1].heading_path == ("Valves",)
    assert document.title == "Valves"
