"""The body of an HTML page as pieces in reading order: what a reader sees, once, with how much of it is link and what looks like furniture.

Used for pages, for chapters of books, and for HTML within other formats. The walk goes over the tree's events, so depth costs no recursion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

from lxml import etree

from citewell.core.errors import FileBroken
from citewell.ingest.parsed import RawBlock
from citewell.ingest.parsers.text.rows import table
from citewell.ingest.parsers.web.layout import BLOCKS, CELLS, CODE, HEADINGS, layout_tables, name_of

# Grades of furniture: nothing, its class says so, it lies about the main content, it leads elsewhere.
CONTENT, NAMED, AROUND, NAVIGATION = range(4)
_ITEMS = frozenset(["li", "dt", "dd"])
_UNSEEN = frozenset(["head", "script", "style", "template", "noscript", "iframe", "object", "embed", "audio", "video", "canvas", "datalist", "rp", "defs", "desc", "metadata", "applet", "noembed", "param", "area", "map", "annotation-xml"])  # fmt: skip
# What a page's style hides or a program puts beside its content: marks to edit or link a section, numbers of lines of code.
_UNSEEN_CLASSES = frozenset(["mw-editsection", "headerlink", "anchorjs-link", "sr-only", "visually-hidden", "screen-reader-text", "linenos", "lineno", "linenodiv", "rouge-gutter", "katex-html", "mw-jump-link"])  # fmt: skip
_HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
_SIDES = frozenset(["header", "footer", "aside"])
_MAIN = frozenset(["main", "article", "section", "blockquote", "figure", "td", "li"])
_ROLES = {"navigation": NAVIGATION, "menu": NAMED, "menubar": NAMED, "search": NAVIGATION, "banner": AROUND, "contentinfo": AROUND, "complementary": AROUND}  # fmt: skip
_NAMES = re.compile(r"(?:^|[\s_-])(?:nav|navbar|navbox|navigation|menu|sidebar|breadcrumbs?|table-of-contents|tableofcontents|footer|masthead|toc|cookie|cookies|pagination|pager|related|share|sharing|social|newsletter|promo|advert|ads|skip|toolbar|comments?)(?:$|[\s_-])", re.IGNORECASE)  # fmt: skip
_SHOWN_INPUTS = frozenset(["", "text", "number", "date", "time", "datetime-local", "month", "email", "tel", "url"])
_FILE_NAME = re.compile(r"\.\w{2,4}$")
MIN_ALT_WORDS = 3  # fewer are a logo's name or "image"


@dataclass(frozen=True, slots=True)
class Piece:
    """A block, the number of its characters that are links or buttons, and its grade of furniture."""

    block: RawBlock
    link_chars: int = 0
    furniture: int = CONTENT


def tree_of(text: str) -> Any:
    """The tree of an HTML text, None when it holds no element; raises FileBroken when it is nested too deeply."""
    if not text.strip():
        return None
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    tree = etree.fromstring(text.encode("utf-8", "replace"), parser)
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise FileBroken("it is nested too deeply")
    return tree


def blocks_of(text: str) -> list[RawBlock]:
    """The blocks of a piece of HTML, whole: for what is no page of its own, such as an item of a feed."""
    tree = tree_of(text)
    return [] if tree is None else [piece.block for piece in walk(tree)]


def walk(root: Any) -> list[Piece]:
    """The pieces below `root` in reading order."""
    walker = _Walker(layout_tables(root))
    skipped = None
    events = etree.iterwalk(root, events=("start", "end"))
    for event, element in events:
        name = name_of(element)
        if event == "start":
            if _is_unseen(element, name) or walker.replaced(element, name):
                events.skip_subtree()
                skipped = element
            else:
                walker.open(element, name)
                walker.say(element.text)
            continue
        if element is not skipped:
            walker.close(name)
        if element is not root:
            walker.say(element.tail)
    walker.flush()
    walker.flush_term()
    return walker.pieces


def _is_unseen(element: Any, name: str) -> bool:
    if name in _UNSEEN or element.get("hidden") is not None or (name == "dialog" and element.get("open") is None):
        return True
    if name == "title" and name_of(element.getparent()) == "svg":
        return True
    classes = element.get("class")
    if classes and not _UNSEEN_CLASSES.isdisjoint(classes.split()):
        return True
    style = element.get("style")
    return bool(style and _HIDDEN.search(style))


@dataclass(slots=True)
class _Table:
    """A table that is open: its rows so far, how many of them name columns, and what stands outside its rows."""

    rows: list[list[str]] = field(default_factory=list)
    headers: int = 0
    in_head: bool = False
    row_is_header: bool = True
    row_spans: bool = True  # each of its cells goes on in the rows below: it names these, not columns
    cell: list[str] | None = None
    loose: list[str] = field(default_factory=list)

    def close_row(self) -> None:
        """Counts the row among the headers when it is one and only headers stand above it."""
        if not self.rows or self.headers != len(self.rows) - 1 or not any(self.rows[-1]):
            return
        names_rows = self.row_spans or sum(1 for cell in self.rows[-1] if cell) == 1
        if self.in_head or (self.row_is_header and not (self.headers and names_rows)):
            self.headers += 1

    def flat(self) -> str:
        """The table as text within a cell."""
        told = [", ".join(cell for cell in cells if cell) for cells in self.rows]
        return " ".join(["".join(self.loose), "; ".join(row for row in told if row)])


class _Walker:
    def __init__(self, layout: set[Any]) -> None:
        self.pieces: list[Piece] = []
        self._layout = layout
        self._text: list[str] = []
        self._link_chars = 0
        self._opened: list[tuple[str, int, bool]] = []  # name, grade of furniture, whether it is a table with rows
        self._tables: list[_Table] = []
        self._depth = dict.fromkeys(("item", "code", "link", "main", "dd"), 0)
        self._level = 0
        self._term = ""
        self._broke = False

    def open(self, element: Any, name: str) -> None:
        """Begins an element."""
        above = self._opened[-1][1] if self._opened else CONTENT
        rows = name == "table" and element not in self._layout
        if name in BLOCKS:
            self._border(name)
        self._opened.append((name, max(above, self._grade(element, name)), rows))
        if rows:
            self._tables.append(_Table())
        elif self._tables:
            self._open_in_table(element, name)
        self._count(name, 1)
        if name in HEADINGS and not self._tables:
            self._level = HEADINGS[name]
        elif name == "br":
            self._break()

    def close(self, name: str) -> None:
        """Ends the element that was begun last."""
        rows = self._opened[-1][2]
        if rows:
            self._close_table()
        elif self._tables:
            self._close_in_table(name)
        if name in BLOCKS:
            self._border(name, ending=True)
        self._count(name, -1)
        if name in HEADINGS and not self._tables:
            self._level = 0
        if name == "dl":
            self.flush_term()
        self._opened.pop()

    def say(self, text: str | None) -> None:
        """Takes text that stands here."""
        if not text:
            return
        if self._tables:
            told = self._tables[-1]
            (told.loose if told.cell is None else told.cell).append(text)
            if self._depth["link"]:
                self._link_chars += len(text.strip())
            return
        self._text.append(text)
        if not text.isspace():
            self._broke = False
            if self._depth["link"]:
                self._link_chars += len(" ".join(text.split()))

    def replaced(self, element: Any, name: str) -> bool:
        """Whether the element stands for a text of its own, which is then said: a picture, a formula, a field of a form."""
        if name == "img":
            self._say_apart("" if self._level else _picture(element))
        elif name == "math":
            self._say_apart(_formula(element))
        elif name == "input":
            shown = (element.get("type") or "").lower() in _SHOWN_INPUTS
            self._say_apart(element.get("value", "") if shown else "")
        elif name == "select":
            options = [option for option in element.iter() if name_of(option) == "option"]
            chosen = [option for option in options if option.get("selected") is not None] or options[:1]
            self._say_apart(", ".join("".join(option.itertext()).strip() for option in chosen))
        else:
            return False
        return True

    def flush(self) -> None:
        """Ends the block that stands open."""
        code = self._depth["code"] > 0
        raw = "".join(self._text)
        text = _undented(raw) if code else " ".join(raw.split())
        links, self._link_chars, self._broke = self._link_chars, 0, False
        self._text.clear()
        if not text.strip():
            return
        if code:
            self._add(RawBlock("code", text), links)
        elif self._level:
            self._add(RawBlock("heading", text, level=self._level), links)
        elif self._depth["item"]:
            self._add_item(text, links)
        else:
            self._add(RawBlock("paragraph", text), links)

    def flush_term(self) -> None:
        """Says the term of a definition list that still waits for its definition."""
        if self._term:
            term, self._term = self._term, ""
            self.pieces.append(Piece(RawBlock("list_item", term), 0, self._furniture))

    @property
    def _furniture(self) -> int:
        return self._opened[-1][1] if self._opened else CONTENT

    def _grade(self, element: Any, name: str) -> int:
        role = (element.get("role") or "").lower()
        if name in {"nav", "search"} or _ROLES.get(role) == NAVIGATION:
            return NAVIGATION
        if self._depth["main"] == 0 and (name in _SIDES or _ROLES.get(role) == AROUND):
            return AROUND
        if role in _ROLES:
            return NAMED
        told = f"{element.get('class') or ''} {element.get('id') or ''}"
        return NAMED if name not in {"body", "html", "main"} and len(told) > 2 and _NAMES.search(told) else CONTENT

    def _count(self, name: str, by: int) -> None:
        for what, names in (
            ("item", _ITEMS),
            ("code", CODE),
            ("link", ("a", "button")),
            ("main", _MAIN),
            ("dd", ("dd",)),
        ):
            if name in names:
                self._depth[what] += by

    def _border(self, name: str, *, ending: bool = False) -> None:
        """Begins or ends a block: a new paragraph, and within a table's cell a space."""
        if not self._tables:
            if ending and name == "dt":
                self._keep_term()
            else:
                self.flush()
        elif self._tables[-1].cell is not None:
            self._tables[-1].cell.append("; " if name == "li" and ending else " ")

    def _keep_term(self) -> None:
        text = " ".join("".join(self._text).split())
        self._text.clear()
        if text:
            self.flush_term()
            self._term = text

    def _add_item(self, text: str, links: int) -> None:
        term, self._term = (self._term, "") if self._depth["dd"] else ("", self._term)
        if term:
            text = f"{term} {text}" if term.endswith((":", "?", "!", ".")) else f"{term}: {text}"
        self._add(RawBlock("list_item", text), links)

    def _add(self, block: RawBlock, links: int) -> None:
        self.flush_term()
        self.pieces.append(Piece(block, links, self._furniture))

    def _break(self) -> None:
        """A line break; a second one right after it begins a new paragraph, as old pages have it."""
        if self._tables:
            self.say(" ")
        elif self._depth["code"]:
            self._text.append("\n")
        elif self._broke and not self._level:
            self.flush()
        else:
            self._text.append("\n")
            self._broke = True

    def _say_apart(self, text: str) -> None:
        if text.strip():
            self.say(f" {text} ")

    def _open_in_table(self, element: Any, name: str) -> None:
        told = self._tables[-1]
        if name == "thead":
            told.in_head = True
        elif name == "tr":
            told.rows.append([])
            told.row_is_header = told.row_spans = True
        elif name in CELLS:
            if not told.rows:
                told.rows.append([])
            told.cell = []
            told.row_is_header = told.row_is_header and name == "th"
            told.row_spans = told.row_spans and element.get("rowspan", "1") != "1"

    def _close_in_table(self, name: str) -> None:
        told = self._tables[-1]
        if name in CELLS and told.cell is not None:
            told.rows[-1].append(" ".join("".join(told.cell).split()).removesuffix(";"))
            told.cell = None
        elif name == "tr":
            told.close_row()
        elif name == "thead":
            told.in_head = False
        elif name == "caption":
            told.loose.append(" ")

    def _close_table(self) -> None:
        told = self._tables.pop()
        if self._tables:
            outer = self._tables[-1]
            (outer.loose if outer.cell is None else outer.cell).append(f" {told.flat()} ")
            return
        caption = " ".join("".join(told.loose).split())
        links, self._link_chars = self._link_chars, 0
        if caption:
            self._add(RawBlock("paragraph", caption), 0)
        last = self.pieces[-1].block if self.pieces else None
        blocks = table(told.rows, headers=told.headers, after=last)
        size = sum(len(block.text) for block in blocks)
        for block in blocks:
            self._add(block, links * len(block.text) // max(1, size))


def _undented(code: str) -> str:
    """Code without blank lines around it and without the indentation of the page."""
    return dedent(re.sub(r"\A(?:[^\S\n]*\n)+", "", code.replace("\r\n", "\n"))).rstrip()


def _picture(element: Any) -> str:
    """What a picture shows, when its page says so in words."""
    alt = " ".join((element.get("alt") or "").split())
    return "" if len(alt.split()) < MIN_ALT_WORDS or _FILE_NAME.search(alt) else alt


def _formula(element: Any) -> str:
    """A formula as its source, else the characters in it."""
    if element.get("alttext"):
        return str(element.get("alttext"))
    for child in element.iter():
        if name_of(child) == "annotation" and "tex" in (child.get("encoding") or "").lower():
            return str(child.text or "")
    return " ".join("".join(element.itertext()).split())
