"""The names of files that lie in other files: without tricks, in one form of Unicode, each only once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath

from citewell.core.errors import FileUnsafe

MAX_NAME_CHARS = 200  # of one part of a path; what file systems take, with room for a number
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_DRIVE = re.compile(r"^[A-Za-z]:")
_LINE_ENDS = re.compile(r"[\t\r\n]")
_SPACES = re.compile(r"\s+")


def safe_name(name: str, otherwise: str = "attachment") -> str:
    """The last part of a path, without control characters and marks of writing direction; `otherwise` when nothing is left."""
    last = _clean(name.replace("\\", "/").rstrip("/").rpartition("/")[2])
    return _short(last) if last.strip(". ") else otherwise


def safe_path(path: str) -> str:
    """A path within an archive, with forward slashes. Raises FileUnsafe when it is absolute or climbs out of the archive.

    Backslashes separate parts too, because Windows would take them so.
    """
    clean = _clean(path.replace("\\", "/"))
    parts = [part.strip() for part in clean.split("/")]
    if clean.startswith("/") or _DRIVE.match(clean) or ".." in parts:
        raise FileUnsafe(f"one of its entries has a path that leads out of the archive: {_short(clean)}")
    return "/".join(_short(part) for part in parts if part not in {"", "."})


def numbered() -> Callable[[str], str]:
    """A function that returns each name unchanged the first time, and with a number before its ending when it comes again."""
    used: set[str] = set()
    times: dict[str, int] = {}

    def name_once(name: str) -> str:
        once = name
        while once in used:
            times[name] = times.get(name, 1) + 1
            path = PurePosixPath(name)
            once = str(path.with_name(f"{path.stem} ({times[name]}){path.suffix}"))
        used.add(once)
        return once

    return name_once


def _clean(name: str) -> str:
    plain = _CONTROLS.sub("", _LINE_ENDS.sub(" ", _SURROGATES.sub("\ufffd", name)))
    return unicodedata.normalize("NFC", _SPACES.sub(" ", plain)).strip()


def _short(name: str) -> str:
    """A long name without its middle, so that its ending stays."""
    if len(name) <= MAX_NAME_CHARS:
        return name
    ending = PurePosixPath(name).suffix[-20:]
    return name[: MAX_NAME_CHARS - len(ending)] + ending
