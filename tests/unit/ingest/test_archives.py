"""An archive is a folder; one that attacks gives no file and a reason."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import time
import tracemalloc
import zipfile
from dataclasses import replace

import bombs
import pytest
from made_archives import READING, files, letter, read, tarred, unpack, zipped

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
from citewell.ingest.parsers import parse
from citewell.ingest.parsers.archives.names import numbered, safe_name, safe_path


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
