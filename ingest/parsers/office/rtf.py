"""RTF: paragraphs, headings by style, list marks, tables with header rows, notes and comments, in any of the format's code pages.

The words of the format are read one after another, so the time a file takes follows its length. Deleted and hidden text, running heads
and feet, pictures and embedded objects are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from citewell.core.errors import FileBroken
from citewell.core.types import BlockKind
from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.office.grids import table_blocks
from citewell.ingest.parsers.office.wordstyles import heading_level

MEDIA_TYPE = "application/rtf"
MAX_DEPTH = 1000  # of groups; more are an attack or damage
_TOKEN = re.compile(
    r"\\([A-Za-z]{1,32})(-?\d{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\"
)
_NUMBERED = re.compile(r"\(?\w[\w.]*[.)]|[\d.]+")  # a mark of a list that counts, unlike a bullet
# Character sets of fonts (RTF 1.9.1, "Font Table") by the codec that reads them.
_CHARSETS = {77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "big5", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850"}  # fmt: skip
_SIGNS = {"tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ", "qmspace": " "}  # fmt: skip
_ESCAPED = {"~": "\u00a0", "_": "\u2011", "\\": "\\", "{": "{", "}": "}", "\t": "\t"}
# Groups whose text is none of the document's.
_SILENT = frozenset(["colortbl", "pict", "header", "headerf", "headerl", "headerr", "footer", "footerf", "footerl", "footerr", "fldinst", "nonshppict", "xe", "tc", "rxe", "xmlnstbl", "filetbl", "revtbl", "listtable", "listoverridetable", "objdata", "private", "template", "ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "bkmkstart", "bkmkend", "sp", "pgptbl", "rsidtbl", "doccomm", "operator", "company", "category", "manager", "comment", "hlinkbase", "printim", "buptim", "nonesttables", "pnseclvl", "themedata", "datafield", "formfield", "ffname", "txe", "shprslt", "atnid", "atndate", "atnref"])  # fmt: skip
_READ = {"fonttbl": "fonts", "stylesheet": "styles", "title": "title", "author": "author", "subject": "subject", "keywords": "keywords", "revtim": "revised", "creatim": "created", "footnote": "note", "annotation": "comment", "listtext": "mark", "pntext": "mark", "atnauthor": "by"}  # fmt: skip
_STARRED = frozenset(["shpinst", "annotation", "footnote", "listtext", "pntext", "fldrslt", "nesttableprops", "atnauthor"])  # fmt: skip
_FACTS = ("author", "subject", "keywords")


@dataclass(slots=True)
class _State:
    """What a group inherits from the one around it."""

    target: str = "text"  # where text goes; empty for nowhere
    codec: str = "cp1252"
    skip: int = 1  # signs after a \u that stand in for it
    hidden: bool = False
    starred: bool = False
    style: int = 0
    outline: int | None = None
    in_table: bool = False


@dataclass(slots=True)
class _Document:
    data: str
    blocks: list[RawBlock] = field(default_factory=list)
    told: dict[str, list[str]] = field(default_factory=dict)  # text by target
    stack: list[_State] = field(default_factory=list)
    state: _State = field(default_factory=_State)
    raw: bytearray = field(default_factory=bytearray)  # bytes of \' that wait for their code page
    left: int = 0  # signs still to skip
    fonts: dict[int, str] = field(default_factory=dict)
    font: int = 0
    styles: dict[int, str] = field(default_factory=dict)
    header: bool = False
    cells: list[str] = field(default_factory=list)
    rows: list[tuple[bool, list[str]]] = field(default_factory=list)
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    dates: dict[str, dict[str, int]] = field(default_factory=dict)

    def read(self) -> None:
        """Reads all words and leaves the blocks."""
        at, end = 0, len(self.data)
        while at < end:
            token = _TOKEN.match(self.data, at)
            if token is None:
                at += 1
                continue
            at = token.end()
            word, argument, code, sign, brace, text = token.groups()
            if code is not None:
                self._byte(int(code, 16))
                continue
            if self.raw and (text or word or sign or brace):
                self._decode()
            if text is not None:
                self._text(text)
            elif brace is not None:
                self._brace(brace)
            elif word is not None:
                at = self._binary(at, int(argument or 0)) if word == "bin" else self._word(word, argument, at)
            elif sign is not None:
                self._sign(sign)
        self._decode()
        self._paragraph()
        self._table()

    def _byte(self, code: int) -> None:
        if self.left:
            self.left -= 1
        else:
            self.raw.append(code)

    def _decode(self) -> None:
        if self.raw:
            text = bytes(self.raw).decode(self.state.codec, "replace")
            self.raw.clear()
            self._put(text)

    def _put(self, text: str) -> None:
        if self.state.target and not self.state.hidden:
            self.told.setdefault(self.state.target, []).append(text)

    def _text(self, text: str) -> None:
        skipped = min(self.left, len(text))
        self.left -= skipped
        if not text[skipped:].isascii():  # bytes of the code page written as such
            text = text[skipped:].encode("latin-1", "replace").decode(self.state.codec, "replace")
            skipped = 0
        self._put(text[skipped:])

    def _take(self, target: str) -> str:
        """The text that went to a target, which is empty then; halves of characters joined."""
        text = "".join(self.told.pop(target, ()))
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _brace(self, brace: str) -> None:
        self.left = 0
        if brace == "{":
            self.stack.append(self.state)
            self.state = replace(self.state, starred=False)
            if len(self.stack) > MAX_DEPTH:
                raise FileBroken("its groups are nested too deeply")
        elif self.stack:
            closed, self.state = self.state, self.stack.pop()
            if closed.target != self.state.target and closed.target in {"note", "comment"}:
                text = self._take(closed.target)
                if text.strip():
                    self.notes.append((closed.target, text, " ".join(self._take("by").split())))
            elif closed.target == "styles":
                name = self._take("styles").strip().rstrip(";").strip()
                self.styles.setdefault(closed.style, name)

    def _binary(self, at: int, length: int) -> int:
        return min(at + max(length, 0), len(self.data))

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self.state.starred = True
        elif sign in "\r\n":
            self._word("par", None, 0)
        elif self.left:
            self.left -= 1
        else:
            self._put(_ESCAPED.get(sign, ""))

    def _word(self, word: str, argument: str | None, at: int) -> int:
        value = int(argument) if argument is not None else None
        if word == "u":
            self._put(chr((value or 0) % 0x10000))
            self.left = self.state.skip
            return at
        if word in _READ or word in _SILENT or self.state.starred:
            self._destination(word)
        elif word in _SIGNS:
            self._put(_SIGNS[word])
        else:
            handler = _HANDLERS.get(word)
            if handler is not None:
                handler(self, value)
            elif word in {"yr", "mo", "dy"}:
                self.dates.setdefault(self.state.target, {})[word] = value or 0
        return at

    def _destination(self, word: str) -> None:
        known = word in _READ and (not self.state.starred or word in _STARRED)
        if self.state.target and (known or not (self.state.starred and word in _STARRED)):
            self.state.target = _READ[word] if known else ""
        self.state.starred = False

    def _paragraph(self) -> None:
        """Ends a paragraph: of a table cell it is a part, elsewhere a block."""
        if self.state.target not in {"text", "mark"}:
            self._put(" ")
            return
        if self.state.in_table:
            self._put("\n")
            return
        self._table()
        text, mark = self._take("text"), " ".join(self._take("mark").split())
        if text.strip():
            self.blocks.append(self._block(text, mark))
        self._tell_notes()

    def _block(self, text: str, mark: str) -> RawBlock:
        level = heading_level(self.styles.get(self.state.style, ""), self.state.outline)
        whole = f"{mark} {text}" if _NUMBERED.fullmatch(mark) else text
        if level:
            return RawBlock("heading", whole, level=level)
        kind: BlockKind = "list_item" if mark else "paragraph"
        return RawBlock(kind, whole)

    def _cell(self) -> None:
        mark = " ".join(self._take("mark").split())
        text = self._take("text")
        self.cells.append(" ".join((f"{mark} {text}" if _NUMBERED.fullmatch(mark) else text).split()))

    def _row(self) -> None:
        if self.cells:
            self.rows.append((self.header, self.cells))
        self.cells = []

    def _table(self) -> None:
        """Ends a table: its rows become blocks."""
        if self.cells:
            self._row()
        if self.rows:
            headers = next((at for at, (named, _) in enumerate(self.rows) if not named), len(self.rows))
            self.blocks += table_blocks([cells for _, cells in self.rows], headers=headers)
            self.rows = []
            self._tell_notes()

    def _tell_notes(self) -> None:
        if self.rows:
            return
        for kind, text, author in self.notes:
            name = "footnote" if kind == "note" else "comment"
            self.counts[name] = self.counts.get(name, 0) + 1
            place = f"comment by {author}" if kind == "comment" and author else f"{name} {self.counts[name]}"
            self.blocks.append(RawBlock("paragraph", text, place=place))
        self.notes = []

    def plain(self) -> None:
        """Begins a paragraph without settings."""
        self.state.style, self.state.outline, self.state.in_table = 0, None, False

    def set_font(self, number: int) -> None:
        """Takes the code page of a font."""
        self.font = number
        if self.state.target != "fonts":
            self.state.codec = self.fonts.get(number, self.stack[0].codec if self.stack else self.state.codec)

    def set_page(self, number: int) -> None:
        """Takes a code page for the whole file."""
        try:
            "".encode(codec := f"cp{number}")
        except LookupError:
            codec = "utf-8" if number == 65001 else "cp1252"
        self.state.codec = codec
        for state in self.stack:
            state.codec = codec

    def begin_row(self) -> None:
        """Begins the settings of a row, which are no header's until it is said."""
        self.header = False


