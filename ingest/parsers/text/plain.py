"""Plain text: paragraphs by blank lines, headings by underlining, lists by their marks, columns as tables, encodings by detection."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from charset_normalizer import from_bytes

from citewell.core.errors import FileBroken
from citewell.core.types import BlockKind
from citewell.ingest.parsed import CELLS, Parsed, RawBlock, Reading
from citewell.ingest.parsers.text.rows import table

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_UNDERLINE = re.compile(r"^\s*([=\-~^*#])\1{2,}\s*$")
_ITEM = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,3}[.)]|\(?[a-z]\))\s+\S")
_NUMBERED_HEADING = re.compile(r"^\d{1,2}(?:\.\d{1,2})*\.?\s+\S")
_ODD_SPACES = re.compile(r"[^\S\n\t\f ]")  # no-break spaces and their like, as plain ones
_TABULAR = re.compile(r"\S(?: {3,}|\t|\s\|\s)\S")
_GAP = re.compile(r"\s*(?:\||\t| {3,})\s*")
_RULE = re.compile(r"[ \t|+:=_-]*[=_-]{3}[ \t|+:=_-]*")  # between the rows of a table
_SOFT_HYPHEN = "\u00ad"
_DIVIDED = re.compile(r"([^\W\d_]{2,60})[-\u2010]\Z")
MAX_DIVIDED_CHARS = 64
_GOES_ON = re.compile(r"[^\W\d_A-ZÀ-ÞΑ-ΩА-Я][^\W\d_]*")
_HYPHENATED = re.compile(r"(?<![\w-])[^\W\d_]{2,60}-[^\W\d_]{1,60}")
_AFTER_A_STUB = frozenset(
    ["and", "or", "to", "und", "oder", "bis", "et", "ou", "y", "o", "e", "en", "of"]
)  # as in "pre- and post-war"
MAX_HEADING_CHARS = 90
# More of these than one in a hundred characters: not a text.
MAX_CONTROL_SHARE = 0.01


def decode(data: bytes) -> str:
    """The text of `data` by its byte order mark, as UTF-8, or as the encoding that fits best; raises FileBroken."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding, errors="replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        best = from_bytes(data).best()
        if best is None:
            raise FileBroken("its characters are in no known encoding") from None
        text = str(best)
    controls = sum(1 for c in text if ord(c) < 32 and c not in "\t\n\r\f\x1b")
    if controls > len(text) * MAX_CONTROL_SHARE:
        raise FileBroken("it is binary data, not text")
    return text


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a plain text file; the first line is its title when it is short."""
    del reading
    text = decode(data)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return Parsed(blocks_of(text), media_type="text/plain", title=first if len(first) <= MAX_HEADING_CHARS else "")


def blocks_of(text: str) -> list[RawBlock]:
    """The blocks of a text, each with its lines as its place."""
    return _Blocks(text).read()


def lines_place(first: int, last: int) -> str:
    """The place of the lines from `first` to `last`, counted from 1."""
    return f"line {first}" if first >= last else f"lines {first}-{last}"


def join_lines(lines: Sequence[str], hyphenated: Collection[str] = frozenset()) -> str:
    """The lines as one, with words joined that were divided at a line's end.

    The hyphen stays when the word is in `hyphenated`, the words that the text writes with one inside a line (in lower case).
    """
    parts: list[str] = []
    for line in (line.strip() for line in lines):
        last = parts[-1] if parts else ""
        end, start = _DIVIDED.search(last[-MAX_DIVIDED_CHARS:]), _GOES_ON.match(line)
        if last.endswith(_SOFT_HYPHEN):
            parts[-1] = last[:-1]
        elif end and start and start.group() not in _AFTER_A_STUB:
            if f"{end.group(1)}-{start.group()}".lower() not in hyphenated:
                parts[-1] = last[:-1]
        elif parts:
            parts.append(" ")
        parts.append(line)
    return "".join(parts)


class _Blocks:
    def __init__(self, text: str) -> None:
        clean = _ODD_SPACES.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
        # A form feed ends a page and with it a paragraph; it is no line of its own.
        self._lines = [line for number, whole in enumerate(clean.split("\n"), 1) for line in _parted(number, whole)]
        self._hyphenated = frozenset(word.lower() for word in _HYPHENATED.findall(clean))
        self._blocks: list[RawBlock] = []
        self._run: list[tuple[int, str]] = []

    def read(self) -> list[RawBlock]:
        """The blocks."""
        for index, (number, line) in enumerate(self._lines):
            following = self._line(index + 1)
            if not line.strip() or (_UNDERLINE.match(line) and not self._is_rule(following)):
                self._flush()
            elif self._is_heading(index, line, following):
                self._heading(number, line, following)
            else:
                if _ITEM.match(line):
                    self._flush()
                self._run.append((number, line))
        self._flush()
        return self._blocks

    def _line(self, index: int) -> str:
        return self._lines[index][1] if index < len(self._lines) else ""

    def _is_rule(self, following: str) -> bool:
        """Whether an underline lies between the first row of a table and the next."""
        return len(self._run) == 1 and bool(_TABULAR.search(self._run[0][1]) and _TABULAR.search(following))

    def _is_heading(self, index: int, line: str, following: str) -> bool:
        if self._run:
            return False
        if len(line) <= MAX_HEADING_CHARS and _UNDERLINE.match(following):
            return not (_TABULAR.search(line) and _TABULAR.search(self._line(index + 2)))
        return not following.strip() and _looks_like_heading(line)

    def _heading(self, number: int, line: str, following: str) -> None:
        underlined = _UNDERLINE.match(following)
        level = (1 if following.strip()[0] in "=#*" else 2) if underlined else _depth(line)
        self._blocks.append(RawBlock("heading", line, level=level, place=lines_place(number, number)))

    def _flush(self) -> None:
        run, self._run = self._run, []
        if not run:
            return
        # Columns set with runs of spaces or with pipes are a table: each line is a row.
        tabular = sum(1 for _, line in run if _TABULAR.search(line) or _RULE.fullmatch(line))
        if len(run) > 1 and tabular >= 0.8 * len(run):
            self._blocks.extend(self._table(run))
            return
        kind: BlockKind = "list_item" if _ITEM.match(run[0][1]) else "paragraph"
        text = join_lines([line for _, line in run], self._hyphenated)
        self._blocks.append(RawBlock(kind, text, place=lines_place(run[0][0], run[-1][0])))

    def _table(self, run: list[tuple[int, str]]) -> list[RawBlock]:
        told = [(number, _cells(line)) for number, line in run if not _RULE.fullmatch(line)]
        rules = [at for at, (_, line) in enumerate(run) if _RULE.fullmatch(line)]
        ruled = rules in ([1], [0, 2]) or rules[:3] == [0, 2, len(run) - 1] or rules == [1, len(run) - 1]
        last = self._blocks[-1] if self._blocks else None
        # Rows of as many columns after a blank line go on with the table before.
        goes_on = last is not None and last.text.count(CELLS) == len(told[0][1]) - 1 if told else False
        rows = table([cells for _, cells in told], headers=int(ruled), guess=True, after=None if goes_on else last)
        return [replace(block, place=lines_place(n, n)) for block, (n, _) in zip(rows, told, strict=True)]


def _parted(number: int, line: str) -> list[tuple[int, str]]:
    parts = line.split("\f")
    return [(number, part) for at, text in enumerate(parts) for part in (["", text] if at else [text])]


def _cells(line: str) -> list[str]:
    """The cells of a line that is a row; bars at its ends are its frame."""
    text = line.strip()
    if text.startswith("|") and text.endswith("|") and len(text) > 1:
        text = text[1:-1].strip()
    return _GAP.split(text)


def _looks_like_heading(line: str) -> bool:
    text = line.strip()
    if len(text) > MAX_HEADING_CHARS or text[-1] in ".,;:!?":
        return False
    return bool(_NUMBERED_HEADING.match(text)) or (text.isupper() and len(text) > 3)


def _depth(line: str) -> int:
    match = _NUMBERED_HEADING.match(line.strip())
    return 2 + match.group().rstrip().split()[0].strip(".").count(".") if match else 2
