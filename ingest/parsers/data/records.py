"""JSON and JSON a line: each record is a run of blocks, `path.to.key: value`; records of the same few values are a table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from citewell.core.errors import FileBroken
from citewell.ingest.parsed import Parsed, RawBlock, Reading, row
from citewell.ingest.parsers.text.plain import decode

TITLE_KEYS = ("title", "name", "subject", "headline", "label", "id")
MAX_TITLE_CHARS = 200
LONG_CHARS = 200  # from which a value is text of its own
MAX_CELL_CHARS = 120
MAX_COLUMNS = 40
MAX_LABEL_CHARS = 200  # of a path; deep keys would be repeated for each value otherwise
MAX_DEPTH = 60  # of values in one another; what lies deeper is one text
MAX_WARNINGS = 20
_BY_LINE = frozenset({".jsonl", ".ndjson"})
_EXTRA = "Extra data"  # the library's words for what follows after a whole value
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of the records. Raises FileBroken, with line and column, when it is no JSON; a broken line of many is a warning."""
    text = decode(data)
    if PurePosixPath(reading.name.lower()).suffix in _BY_LINE:
        records, broken = _lines(text)
        if len(records) >= len(broken):
            return _by_line(records, broken, reading)
    try:
        value = load_json(text)
    except FileBroken as error:
        records, broken = _lines(text) if _EXTRA in error.message else ([], [])
        if len(records) < max(1, len(broken)):
            raise
        return _by_line(records, broken, reading)
    if isinstance(value, list):
        records = [(f"record {number}", item) for number, item in enumerate(value, start=1)]
        return _parsed(_record_blocks(records, depth=0), reading)
    title = _heading(value)
    heading = [RawBlock("heading", title, level=1)] if title else []
    return _parsed([*heading, *_values(value, "", "", 1)], reading, title=title)