def _style(document: _Document, value: int | None) -> None:
    document.state.style = value or 0


def _outline(document: _Document, value: int | None) -> None:
    document.state.outline = value


def _in_table(document: _Document, value: int | None) -> None:
    document.state.in_table = value != 0


def _hide(document: _Document, value: int | None) -> None:
    document.state.hidden = value != 0


def _skip(document: _Document, value: int | None) -> None:
    document.state.skip = min(max(value or 0, 0), 10)


def _charset(document: _Document, value: int | None) -> None:
    if value in _CHARSETS:
        document.fonts[document.font] = _CHARSETS[value]


_HANDLERS: dict[str, Callable[[_Document, int | None], None]] = {
    "par": lambda document, _: document._paragraph(),
    "sect": lambda document, _: document._paragraph(),
    "page": lambda document, _: document._put("\n"),
    "cell": lambda document, _: document._cell(),
    "nestcell": lambda document, _: document._put(", "),
    "nestrow": lambda document, _: document._put("; "),
    "row": lambda document, _: document._row(),
    "trowd": lambda document, _: document.begin_row(),
    "trhdr": lambda document, _: setattr(document, "header", True),
    "intbl": _in_table,
    "pard": lambda document, _: document.plain(),
    "s": _style,
    "outlinelevel": _outline,
    "f": lambda document, value: document.set_font(value or 0),
    "fcharset": _charset,
    "ansicpg": lambda document, value: document.set_page(value or 0),
    "mac": lambda document, _: setattr(document.state, "codec", "mac_roman"),
    "v": _hide,
    "deleted": _hide,
    "plain": lambda document, _: setattr(document.state, "hidden", False),
    "uc": _skip,
}


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of an RTF file. Raises FileBroken when its groups are nested beyond sense."""
    del reading
    document = _Document(data.decode("latin-1"))
    document.read()
    title = " ".join(document._take("title").split())
    metadata = {name: " ".join(document._take(name).split()) for name in _FACTS}
    date = document.dates.get("revised") or document.dates.get("created") or {}
    if date.get("yr"):
        metadata["date"] = f"{date['yr']:04d}-{date.get('mo', 1):02d}-{date.get('dy', 1):02d}"
    told = {name: text for name, text in metadata.items() if text}
    cut = ("it ends within a group, as a file does that was cut off",) if document.stack else ()
    return Parsed(document.blocks, MEDIA_TYPE, title, metadata=told, warnings=cut)
