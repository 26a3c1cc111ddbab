"""The process that parses: reads a request from standard input, answers on standard output, until its input ends."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from citewell.core.errors import FileBroken, FileRejected, FileTooLarge, FileUnsafe, ParserStopped
from citewell.ingest import heartbeat
from citewell.ingest.isolation import cage, wire
from citewell.ingest.parsed import Parsed, Reading
from citewell.ingest.parsers import parse

ORPHANED_POLL_S = 1.0


def main() -> None:
    """Serves until the parent goes; the arguments are the memory in megabytes, the largest file in bytes and the folder to write to."""
    max_memory_mb, max_file_bytes, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    cage.die_with_parent()
    threading.Thread(target=_die_when_orphaned, args=(os.getppid(),), daemon=True).start()
    # The answers' own stream, so that nothing that a library prints gets between them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    cage.limit_memory(max_memory_mb, max_file_bytes)
    cage.close(folder)
    heartbeat.listen(lambda: _say(answers, b""))
    requests = sys.stdin.buffer
    while (payload := _read_frame(requests)) is not None:
        data = _read_frame(requests)
        if data is None:
            return
        _say(answers, _answer(payload, data))


def _say(answers: BinaryIO, payload: bytes) -> None:
    """An answer, or nothing: then only that the reading goes on."""
    answers.write(wire.frame(payload))
    answers.flush()


def _answer(payload: bytes, data: bytes) -> bytes:
    reading, facts, folder = wire.load_request(payload)
    try:
        parsed, redacted = _redacted(facts.told_of(parse(data, reading)), reading)
        members, damage = _unpack(parsed, Path(folder), reading.max_unpacked_bytes)
        return wire.dump_told(replace(parsed, warnings=(*parsed.warnings, *damage)), members, redacted)
    except FileRejected as error:
        return wire.dump_error(error)
    except PermissionError as error:
        return wire.dump_error(FileUnsafe(f"it made its parser reach out: {error}"))
    except MemoryError:
        return wire.dump_error(ParserStopped("reading it takes more memory than is allowed"))


def _redacted(parsed: Parsed, reading: Reading) -> tuple[Parsed, Mapping[str, int]]:
    """The same without the personal data that is not to be kept, and how much it was by kind."""
    if not reading.redact:
        return parsed, {}
    from citewell.ingest.redact import Redactor, redact_parsed

    kinds = [kind for kind in reading.redact if kind != "name"]
    redactor = Redactor(kinds, names="name" in reading.redact, phone_regions=reading.phone_regions)
    return redact_parsed(parsed, redactor)


def _unpack(parsed: Parsed, folder: Path, max_bytes: int) -> tuple[list[wire.Unpacked], list[str]]:
    """Writes the members into files that are named by number, so that their own names never become paths; and what is damaged of them.

    A damaged member costs no other; a file of which nothing can be read is refused.
    """
    unpacked: list[wire.Unpacked] = []
    total = 0
    try:
        for number, member in enumerate(parsed.members):
            total += len(member.data)
            if total > max_bytes:
                raise FileTooLarge(f"it unpacks to more than {max_bytes} bytes")
            file = f"{number:06d}"
            (folder / file).write_bytes(member.data)
            unpacked.append(wire.Unpacked(member.name, file, len(member.data)))
    except FileBroken as error:
        if not unpacked and not parsed.blocks:
            raise
        return unpacked, [error.message]
    return unpacked, []


def _read_frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(wire.LENGTH.size)
    if len(head) < wire.LENGTH.size:
        return None
    (length,) = wire.LENGTH.unpack(head)
    return stream.read(length)


def _die_when_orphaned(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHANED_POLL_S)
    os._exit(1)


if __name__ == "__main__":
    main()
