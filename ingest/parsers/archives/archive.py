"""Archives: ZIP, TAR, and what gzip, bzip2 or xz packed. Nothing is unpacked to disk, and nothing beyond the limits.

The listing is checked before the first member is given. What a listing declares is believed only when it is too much;
what really comes out is counted while it comes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol, Self

from citewell.core.errors import (
    FileBroken,
    FileEncrypted,
    FileTooLarge,
    FileUnsafe,
    FileUnsupported,
    FileWithoutText,
)
from citewell.ingest.parsed import Member, Parsed, Reading
from citewell.ingest.parsers.archives.names import numbered, safe_name, safe_path

PIECE_BYTES = 1 << 20
FREE_BYTES = 1 << 20  # up to which an archive may unpack to any multiple of its size
LOCAL_HEADER_BYTES = 30  # of a ZIP entry, before its name and its data (APPNOTE 4.3.7)
ENCRYPTED_FLAG = 0x1  # APPNOTE 4.4.4, bit 0
UTF8_FLAG = 0x800  # the same, bit 11
MAX_EXTENSION_BYTES = 32_768  # of a TAR header: long names, attributes
_EXTENSIONS = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})  # fmt: skip
MAX_NAMED = 5  # names of damaged entries in one message
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_FURNITURE = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
_PACKED = {b"\x1f\x8b": "application/gzip", b"BZ": "application/x-bzip2", b"\xfd7": "application/x-xz"}
_PACKED_ENDINGS = {".gz": "", ".bz2": "", ".xz": "", ".lzma": "", ".tgz": ".tar", ".tbz2": ".tar", ".txz": ".tar"}
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


@contextmanager
def _damage_named() -> Iterator[None]:
    """Turns the libraries' errors for damaged data into FileBroken."""
    try:
        yield
    except (*_DAMAGE, RecursionError, NotImplementedError) as error:
        raise FileBroken(f"its archive is damaged or cut off: {error}") from None


