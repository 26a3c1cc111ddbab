"""Which tables of an HTML page hold values, and which only lay it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

HEADINGS = {f"h{level}": level for level in range(1, 7)}
CODE = frozenset(["pre", "xmp", "listing", "plaintext"])
CELLS = frozenset(["td", "th"])
BLOCKS = frozenset(["address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "noframes", "ol", "optgroup", "option", "p", "search", "section", "select", "summary", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "tr", "ul"]) | HEADINGS.keys() | CODE  # fmt: skip
LAYOUT_CELL_CHARS = 600  # a cell with blocks and more text than this holds part of a page, not a value


def name_of(element: Any) -> str:
    """The element's name in lower case, without its namespace."""
    return str(element.tag).rpartition("}")[2].lower()


@dataclass(slots=True)
class _Shape:
    """What tells a table of values from one that lays out a page."""

    presentation: bool
    named: bool = False
    widest: int = 0
    cells: int = 0
    chars: int = 0
    before_cell: int = 0
    blocks: int = 0
    laid_out: bool = False
    code: bool = False

    @property
    def is_layout(self) -> bool:
        """Whether the table holds parts of a page rather than values."""
        return not self.named and (self.presentation or self.widest <= 1 or self.laid_out or self.code)


def layout_tables(root: Any) -> set[Any]:
    """The tables that lay out a page: their cells are walked like any other part of it."""
    found: set[Any] = set()
    for element, shape in _shapes(etree.iterwalk(root, events=("start", "end"))):
        if shape.is_layout:
            found.add(element)
    return found


def _shapes(events: Iterable[tuple[str, Any]]) -> Iterator[tuple[Any, _Shape]]:
    """Each table with its shape."""
    open_tables: list[_Shape] = []
    for event, element in events:
        name = name_of(element)
        if name == "table" and event == "start":
            role = (element.get("role") or "").lower()
            open_tables.append(_Shape(role in {"presentation", "none"}))
        if not open_tables:
            continue
        shape = open_tables[-1]
        if event == "start":
            _take(shape, name, element)
        elif name == "tr":
            shape.widest, shape.cells = max(shape.widest, shape.cells), 0
        elif name in CELLS:
            shape.laid_out = shape.laid_out or (
                shape.chars - shape.before_cell > LAYOUT_CELL_CHARS and shape.blocks > 1
            )
        elif name == "table":
            open_tables.pop()
            if open_tables:
                open_tables[-1].chars += shape.chars
                open_tables[-1].blocks += 1
            yield element, shape
        if event == "end" and open_tables:
            open_tables[-1].chars += len((element.tail or "").strip())


def _take(shape: _Shape, name: str, element: Any) -> None:
    if name in CELLS:
        shape.cells += 1
        shape.before_cell, shape.blocks = shape.chars, 0
    shape.named = shape.named or name in {"th", "thead", "caption"}
    shape.code = shape.code or (name in CODE and shape.widest == 0 and shape.cells <= 2)
    shape.blocks += name in BLOCKS and name not in CELLS
    if name not in {"script", "style"}:
        shape.chars += len((element.text or "").strip())