def load_json(text: str) -> Any:
    """The value that a text holds, its numbers as they are written. Raises FileBroken with line and column."""
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise FileBroken(f"it is no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise FileBroken("it is nested too deeply") from None


def _by_line(records: list[tuple[str, Any]], broken: list[str], reading: Reading) -> Parsed:
    warnings = broken[:MAX_WARNINGS]
    if len(broken) > MAX_WARNINGS:
        warnings.append(f"{len(broken) - MAX_WARNINGS} more lines were passed over")
    return _parsed(_record_blocks(records, depth=0), reading, "application/x-ndjson", warnings=tuple(warnings))


def _parsed(
    blocks: list[RawBlock], reading: Reading, media_type: str = "application/json", *, title: str = "", warnings: tuple[str, ...] = ()
) -> Parsed:  # fmt: skip
    # The first record's title is not that of the file.
    return Parsed(blocks, media_type, title=title or PurePosixPath(reading.name).stem, warnings=warnings)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The values by their keys; a key that comes again gets a number, so that nothing is lost."""
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    values = {}
    times: dict[str, int] = {}
    for key, value in pairs:
        times[key] = times.get(key, 0) + 1
        values[key if times[key] == 1 else f"{key} ({times[key]})"] = value
    return values


def _lines(text: str) -> tuple[list[tuple[str, Any]], list[str]]:
    """The records with their lines, and what to say of the lines that hold none."""
    records: list[tuple[str, Any]] = []
    broken: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            records.append((f"line {number}", load_json(line)))
        except FileBroken as error:
            broken.append(f"line {number} was passed over: {error.message.replace('line 1, ', '')}")
    return records, broken


def _record_blocks(records: Sequence[tuple[str, Any]], depth: int, *, pointers: bool = False) -> list[RawBlock]:
    """Blocks of records with their places: a table when they are alike and small, else a run for each."""
    columns = _columns([value for _, value in records])
    if columns:
        header = RawBlock("table_header", row(columns), place=records[0][0])
        rows = (
            RawBlock("table_row", row(_scalar(value[key]) for key in columns), place=place) for place, value in records
        )
        return [header, *rows]
    blocks: list[RawBlock] = []
    for place, value in records:
        title = _heading(value)
        if title:
            blocks.append(RawBlock("heading", title, level=depth + 1, place=place))
        # A record within another is found by its pointer, and so are its values; one of a list by its number.
        inner = _values(value, "", place if pointers else "", depth + 1)
        blocks += inner if pointers else [replace(block, place=place) for block in inner]
    return blocks


def _columns(values: Sequence[Any]) -> list[str]:
    """The keys that all records have, when they have no others and their values are small; else nothing."""
    first = values[0] if values else None
    if len(values) < 2 or not isinstance(first, dict) or not 0 < len(first) <= MAX_COLUMNS:
        return []
    for value in values:
        if not isinstance(value, dict) or value.keys() != first.keys() or not all(map(_is_small, value.values())):
            return []
    return list(first)


def _is_small(value: Any) -> bool:
    return not isinstance(value, dict | list) and len(_scalar(value)) <= MAX_CELL_CHARS and "\n" not in _scalar(value)


def _title(value: Any) -> tuple[str, str]:
    """The key that names a record and its value, where there is one."""
    if not isinstance(value, Mapping):
        return "", ""
    by_lower = {str(key).lower(): str(key) for key in value}
    for name in TITLE_KEYS:
        key = by_lower.get(name)
        told = " ".join(value[key].split()) if key is not None and isinstance(value[key], str) else ""
        if key is not None and told and len(told) <= MAX_TITLE_CHARS:
            return key.lower(), told
    return "", ""


def _heading(value: Any) -> str:
    """The heading of a record, if it has any."""
    key, title = _title(value)
    return f"id: {title}" if key == "id" else title


def _values(value: Any, label: str, pointer: str, depth: int) -> Iterator[RawBlock]:
    """Paragraphs of a value and of what is in it. A record's title is its heading and is not told again."""
    if isinstance(value, dict):
        told = _title(value)[0] if not label else ""
        # Records within it come last: they have headings, under which nothing else belongs.
        for key, inner in sorted(value.items(), key=lambda item: _are_records(item[1])):
            if key.lower() != told:
                yield from _inner(inner, _joined(label, key), _pointer(pointer, key), depth)
    elif isinstance(value, list):
        yield from _list(value, label, pointer, depth)
    else:
        yield from _text(_scalar(value), label, pointer)


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _inner(value: Any, label: str, pointer: str, depth: int) -> Iterator[RawBlock]:
    if depth < MAX_DEPTH or not isinstance(value, dict | list):
        yield from _values(value, label, pointer, depth + 1)
    else:
        yield from _text(json.dumps(value, ensure_ascii=False), label, pointer)


def _list(items: list[Any], label: str, pointer: str, depth: int) -> Iterator[RawBlock]:
    scalars = [_scalar(item) for item in items if not isinstance(item, dict | list)]
    if len(scalars) == len(items):
        if any(len(text) > LONG_CHARS for text in scalars):
            for number, text in enumerate(scalars):
                yield from _text(text, label if not number else "", _pointer(pointer, str(number)))
        else:
            yield from _text(", ".join(filter(None, scalars)), label, pointer)
    elif _are_records(items):
        if label:
            yield RawBlock("paragraph", f"{label}:", place=pointer)
        records = [(_pointer(pointer, str(number)), item) for number, item in enumerate(items)]
        yield from _record_blocks(records, depth, pointers=True)
    else:
        for number, item in enumerate(items):
            yield from _inner(item, _joined(label, str(number)), _pointer(pointer, str(number)), depth)


def _text(text: str, label: str, pointer: str) -> Iterator[RawBlock]:
    """A value with its label; the paragraphs of a long one each for itself, the label before the first."""
    long = len(text) > LONG_CHARS or "\n" in text
    parts = [part for part in (_PARAGRAPHS.split(text) if long else [text]) if part.strip()]
    for number, part in enumerate(parts):
        yield RawBlock("paragraph", f"{label}: {part}" if label and not number else part, place=pointer)


def _joined(label: str, key: str) -> str:
    whole = f"{label}.{key}" if label else key
    return whole if len(whole) <= MAX_LABEL_CHARS else "…" + whole[-MAX_LABEL_CHARS:]


def _pointer(pointer: str, key: str) -> str:
    """A JSON pointer (RFC 6901) to what lies one deeper; a very long one stops short."""
    whole = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
    return whole if len(whole) <= MAX_LABEL_CHARS else pointer


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
