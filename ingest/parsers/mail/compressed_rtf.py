"""The RTF text of an Outlook message, which is packed in a way of its own (MS-OXRTFCP)."""

from __future__ import annotations

import struct

from citewell.core.errors import FileTooLarge

# MS-OXRTFCP 2.1.2.1 and 3.1.1: how packed RTF is marked, and what its dictionary holds at the start.
PACKED, PLAIN = b"LZFu", b"MELA"
WINDOW_BYTES = 4096
DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans Serif"
    b"SymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def unpacked_rtf(packed: bytes, max_bytes: int) -> bytes:
    """The RTF of a message as MS-OXRTFCP 3.1 unpacks it; what is cut off ends early. Raises FileTooLarge."""
    if len(packed) < 16:
        return b""
    _, _, mark, _ = struct.unpack_from("<II4sI", packed)
    if mark == PLAIN:
        return packed[16:]
    window = bytearray(WINDOW_BYTES)
    window[: len(DICTIONARY)] = DICTIONARY
    out, write, at = bytearray(), len(DICTIONARY), 16
    while mark == PACKED and at < len(packed):
        control = packed[at]
        at += 1
        for bit in range(8):
            # A bit says whether a byte follows as it is, or a place in the window and a length.
            step = 2 if control >> bit & 1 else 1
            if at + step > len(packed) or len(out) > max_bytes:
                break
            if step == 1:
                piece = packed[at : at + 1]
            else:
                offset, length = divmod(int.from_bytes(packed[at : at + 2], "big"), 16)
                if offset == write:  # the mark of the end
                    return bytes(out)
                piece = _copied(window, offset, length + 2, write)
            at += step
            for byte in piece:
                window[write] = byte
                write = (write + 1) % WINDOW_BYTES
            out += piece
    if len(out) > max_bytes:
        raise FileTooLarge(f"it unpacks to more than {max_bytes} bytes")
    return bytes(out)


def _copied(window: bytearray, offset: int, length: int, write: int) -> bytes:
    """What the window will hold at a place while it is written: a copy may reach into itself."""
    whole = (write - offset) % WINDOW_BYTES
    return bytes(window[(offset + n % whole) % WINDOW_BYTES] for n in range(length))
