"""AsciiDoc, read line by line: sections, paragraphs, lists, tables, listings, captions; macros and includes are not run."""

from __future__ import annotations

import re
from collections.abc import Callable

from citewell.core.types import BlockKind
from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.text.plain import decode, lines_place
from citewell.ingest.parsers.text.rows import table
from citewell.ingest.parsers.web import body

MAX_COLUMNS = 1000
_HEADING = re.compile(r"(={1,6}|#{1,6})\s+(\S.*)")
_ATTRIBUTE = re.compile(r":(!?[\w-]+!?):\s*(.*)")
_BLOCK_LINE = re.compile(r"\[[^\]]*\]\s*$")
_ITEM = re.compile(r"\s*(?:[*-]{1,6}|\.{1,6}|\d{1,4}\.|[a-zA-Z]\.|<[\d.]{1,3}>)\s+(\S.*)")
_TERM = re.compile(r"\s*(\S.{0,200}?)(?::{2,4}|;;)(?:\s+(.*))?$")
_CAPTION = re.compile(r"\.([^\s.].*)")
_FENCE = re.compile(r"(-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,})(?:\w+)?\s*$")
_FRAME = re.compile(r"(?:={4,}|\*{4,}|_{4,}|--|~{4,})\s*$")  # around blocks of any kind
_TABLE = re.compile(r"[|!]={3,}\s*$")
_ROW = re.compile(r"\s*\|.*\|\s*$")
_SILENT = re.compile(r"(?:include|ifdef|ifndef|ifeval|endif|toc)::|'{3,}\s*$|<<<\s*$|\+\s*$|-{3}\s*$")
_IMAGE = re.compile(r"(?:image|video|audio)::?[^\s\[]{0,500}\[([^\]]*)\]")
# Before the bar of a cell: how often, how wide, how set, in which style.
_CELL = re.compile(r"(?:(?<=\s)|^)((?:\d{1,4}(?:\.\d{1,4})?[+*]|\.\d{1,4}\+)?(?:\.?[<^>]){0,2}[aehlmsdv]?)\||(?<!\\)\|")
_COLUMNS = re.compile(r'cols\s*=\s*"?([^"\]]*)')
_SIGNS = re.compile(r"(?<![\w\\])(\*\*?|__?|``?|##?)(?=\S)([^\n]{1,200}?)(?<=\S)\1(?!\w)")
_MARKED = re.compile(r"[\[\]{}<(*_`#^~+\\]|://")  # what has none of these says what it means
_RAISED = re.compile(r"([\^~])([^\s^~]{1,80})\1")
_INLINE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_IMAGE, lambda match: match.group(1).split(",")[0].strip('" ')),
    (re.compile(r"<<[^<>,]{0,200},([^<>]{0,500})>>"), r"\1"),
    (re.compile(r"<<([^<>]{0,200})>>"), r"\1"),
    (re.compile(r"\b(?:kbd|btn):\[([^\]]{0,200})\]"), r"\1"),
    (re.compile(r"\bmenu:([^\s\[]{1,100})\[([^\]]{0,200})\]"), r"\1 > \2"),
    (re.compile(r"\bfootnote(?:ref)?:\w{0,80}\[([^\]]{0,2000})\]"), r" (\1)"),
    (re.compile(r"\b(?:stem|latexmath|asciimath|pass|indexterm2?):\w{0,20}\[([^\]]{0,2000})\]"), r"\1"),
    (re.compile(r"\b(?:link|xref|mailto):[^\s\[]{0,2000}\[([^\]]{1,500})\]"), r"\1"),
    (re.compile(r"\b(?:link|xref|mailto):([^\s\[]{1,2000})\[\]"), r"\1"),
    (re.compile(r"\bhttps?://[^\s\[]{1,2000}\[([^\]]{1,500})\]"), lambda match: match.group(1).removesuffix(",window=_blank").removesuffix("^")),
    (re.compile(r"(\bhttps?://[^\s\[]{1,2000})\[\]"), r"\1"),
    (re.compile(r"\[\[[\w.:-]{1,100}\]\]|\[#[\w.:-]{1,100}\]|\(\(\([^()]{0,200}\)\)\)"), ""),
    (re.compile(r"\(\(([^()]{1,200})\)\)"), r"\1"),
    (re.compile(r"\[[.\w%-]{1,80}\](?=[#*_`])"), ""),
    (re.compile(r"\+\+\+?([^+\n]{1,500})\+\+\+?"), r"\1"),
)  # fmt: skip


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of an AsciiDoc file; author, date and language from its attributes."""
    del reading
    reader = _Blocks(decode(data).replace("\r\n", "\n").split("\n"))
    reader.read()
    told = reader.attributes
    metadata = {name: told[key] for name, key in (("author", "author"), ("date", "revdate"), ("keywords", "keywords"), ("description", "description")) if told.get(key)}  # fmt: skip
    title = next((block.text for block in reader.blocks if block.kind == "heading" and block.level == 1), "")
    return Parsed(
        reader.blocks, "text/asciidoc", title=title, language=told.get("lang", "und").split("-")[0], metadata=metadata
    )


class _Blocks:
    def __init__(self, lines: list[str]) -> None:
        self.blocks: list[RawBlock] = []
        self.attributes: dict[str, str] = {}
        self._lines = lines
        self._at = 0
        self._run: list[str] = []
        self._start = 0
        self._item = False
        self._options = ""

    def read(self) -> None:
        """Collects the blocks."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                self._flush()
            elif not self._take_whole(line) and not self._take_line(line):
                self._begin(item=False) if not self._run else None
                self._run.append(line)
            self._at += 1
        self._flush()

    def _take_whole(self, line: str) -> bool:
        """Reads a block of several lines that begins here."""
        if _TABLE.match(line):
            self._flush()
            self._read_table(line.strip())
        elif fence := _FENCE.match(line):
            self._flush()
            self._read_fence(fence.group(1))
        elif _ROW.match(line) and not self._run:
            self._read_rows()
        else:
            return False
        self._options = ""
        return True

    def _take_line(self, line: str) -> bool:
        """Reads a line that says what it is by how it begins."""
        attribute = _ATTRIBUTE.match(line)
        if line.startswith("//") or _SILENT.match(line) or _FRAME.match(line):
            self._flush()
        elif attribute and not self._run:
            self.attributes[attribute.group(1)] = attribute.group(2)
        elif _BLOCK_LINE.match(line) and not self._run:
            self._options += line
        elif heading := _HEADING.match(line):
            self._flush()
            self._add("heading", self._plain(heading.group(2)), self._at, self._at, len(heading.group(1)))
        elif (caption := _CAPTION.match(line)) and not self._run:
            self._add("paragraph", self._plain(caption.group(1)), self._at, self._at)
        elif item := _ITEM.match(line):
            self._begin(item=True)
            self._run.append(item.group(1))
        elif (term := _TERM.match(line)) and "::" not in term.group(1):
            self._begin(item=True)
            self._run.append(f"{term.group(1)}: {term.group(2) or ''}")
        else:
            return False
        return True

    def _begin(self, *, item: bool) -> None:
        self._flush()
        self._item, self._start = item, self._at

    def _flush(self) -> None:
        if self._run:
            text = " ".join(line.strip().removesuffix(" +") for line in self._run)
            self._add("list_item" if self._item else "paragraph", self._plain(text), self._start, self._at - 1)
        self._run, self._item, self._options = [], False, self._options if not self._run else ""

    def _add(self, kind: BlockKind, text: str, first: int, last: int, level: int = 0) -> None:
        self.blocks.append(RawBlock(kind, text, level=level, place=lines_place(first + 1, last + 1)))

    def _until(self, ends: Callable[[str], bool]) -> list[str]:
        """The lines up to one that ends the block, or to the end of the text."""
        start = self._at + 1
        self._at = start
        while self._at < len(self._lines) and not ends(self._lines[self._at]):
            self._at += 1
        return self._lines[start : self._at]

    def _read_fence(self, fence: str) -> None:
        first = self._at
        lines = self._until(lambda line: line.rstrip() == fence)
        if fence.startswith("/"):
            return
        text = "\n".join(lines)
        if fence.startswith("+"):
            self.blocks.extend(body.blocks_of(text))
        else:
            self._add("code", text, first, self._at)

    def _read_rows(self) -> None:
        """Rows that stand without a frame."""
        first = self._at
        lines = [self._lines[first], *self._until(lambda line: not _ROW.match(line))]
        self._at -= 1
        rows = [[self._plain(cell) for cell in _cells(line)[0]] for line in lines]
        self._add_table([cells[:-1] for cells in rows], 0, first)

    def _read_table(self, frame: str) -> None:
        first = self._at
        lines = self._until(lambda line: line.strip() == frame)
        told = [line for line in lines if line.strip()]
        rows, styles = self._rows(told, _columns(self._options))
        named = bool(re.search(r"%[\w,%-]*header|options\s*=\s*\"[^\"]*header", self._options))
        # The first row names the columns when it stands alone before a blank line.
        alone = len(lines) > 2 and bool(lines[0].strip()) and not lines[1].strip() and len(_cells(lines[0])[0]) > 1
        marked = bool(styles) and all("h" in style for style in styles)
        self._add_table(rows, int(named or alone or marked), first)

    def _rows(self, lines: list[str], columns: int) -> tuple[list[list[str]], list[str]]:
        """The rows of a table, and what is said of the cells of its first."""
        rows: list[list[str]] = []
        styles: list[str] = []
        for line in lines:
            cells, marks = _cells(line)
            if not marks and rows and rows[-1]:
                rows[-1][-1] += f" {self._plain(line)}"
                continue
            told = [self._plain(cell) for cell in cells]
            if not rows:
                styles, columns = marks, max(columns, len(told))
            elif columns and len(told) > columns and not told[-1]:
                told.pop()
            # A cell a line: the row goes on until it is full.
            if rows and len(told) == 1 and columns > 1 and len(rows[-1]) < columns:
                rows[-1].extend(told)
            else:
                rows.append(told)
        return rows, styles

    def _add_table(self, rows: list[list[str]], headers: int, first: int) -> None:
        last = self.blocks[-1] if self.blocks else None
        place = lines_place(first + 1, min(self._at + 1, len(self._lines)))
        self.blocks.extend(table(rows, headers=headers, place=place, after=last))

    def _plain(self, text: str) -> str:
        """The text without marks; attributes that the file sets by their values."""
        if not _MARKED.search(text):
            return text.strip()
        text = re.sub(r"\{([\w-]{1,80})\}", lambda match: self.attributes.get(match.group(1), match.group()), text)
        for pattern, instead in _INLINE:
            text = pattern.sub(instead, text)
        text = _RAISED.sub(r"\2", text)
        return _SIGNS.sub(r"\2", _SIGNS.sub(r"\2", text)).replace("\\|", "|").strip()


def _cells(line: str) -> tuple[list[str], list[str]]:
    """The cells of a line and what is said before the bar of each; neither when it holds no bar."""
    found = list(_CELL.finditer(line))
    if not found:
        return [], []
    ends = [match.start() for match in found[1:]] + [len(line)]
    cells = [line[match.end() : end].strip() for match, end in zip(found, ends, strict=True)]
    marks = [match.group(1) or "" for match in found]
    before = line[: found[0].start()].strip()
    return ([before, *cells], ["", *marks]) if before else (cells, marks)


def _columns(options: str) -> int:
    """How many columns a table's options tell; 0 when they do not."""
    match = _COLUMNS.search(options)
    if not match:
        return 0
    parts = [part.strip() for part in re.split("[,;]", match.group(1))]
    counted = (re.match(r"(\d{1,4})\*", part) for part in parts)
    return min(MAX_COLUMNS, sum(int(found.group(1)) if found else 1 for found in counted))
