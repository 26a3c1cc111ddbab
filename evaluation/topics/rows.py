"""Lines of JSON with their numbers, checked, so that every complaint names its file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from citewell.core.errors import DatasetInvalid


def jsonl(path: Path, *needed: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of each line that is not blank; each has `_id` and the `needed` keys.

    Raises DatasetInvalid, naming file and line.
    """
    if not path.is_file():
        raise DatasetInvalid(f"{path} does not exist")
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield number, _object(path, number, line, ("_id", *needed))


def _object(path: Path, number: int, line: bytes, needed: tuple[str, ...]) -> dict[str, Any]:
    try:
        row = json.loads(line)
        for name in needed:
            row[name]
    except (ValueError, KeyError, TypeError, IndexError):
        names = " and ".join(f"`{name}`" for name in needed)
        raise DatasetInvalid(f"{path}, line {number}: needs a JSON object with {names}") from None
    if not isinstance(row, dict):
        raise DatasetInvalid(f"{path}, line {number}: needs a JSON object")
    return row


def texts(row: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    """The list of strings at `key`, empty where there is none. Raises DatasetInvalid."""
    value = row.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise DatasetInvalid(f"{place}: `{key}` needs a list of strings")
    return tuple(value)
