"""LaTeX, read and not run: sections, paragraphs, lists, tables, listings; formulas stay as they are written, other commands leave their text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from citewell.core.types import BlockKind
from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.text.latexwords import (  # fmt: skip
    ACCENTS,
    CODE,
    DRAWN,
    LISTS,
    MATH,
    RULES,
    SECTIONS,
    SIGNS,
    TABLES,
    UNSEEN,
    WIDE,
    WORDS,
)
from citewell.ingest.parsers.text.plain import decode, lines_place
from citewell.ingest.parsers.text.rows import table

_TOKEN = re.compile(r"\\begin\s*\{(?P<begin>[^{}\n]{1,60})\}|\\end\s*\{(?P<end>[^{}\n]{1,60})\}|\\(?P<command>[A-Za-z@]+\*?)[ \t]*|\\(?P<sign>.)|(?P<dollar>\$\$?)|(?P<mark>[{}&~%])|(?P<gap>\n[ \t]*(?:\n[ \t]*)+)|(?P<words>[^\\${}&~%\n]+|\n)", re.DOTALL)  # fmt: skip
_ACCENTED = re.compile(r"\s*(?:\{\s*(\\?[A-Za-z])\s*\}|(\\?[A-Za-z]))")
_OPTIONAL = re.compile(r"\s*\[([^\[\]]{0,400}(?:\[[^\[\]]{0,100}\][^\[\]]{0,400}){0,4})\]")
_BODY = re.compile(r"\\begin\s*\{document\}")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
_DASHES = (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), (",,", "„"))
MAX_MATH_CHARS = 20_000  # of one formula; a dollar sign without its other half ends within the paragraph


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a LaTeX file; title, author and date as the file gives them."""
    del reading
    reader = _Reader(decode(data).replace("\r\n", "\n").replace("\r", "\n"))
    reader.read()
    metadata = {name: reader.facts[name] for name in ("author", "keywords") if reader.facts.get(name)}
    title = reader.facts.get("title", "")
    head = [RawBlock("heading", title, level=1)] if title else []
    head += [RawBlock("paragraph", reader.facts[name]) for name in ("author", "date") if reader.facts.get(name)]
    return Parsed([*head, *reader.blocks], "text/x-tex", title=title, metadata=metadata)


@dataclass(slots=True)
class _Table:
    """A table that is open."""

    rows: list[list[str]] = field(default_factory=lambda: [[]])
    rules: list[int] = field(default_factory=list)  # how many rows stand above each line that is drawn

    @property
    def headers(self) -> int:
        """Rows that name columns: those above the first line within a table that is not ruled throughout."""
        inner = sorted({rule for rule in self.rules if 0 < rule < len(self.rows)})
        return inner[0] if inner and inner[0] <= 2 and len(inner) < max(2, len(self.rows) - 1) else 0


