"""Jupyter notebooks: the text of Markdown cells, code as code, and what it printed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from citewell.core.errors import FileBroken, FileRejected
from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.data.records import load_json
from citewell.ingest.parsers.text import markdown
from citewell.ingest.parsers.text.plain import decode
from citewell.ingest.parsers.web import html

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # so that the parsers of what is inside need not guess


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a notebook in the order of its cells; raises FileBroken when it is none."""
    notebook = load_json(decode(data))
    cells = _cells(notebook) if isinstance(notebook, dict) else None
    if cells is None:
        raise FileBroken("it has no cells, as a notebook does")
    blocks: list[RawBlock] = []
    warnings: list[str] = []
    for number, cell in enumerate(cells, start=1):
        try:
            blocks += [replace(block, place=f"cell {number}") for block in _cell(cell, reading)]
        except FileRejected as error:
            warnings.append(f"cell {number} was passed over: {error.message}")
    about = notebook.get("metadata")
    facts = about if isinstance(about, Mapping) else {}
    metadata = {"author": _authors(facts.get("authors"))} if _authors(facts.get("authors")) else {}
    title = facts.get("title")
    return Parsed(
        blocks,
        "application/x-ipynb+json",
        title=title if isinstance(title, str) else "",
        metadata=metadata,
        warnings=tuple(warnings),
    )


def _cells(notebook: dict[str, Any]) -> list[Any] | None:
    """The cells; those of format 3 lie in worksheets."""
    cells = notebook.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = notebook.get("worksheets")
    if not isinstance(sheets, list):
        return None
    inner = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
    return [cell for cells in inner if isinstance(cells, list) for cell in cells]


def _authors(authors: object) -> str:
    names = [author.get("name") for author in authors if isinstance(author, dict)] if isinstance(authors, list) else []
    return ", ".join(name for name in names if isinstance(name, str))


def _cell(cell: object, reading: Reading) -> Iterator[RawBlock]:
    if not isinstance(cell, dict):
        return
    kind = cell.get("cell_type")
    source = _joined(cell.get("source", cell.get("input")))
    if kind == "code":
        yield RawBlock("code", source)
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else []:
            yield from _output(output, reading)
    elif kind == "heading":  # of format 3
        level = str(cell.get("level", "1"))
        yield RawBlock("heading", source, level=int(level) if level in {"1", "2", "3", "4", "5", "6"} else 1)
    elif kind == "markdown":
        # The blank line keeps a rule at the top from being taken for front matter.
        yield from markdown.parse(_BYTE_ORDER_MARK + f"\n{source}".encode(), replace(reading, name=".md")).blocks
    else:
        yield RawBlock("paragraph", source)


def _output(output: object, reading: Reading) -> Iterator[RawBlock]:
    """The text of an output; of several forms of the same the plainest. What stands in for a picture is left out."""
    if not isinstance(output, dict):
        return
    if output.get("output_type") in {"error", "pyerr"}:
        yield RawBlock("code", _ANSI.sub("", _joined(output.get("traceback"), "\n")))
        return
    data = output.get("data", output)  # format 3 has no folder for it
    forms: Mapping[str, Any] = data if isinstance(data, dict) else {}
    if any(form.startswith("image/") or form in {"png", "jpeg", "svg"} for form in forms):
        return
    plain = _joined(forms.get("text/plain", forms.get("text", output.get("text"))))
    if plain:
        yield RawBlock("code", _ANSI.sub("", plain))
    elif forms.get("text/markdown"):
        yield from markdown.parse(_BYTE_ORDER_MARK + f"\n{_joined(forms['text/markdown'])}".encode(), reading).blocks
    elif forms.get("text/html"):
        yield from html.parse(_BYTE_ORDER_MARK + _joined(forms["text/html"]).encode(), reading).blocks


def _joined(source: object, between: str = "") -> str:
    """A text that may be stored as a list of lines."""
    if isinstance(source, list):
        return between.join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""