class _Source(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(slots=True)
class _Budget:
    """Counts what comes out of an archive; raises FileTooLarge when it is more than `reading` allows."""

    reading: Reading
    packed: int
    unpacked: int = 0

    def spend(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > self.reading.max_unpacked_bytes:
            raise FileTooLarge(f"it unpacks to more than {self.reading.max_unpacked_bytes} bytes")
        if self.unpacked > FREE_BYTES and self.unpacked > self.reading.max_ratio * self.packed:
            raise FileTooLarge(f"it unpacks to more than {self.reading.max_ratio} times its size")

    def count(self, entries: int) -> None:
        if entries > self.reading.max_members:
            raise FileTooLarge(f"it holds more than {self.reading.max_members} files")


def parse(data: bytes, reading: Reading) -> Parsed:
    """The files of an archive as members. Raises FileBroken, FileEncrypted, FileTooLarge, FileUnsafe or FileWithoutText."""
    if data.startswith(b"PK"):
        return _zip(data, reading)
    media_type = _PACKED.get(data[:2], "")
    if not media_type:
        return _tar(data, reading, packed=False, media_type="application/x-tar")
    with _damage_named():
        head = _open(data).read(tarfile.BLOCKSIZE)
    if _is_tar(head):
        return _tar(data, reading, packed=True, media_type=media_type)
    return Parsed([], media_type, members=_one_file(data, reading), container=True)


# ZIP


def _zip(data: bytes, reading: Reading) -> Parsed:
    with _damage_named():
        archive = zipfile.ZipFile(io.BytesIO(data))
    entries = archive.infolist()
    _check_listing(entries, _Budget(reading, len(data)), archive.start_dir)
    name_once = numbered()
    chosen: list[tuple[str, zipfile.ZipInfo]] = []
    warnings: list[str] = []
    for entry in entries:
        stored = _zip_name(entry)
        path = safe_path(stored)
        if stored.endswith(("/", "\\")) or _is_furniture(path):
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            warnings.append(f"{path} is a link and was passed over")
        elif entry.compress_type not in _METHODS:
            warnings.append(f"{path} is packed in a way that cannot be read")
        else:
            chosen.append((name_once(path), entry))
    if not chosen and warnings:
        raise FileUnsupported(f"none of its files can be read: {warnings[0]}")
    if not chosen:
        raise FileWithoutText("the archive holds no files")
    members = _zip_members(archive, chosen, data, reading)
    return Parsed([], "application/zip", members=members, container=True, warnings=tuple(warnings))


def _check_listing(entries: list[zipfile.ZipInfo], budget: _Budget, directory_start: int) -> None:
    """Raises for what a listing gives away: passwords, too many entries, too much data, entries that share data."""
    budget.count(len(entries))
    if any(entry.flag_bits & ENCRYPTED_FLAG for entry in entries):
        raise FileEncrypted("the archive is protected by a password")
    free = 0  # where the data of the entry before ends
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < free:
            raise FileUnsafe("its entries lie over one another, as in an archive made to overflow whoever opens it")
        free = entry.header_offset + LOCAL_HEADER_BYTES + entry.compress_size
    if free > directory_start:
        raise FileBroken("it is damaged or cut off: an entry reaches beyond the end of the archive")
    budget.spend(sum(entry.file_size for entry in entries))


def _zip_members(
    archive: zipfile.ZipFile, chosen: list[tuple[str, zipfile.ZipInfo]], data: bytes, reading: Reading
) -> Iterator[Member]:
    """The members that can be read; at the end FileBroken when others are damaged, so that one bad entry loses no good one."""
    budget = _Budget(reading, len(data))
    damaged: list[str] = []
    for name, entry in chosen:
        try:
            with archive.open(entry) as source:
                content = _read(source, budget)
        except (*_DAMAGE, NotImplementedError, RuntimeError):
            damaged.append(name)
            continue
        _refuse_itself(content, data)
        yield Member(name, content)
    if damaged:
        raise FileBroken(f"{len(damaged)} of its {len(chosen)} files are damaged: {', '.join(damaged[:MAX_NAMED])}")


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """Names without the mark of UTF-8 are often UTF-8 all the same; the library took them for code page 437."""
    if entry.flag_bits & UTF8_FLAG:
        return entry.orig_filename
    try:
        return entry.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.orig_filename


# TAR


def _tar(data: bytes, reading: Reading, *, packed: bool, media_type: str) -> Parsed:
    warnings: list[str] = []
    files = sum(1 for _ in _tar_files(data, reading, packed=packed, warnings=warnings))
    if not files and warnings:
        raise FileUnsupported(f"none of its files can be read: {warnings[0]}")
    if not files:
        raise FileWithoutText("the archive holds no files")
    members = _tar_members(data, reading, packed=packed)
    return Parsed([], media_type, members=members, container=True, warnings=tuple(warnings))


def _tar_members(data: bytes, reading: Reading, *, packed: bool) -> Iterator[Member]:
    """Read a second time from the start: what was packed is never whole in memory."""
    name_once = numbered()
    for path, source in _tar_files(data, reading, packed=packed, warnings=[]):
        with _damage_named():
            content = source.read()  # what comes out is counted below it
        _refuse_itself(content, data)
        yield Member(name_once(path), content)


def _tar_files(data: bytes, reading: Reading, *, packed: bool, warnings: list[str]) -> Iterator[tuple[str, _Source]]:
    """Each regular file with its path, to be read before the next is asked for; what is passed over goes to `warnings`."""
    budget = _Budget(reading, len(data))
    with _damage_named():
        stream: Any = _Counted(_open(data) if packed else io.BytesIO(data), budget)
        # As a stream: an entry then cannot send the reader backwards, for ever.
        with tarfile.open(
            fileobj=stream, mode="r|", tarinfo=_Entry, encoding="utf-8", errors="surrogateescape"
        ) as archive:
            for number, entry in enumerate(archive, start=1):
                budget.count(number)
                path = _check_entry(entry, budget, warnings)
                source = archive.extractfile(entry) if path else None
                if path and source is not None:
                    yield path, source


class _Entry(tarfile.TarInfo):
    """An entry whose long names and other extensions are of a size that the library searches quickly."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """The entry of a header; raises FileTooLarge for an extension that is too long."""
        entry = super().frombuf(buf, encoding, errors)
        if entry.type in _EXTENSIONS and not 0 <= entry.size <= MAX_EXTENSION_BYTES:
            raise FileTooLarge(f"the header of one of its entries is over {MAX_EXTENSION_BYTES} bytes")
        return entry


def _check_entry(entry: tarfile.TarInfo, budget: _Budget, warnings: list[str]) -> str:
    """The path of an entry that is a file to be read, else nothing."""
    path = safe_path(_tar_name(entry.name))
    if not 0 <= entry.size <= budget.reading.max_unpacked_bytes:
        raise FileTooLarge(f"it unpacks to more than {budget.reading.max_unpacked_bytes} bytes")
    if entry.isdir() or _is_furniture(path):
        return ""
    if entry.issym() or entry.islnk():
        warnings.append(f"{path} is a link and was passed over")
    elif not entry.isreg() or entry.issparse():
        warnings.append(f"{path} is no ordinary file and was passed over")
    else:
        return path
    return ""


def _tar_name(name: str) -> str:
    """Names that are no UTF-8 are taken for Western European."""
    stored = name.encode("utf-8", "surrogateescape")
    try:
        return stored.decode("utf-8")
    except UnicodeDecodeError:
        return stored.decode("cp1252", "replace")


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


# What is packed alone


def _one_file(data: bytes, reading: Reading) -> Iterator[Member]:
    with _damage_named():
        content = _read(_open(data), _Budget(reading, len(data)))
    _refuse_itself(content, data)
    yield Member(_unpacked_name(reading.name), content)


def _unpacked_name(name: str) -> str:
    path = PurePosixPath(safe_name(name, "contents"))
    ending = _PACKED_ENDINGS.get(path.suffix.lower())
    return path.name if ending is None else path.stem + ending


def _open(data: bytes) -> _Source:
    """Reads what gzip, bzip2 or xz packed, in pieces."""
    if data.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=io.BytesIO(data))
    if data.startswith(b"BZ"):
        return bz2.BZ2File(io.BytesIO(data))
    return io.BufferedReader(_Xz(data))


class _Xz(io.RawIOBase):
    """Reads xz, whose header may ask for gigabytes of memory, within a bound; lzma.LZMAFile knows none."""

    MEMORY_BYTES = 256 << 20  # the strongest preset of xz needs 65 MiB
    FED_BYTES = 8192  # at a time, so that a file of many streams is not copied once for each

    def __init__(self, data: bytes) -> None:
        self._packed = io.BytesIO(data)
        self._left = b""  # what was fed beyond the end of a stream
        self._stream = self._next_stream()

    def _next_stream(self) -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=self.MEMORY_BYTES)

    def readable(self) -> bool:
        """True: it can only be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """How many bytes it put into `buffer`; 0 at the end. Raises EOFError when the file is cut off."""
        view = memoryview(buffer).cast("B")
        while not (self._stream.eof and self._is_over()):
            fed = self._left
            if not fed and self._stream.needs_input:
                fed = self._packed.read(self.FED_BYTES)
                if not fed:
                    raise EOFError("the stream ends too early")
            self._left = b""
            piece = self._stream.decompress(fed, max_length=len(view))
            if piece:
                view[: len(piece)] = piece
                return len(piece)
        return 0

    def _is_over(self) -> bool:
        """Whether nothing follows the stream that ended; otherwise the next one is begun."""
        left = self._stream.unused_data.lstrip(b"\x00")
        if len(left) < len(b"\xfd7zXZ\x00"):
            left = (left + self._packed.read(self.FED_BYTES)).lstrip(b"\x00")
        if not left.startswith(b"\xfd7zXZ\x00"):
            return True
        self._left, self._stream = left, self._next_stream()
        return False


# Common


class _Counted:
    """A stream whose bytes are counted as they are read."""

    def __init__(self, source: _Source, budget: _Budget) -> None:
        self._source = source
        self._budget = budget

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; raises FileTooLarge when they are too many."""
        piece = self._source.read(size)
        self._budget.spend(len(piece))
        return piece


def _read(source: _Source, budget: _Budget) -> bytes:
    """The whole of a file, as long as the budget lasts."""
    pieces: list[bytes] = []
    while piece := source.read(PIECE_BYTES):
        budget.spend(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _refuse_itself(content: bytes, data: bytes) -> None:
    if content == data:
        raise FileUnsafe("the archive holds itself, without end")


def _is_furniture(path: str) -> bool:
    """Whether an entry is what systems leave in archives, or is hidden."""
    parts = path.lower().split("/")
    return not path or any(part in _FURNITURE or part.startswith(".") for part in parts)