class _Reader:
    def __init__(self, text: str) -> None:
        self.blocks: list[RawBlock] = []
        self.facts: dict[str, str] = {}
        self._text = text
        self._at = 0
        self._start = 0  # of the token at hand
        self._begin = _BODY.search(text)
        self._closing = _braces(text)
        self._deeds: dict[int, Callable[[], None]] = {}  # what is done at a closing brace
        self._said: list[str] = []
        self._lists = 0
        self._tables: list[_Table] = []
        self._floats: list[int] = []  # where the blocks of an open figure or table begin
        self._line = 1
        self._counted = 0
        self._first_line = 1
        self._blank = True  # nothing but spaces was said

    def read(self) -> None:
        """Collects the blocks and the facts."""
        while self._at < len(self._text):
            match = _TOKEN.match(self._text, self._at)
            if match is None:  # a backslash at the very end
                break
            self._start, self._at = self._at, match.end()
            if match.lastgroup == "end" and match.group("end") == "document":
                break
            self._deal(match)
        self._flush()

    def _deal(self, match: re.Match[str]) -> None:
        """Does what a token asks for."""
        what, told = match.lastgroup, match.group(match.lastgroup or 0)
        if what == "begin":
            self._open(told.rstrip("*"))
        elif what == "end":
            self._close(told.rstrip("*"))
        elif what == "command":
            self._command(told)
        elif what == "sign":
            self._sign(told)
        elif what == "dollar":
            self._formula(told)
        elif what == "mark":
            self._mark(told)
        elif what == "words":
            self._say(told)
        elif not self._tables:
            self._flush()

    @property
    def _in_preamble(self) -> bool:
        return self._begin is not None and self._at <= self._begin.start()

    def _say(self, text: str) -> None:
        if self._blank and text.strip():
            self._blank = False
            self._first_line = self._line_at(self._start)
        self._said.append(text)

    def _line_at(self, position: int) -> int:
        if position > self._counted:
            self._line += self._text.count("\n", self._counted, position)
            self._counted = position
        return self._line

    def _take(self) -> str:
        text = "".join(self._said)
        self._said.clear()
        self._blank = True
        for sign, instead in _DASHES:
            text = text.replace(sign, instead)
        return " ".join(text.split())

    def _flush(self, kind: BlockKind | None = None, level: int = 0) -> None:
        text = self._take()
        if text and not self._in_preamble:
            place = lines_place(self._first_line, self._line_at(self._start))
            told = kind or ("list_item" if self._lists else "paragraph")
            self.blocks.append(RawBlock(told, text, level=level, place=place))

    def _options(self) -> str:
        """Passes an optional argument, and says what it is."""
        match = _OPTIONAL.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group(1)

    def _argument(self) -> tuple[int, int] | None:
        """Where the argument in braces that follows lies."""
        at = self._at
        while at < len(self._text) and self._text[at] in " \t\n":
            at += 1
        if self._text[at : at + 1] != "{" or at not in self._closing:
            return None
        return at + 1, self._closing[at]

    def _pass(self, count: int) -> None:
        """Passes so many arguments, and the optional ones between them."""
        for _ in range(count):
            self._options()
            if (span := self._argument()) is not None:
                self._at = span[1] + 1
        self._options()

    def _then(self, deed: Callable[[], None]) -> None:
        """Reads the argument that follows, and does `deed` at its end."""
        self._options()
        if (span := self._argument()) is not None:
            self._at = span[0]
            self._deeds[span[1]] = deed
        else:
            deed()

    def _open(self, name: str) -> None:
        if name == "document":
            self._take()
        elif name in CODE or name in MATH or name in DRAWN:
            self._verbatim(name)
        elif name in TABLES:
            self._flush() if not self._tables else None
            self._pass(2 if name in WIDE else 1)
            self._tables.append(_Table())
        elif not self._tables:
            self._flush()
            self._options()
            self._lists += name in LISTS
            if name in {"table", "figure", "longtable", "wraptable", "wrapfigure"}:
                self._floats.append(len(self.blocks))
            if name in {"thebibliography", "multicols", "minipage", "wrapfigure", "wraptable", "adjustbox", "tasks"}:
                self._pass(1)

    def _close(self, name: str) -> None:
        if name in TABLES and self._tables:
            self._close_table()
        elif not self._tables:
            self._flush()
            self._lists = max(0, self._lists - (name in LISTS))
            if name in {"table", "figure", "wraptable", "wrapfigure"} and self._floats:
                self._floats.pop()

    def _verbatim(self, name: str) -> None:
        """Code and formulas: everything up to the end of the environment, as it is written."""
        self._flush() if not self._tables else None
        end = re.compile(rf"\\end\s*\{{{re.escape(name)}\*?\}}").search(self._text, self._at)
        stop, after = (end.start(), end.end()) if end else (len(self._text), len(self._text))
        if name in CODE:
            self._options()
            if name in {"minted", "filecontents"} and (span := self._argument()) is not None:
                self._at = span[1] + 1
        start, self._at = self._at, after
        told = self._text[start:stop]
        if name in DRAWN or self._in_preamble:
            return
        if self._tables:
            self._say(" ".join(told.split()))
            return
        place = lines_place(self._line_at(start), self._line_at(stop))
        text = told if name in CODE else re.sub(r"\\(?:label\{[^{}]*\}|nonumber|notag)", "", _COMMENT.sub(r"\1", told))
        self.blocks.append(RawBlock("code" if name in CODE else "paragraph", text, place=place))

    def _formula(self, dollar: str) -> None:
        """A formula with its dollar signs; a lone sign is a sign."""
        limit = min(len(self._text), self._at + MAX_MATH_CHARS)
        gap = self._text.find("\n\n", self._at, limit)
        stop = self._text.find(dollar, self._at, gap if gap >= 0 else limit)
        if stop < 0:
            self._say(dollar)
            return
        told = self._text[self._at : stop]
        self._at = stop + len(dollar)
        if dollar == "$$" and not self._tables:
            self._flush()
            self._say(told)
            self._flush("paragraph")
        else:
            self._say(f"${told}$")

    def _mark(self, mark: str) -> None:
        if mark == "%":
            end = self._text.find("\n", self._at)
            # A comment takes the end of its line with it, and the spaces at the start of the next.
            self._at = len(self._text) if end < 0 else end + 1
        elif mark == "~":
            self._say(" ")
        elif mark == "&" and self._tables:
            self._tables[-1].rows[-1].append(self._take())
        elif mark == "&":
            self._say("&")
        elif mark == "}" and self._start in self._deeds:
            self._deeds.pop(self._start)()

    def _sign(self, sign: str) -> None:
        if sign == "[":
            end = self._text.find("\\]", self._at, self._at + MAX_MATH_CHARS)
            if end >= 0:
                self._flush() if not self._tables else None
                self._say(self._text[self._at : end])
                self._at = end + 2
                self._flush("paragraph") if not self._tables else None
        elif sign == "\\" and self._tables:
            self._options()
            self._end_row()
        elif sign in ACCENTS:
            self._accent(sign)
        else:
            self._say(SIGNS.get(sign, sign))

    def _accent(self, sign: str) -> None:
        match = _ACCENTED.match(self._text, self._at)
        if match:
            self._at = match.end()
            letter = (match.group(1) or match.group(2)).lstrip("\\")
            self._say(unicodedata.normalize("NFC", letter + ACCENTS[sign]))

    def _command(self, name: str) -> None:
        bare = name.rstrip("*")
        if bare in SECTIONS:
            self._flush()
            self._then(lambda: self._flush("heading", SECTIONS[bare]))
        elif bare in {"title", "author", "date", "keywords"}:
            self._take() if self._in_preamble else self._flush()
            self._then(lambda: self.facts.__setitem__(bare, self._take().replace(" , ", ", ")))
        elif bare == "caption" and not self._tables:
            self._flush()
            self._then(self._caption)
        elif bare in {"item", "bibitem"}:
            self._item(bare)
        elif bare in RULES and self._tables:
            self._tables[-1].rules.append(len(self._tables[-1].rows) - 1)
            self._pass(UNSEEN.get(bare, 0))
        elif bare == "tabularnewline" and self._tables:
            self._end_row()
        elif bare in {"verb", "lstinline", "mintinline"}:
            self._inline_code()
        elif bare == "par":
            self._flush() if not self._tables else None
        else:
            self._inline(bare)

    def _inline(self, name: str) -> None:
        if name.lower().startswith("cite") or name in {"parencite", "textcite", "autocite", "footcite", "nocite"}:
            self._cite(shown=name != "nocite")
        elif name in {"footnote", "thanks", "footnotetext"}:
            self._say(" (")
            self._then(lambda: self._say(") "))
        elif name in UNSEEN:
            self._pass(UNSEEN[name])
        elif name in WORDS:
            self._say(WORDS[name])
        elif name in ACCENTS:
            self._accent(name)
        elif name in {"url", "path", "nolinkurl"} and (span := self._argument()) is not None:
            self._say(self._text[span[0] : span[1]])
            self._at = span[1] + 1
        elif name not in {"left", "right"}:
            self._options()

    def _cite(self, *, shown: bool) -> None:
        """A citation by its keys in brackets."""
        self._options()
        self._options()
        if (span := self._argument()) is not None:
            self._say(f"[{self._text[span[0] : span[1]]}]" if shown else "")
            self._at = span[1] + 1

    def _inline_code(self) -> None:
        self._options()
        mark = self._text[self._at : self._at + 1]
        end = self._text.find("}" if mark == "{" else mark, self._at + 1, self._at + 1000) if mark else -1
        if end > 0:
            self._say(self._text[self._at + 1 : end])
            self._at = end + 1

    def _item(self, name: str) -> None:
        if not self._tables:
            self._flush()
        label = self._options()
        if name == "bibitem":
            self._pass(1)
        elif label:
            self._say(f"{label}: ")

    def _caption(self) -> None:
        """A caption, put before what it belongs to."""
        text = self._take()
        at = self._floats[-1] if self._floats else len(self.blocks)
        line = self._line_at(self._at)
        self.blocks.insert(at, RawBlock("paragraph", text, place=lines_place(line, line)))

    def _end_row(self) -> None:
        self._tables[-1].rows[-1].append(self._take())
        self._tables[-1].rows.append([])

    def _close_table(self) -> None:
        told = self._tables.pop()
        told.rows[-1].append(self._take())
        if not any(told.rows[-1]):
            told.rows.pop()
        if self._tables:
            self._say("; ".join(", ".join(cell for cell in cells if cell) for cells in told.rows))
            return
        last = self.blocks[-1] if self.blocks else None
        line = self._line_at(self._at)
        self.blocks.extend(table(told.rows, headers=told.headers, place=lines_place(line, line), after=last))


def _braces(text: str) -> dict[int, int]:
    """Where each opening brace closes; those that never do are left out."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for match in re.finditer(r"\\.|%[^\n]*|[{}]", text, re.DOTALL):
        sign = match.group()
        if sign == "{":
            opened.append(match.start())
        elif sign == "}" and opened:
            closing[opened.pop()] = match.start()
    return closing
