"""What parent and child say to each other: frames of JSON and bytes with their length before them.

Nothing that comes from a child is trusted: it is JSON of bounded length, never a pickle, and every value is made anew with its type.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from citewell.core.errors import FileBroken, FileRejected, rejections
from citewell.core.types import BlockKind
from citewell.ingest.facts import Facts
from citewell.ingest.parsed import Line, Parsed, RawBlock, Reading

LENGTH = struct.Struct(">Q")
KINDS: frozenset[str] = frozenset(get_args(BlockKind))


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A file that lay in another: its name there, and the file of the extraction folder that holds its bytes."""

    name: str
    file: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a child read of a file: the Parsed without members, the members as files, and how much personal data of each kind was taken
    out."""

    parsed: Parsed
    members: tuple[Unpacked, ...]
    redacted: Mapping[str, int] = field(default_factory=dict)


def frame(payload: bytes) -> bytes:
    """The payload with its length before it."""
    return LENGTH.pack(len(payload)) + payload


def dump_request(reading: Reading, facts: Facts, folder: str) -> bytes:
    """A request as JSON; the file's bytes follow in a frame of their own."""
    return json.dumps({"reading": asdict(reading), "facts": asdict(facts), "folder": folder}).encode()


def load_request(payload: bytes) -> tuple[Reading, Facts, str]:
    """How a file is to be read, what is said about it, and the extraction folder."""
    told = json.loads(payload)
    return Reading(**told["reading"]), Facts(**told["facts"]), told["folder"]


def dump_told(parsed: Parsed, members: list[Unpacked], redacted: Mapping[str, int]) -> bytes:
    """What was read, as JSON."""
    blocks = [
        [b.kind, b.text, b.level, b.page, b.place, [[line.text, line.page, line.box, line.glued] for line in b.lines]]
        for b in parsed.blocks
    ]
    told = {
        "blocks": blocks,
        "media_type": parsed.media_type,
        "title": parsed.title,
        "language": parsed.language,
        "metadata": parsed.metadata,
        "container": parsed.container,
        "warnings": parsed.warnings,
        "members": [asdict(member) for member in members],
        "redacted": dict(redacted),
    }
    return json.dumps({"told": told}, ensure_ascii=True).encode()


def dump_error(error: FileRejected) -> bytes:
    """Why a file was rejected, as JSON."""
    return json.dumps({"error": {"code": error.code, "message": error.message, "hint": error.hint}}).encode()


def load_answer(payload: bytes) -> Told:
    """What a child read. Raises the FileRejected that it tells, and ValueError for what no child of ours would say."""
    try:
        answer = json.loads(payload)
        if "error" in answer:
            told = answer["error"]
            raise _error(str(told["code"]), str(told["message"]), str(told["hint"]))
        return _told(answer["told"])
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"a parser's answer cannot be read: {error!r}") from None


def _told(told: Mapping[str, Any]) -> Told:
    parsed = Parsed(
        blocks=[_block(*block) for block in told["blocks"]],
        media_type=str(told["media_type"]),
        title=str(told["title"]),
        language=str(told["language"]),
        metadata={str(name): str(value) for name, value in told["metadata"].items()},
        container=bool(told["container"]),
        warnings=tuple(str(warning) for warning in told["warnings"]),
    )
    members = tuple(Unpacked(str(m["name"]), str(m["file"]), int(m["size_bytes"])) for m in told["members"])
    return Told(parsed, members, {str(kind): int(count) for kind, count in told["redacted"].items()})


def _block(kind: str, text: str, level: int, page: int | None, place: str, lines: list[Any]) -> RawBlock:
    if kind not in KINDS:
        raise ValueError(f"no kind of block: {kind!r}")
    return RawBlock(
        kind=kind,  # type: ignore[arg-type]  # one of KINDS
        text=str(text),
        level=int(level),
        page=None if page is None else max(1, int(page)),
        place=str(place),
        lines=tuple(Line(str(t), max(1, int(p)), _box(b), bool(g)) for t, p, b, g in lines),
    )


def _box(told: list[Any]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(float(side), 1) for side in told)
    return left, top, right, bottom


def _error(code: str, message: str, hint: str) -> FileRejected:
    known = {cls.code: cls for cls in rejections()}
    return known.get(code, FileBroken)(message, hint=hint)
