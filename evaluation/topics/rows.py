"""Lines of JSON with their numbers, checked, so that every complaint names its file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from citewell.core.errors import DatasetInvalid


def jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of each line that is not blank; each has `_id`. Raises DatasetInvalid, naming file and line."""
    if not path.is_file():
        raise DatasetInvalid(f"{path} does not exist")
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield number, _object(line, f"{path}, line {number}")


def _object(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or "_id" not in row:
        raise DatasetInvalid(f"{place}: needs a JSON object with `_id`")
    return row


def texts(row: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    """The list of strings at `key`, empty where there is none. Raises DatasetInvalid."""
    value = row.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise DatasetInvalid(f"{place}: `{key}` needs a list of strings")
    return tuple(value)
