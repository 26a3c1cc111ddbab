"""Makes files in the compound format of older Office programs, and Outlook messages in it, for tests."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END, FAT_SECTOR, NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
STRING, BINARY, NUMBER, TIME = 0x001F, 0x0102, 0x0003, 0x0040

Tree = Mapping[str, Any]


class _Writer:
    """Gathers directory entries, small streams and large ones."""

    def __init__(self) -> None:
        self.entries: list[list[Any]] = []  # name, kind, right, child, start, size
        self.small, self.small_chain = bytearray(), list[int]()
        self.large, self.large_chain = bytearray(), list[int]()

    def add(self, name: str, content: Tree | bytes) -> int:
        """The number of the entry that holds `content`."""
        number = len(self.entries)
        self.entries.append([name, 2, NONE, NONE, END, 0])
        if isinstance(content, bytes):
            self.entries[number][4:] = [self._store(content), len(content)]
            return number
        self.entries[number][1] = 1
        before = None
        # Siblings in a chain: a tree all of whose branches go right.
        for inner, value in sorted(content.items(), key=lambda item: (len(item[0]), item[0].upper())):
            child = self.add(inner, value)
            if before is None:
                self.entries[number][3] = child
            else:
                self.entries[before][2] = child
            before = child
        return number

    def _store(self, content: bytes) -> int:
        if not content:
            return END
        small = len(content) < CUTOFF
        area, chain, unit = (self.small, self.small_chain, MINI) if small else (self.large, self.large_chain, SECTOR)
        start, length = len(chain), -(-len(content) // unit)
        area += content.ljust(length * unit, b"\x00")
        chain += [*range(start + 1, start + length), END]
        return start


def compound(tree: Tree) -> bytes:
    """A compound file of nested folders and streams."""
    writer = _Writer()
    writer.add("Root Entry", tree)
    writer.entries[0][1] = 5
    sizes = (len(writer.entries) * 128, len(writer.small_chain) * 4, len(writer.small))
    directory, mini_fat, small = (-(-size // SECTOR) for size in sizes)
    fixed = directory + mini_fat + small
    fats = 1
    while fats * (SECTOR // 4) < fats + fixed + len(writer.large_chain):
        fats += 1
    starts = [fats, fats + directory, fats + directory + mini_fat, fats + fixed]
    fat = [FAT_SECTOR] * fats
    for start, count in zip(starts, (directory, mini_fat, small), strict=False):
        fat += [*range(start + 1, start + count), END][:count]
    fat += [END if link == END else link + starts[3] for link in writer.large_chain]
    writer.entries[0][4:] = [starts[2] if small else END, len(writer.small)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIIII", 0, fats, starts[0], 0, CUTOFF, starts[1] if mini_fat else END, mini_fat, END, 0, 0)[:-4]  # fmt: skip
    header += struct.pack("<109I", *range(fats), *[FREE] * (109 - fats))
    body = _padded(struct.pack(f"<{len(fat)}I", *fat), b"\xff", fats)
    body += _padded(b"".join(_entry(entry, starts[3]) for entry in writer.entries), b"\x00", directory)
    body += _padded(struct.pack(f"<{len(writer.small_chain)}I", *writer.small_chain), b"\xff", mini_fat)
    return header + body + _padded(bytes(writer.small), b"\x00", small) + bytes(writer.large)


def _padded(content: bytes, filler: bytes, sectors: int) -> bytes:
    return content.ljust(sectors * SECTOR, filler)


def _entry(entry: list[Any], large_start: int) -> bytes:
    name, kind, right, child, start, size = entry
    if kind == 2 and size >= CUTOFF:
        start += large_start
    stored = (name + "\x00").encode("utf-16-le")
    return stored.ljust(64, b"\x00") + struct.pack(
        "<HBBIII16xI8x8xIQ", len(stored), kind, 1, NONE, right, child, 0, start, size
    )


def properties(offset: int, values: Mapping[int, str | bytes | int]) -> dict[str, bytes]:
    """The streams that hold properties: text, data and numbers by their tags."""
    records, streams = b"", {}
    for tag, value in values.items():
        if isinstance(value, int):
            records += struct.pack("<HHIII", NUMBER, tag, 6, value, 0)
            continue
        kind, content = (STRING, value.encode("utf-16-le")) if isinstance(value, str) else (BINARY, value)
        records += struct.pack("<HHIII", kind, tag, 6, len(content), 0)
        streams[f"__substg1.0_{tag:04X}{kind:04X}"] = content
    return {"__properties_version1.0": bytes(offset) + records, **streams}


def outlook_tree(values: Mapping[int, str | bytes | int], attached: list[Tree], *, embedded: bool = False) -> Tree:
    """The folders of a message with its attachments."""
    tree: dict[str, Any] = dict(properties(24 if embedded else 32, values))
    for number, attachment in enumerate(attached):
        tree[f"__attach_version1.0_#{number:08X}"] = attachment
    return tree


def attachment(values: Mapping[int, str | bytes | int], message: Tree | None = None) -> Tree:
    """The folder of an attachment: its properties, and the message that it is, if it is one."""
    tree: dict[str, Any] = dict(properties(8, values))
    if message is not None:
        tree["__substg1.0_3701000D"] = message
    return tree
