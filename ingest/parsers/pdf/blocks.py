"""Makes blocks of the parts of all pages: paragraphs that go on over columns and pages, headings, lists, code, tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from citewell.core.sentences import ENDS
from citewell.core.types import BlockKind
from citewell.ingest.parsed import Line, RawBlock, row
from citewell.ingest.parsers.pdf.direction import is_rtl
from citewell.ingest.parsers.pdf.headings import MAX_HEADING_CHARS, MAX_HEADING_LINES, Outline, Styles, could_head
from citewell.ingest.parsers.pdf.order import Part
from citewell.ingest.parsers.pdf.shapes import Column, Piece, Sheet, Table

PARAGRAPH_GAP = 1.3  # a wider distance of lines, in usual ones, parts paragraphs
INDENT = 0.8  # in type sizes: a line that begins so much farther in begins a paragraph
SLACK = 1.0  # in type sizes: a line that leaves so much more room than the next word needs ends a paragraph
LOOK_BACK = 6  # blocks between the two ends of a paragraph that goes on over a page: notes, tables
BULLET = re.compile(
    r"(?:[•‣●▪◦○■□✓✔➢*–—-]|\(?\.?\d{1,3}(?:\.\d{1,3}){0,4}[.)]|\.\d{1,2}|\(?\d{1,2}\)|\(?[a-zA-Z][.)]|\([ivxlIVXL]{1,5}\))\s+"
)
_ENDS = re.compile(rf"[{ENDS}:;]['\"”’»)\]]*$")
_CAPTION = re.compile(
    r"[\[(]?(?:table|figure|fig\.|tabelle|tab\.|abbildung|abb\.|tableau|tabla|figura|표|그림|图|表|図)\s*\d",
    re.IGNORECASE,
)
_CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
_HYPHENS = "-\u2010\u00ad"


@dataclass(slots=True)
class TextLine:
    """A line of a column as it is put into blocks."""

    text: str
    page: int
    piece: Piece
    sheet: Sheet
    column: tuple[float, float]
    first: bool  # of its column
    glued: bool = False

    def line(self) -> Line:
        """The line with its place on the page as shown."""
        piece = self.piece
        return Line(
            self.text, self.page, self.sheet.shown((piece.left, piece.top, piece.right, piece.bottom)), self.glued
        )


@dataclass(slots=True)
class _Run:
    """Lines of one block, or the rows of one table."""

    lines: list[TextLine] = field(default_factory=list)
    table: Table | None = None
    sheet: Sheet | None = None
    level: int = 0  # of a heading that the outline names
    number: int = 0


class Composer:
    """Collects the parts of page after page; `blocks` gives the whole."""

    def __init__(self, parts: Sequence[tuple[Sheet, list[Part]]], outline: Outline) -> None:
        self.parts = parts
        self.outline = outline
        lines = [piece for _, group in parts for part in group if isinstance(part, Column) for piece in part.pieces]
        self.styles = Styles.of(lines)
        self.compounds = _compounds(piece.text for piece in lines)
        self.runs: list[_Run] = []

    def blocks(self) -> list[RawBlock]:
        """The blocks of all parts in reading order."""
        for sheet, group in self.parts:
            for part in group:
                if isinstance(part, Table):
                    self._add_table(part, sheet)
                else:
                    self._add_column(part, sheet)
        levels = self.styles.levels([run.lines[0].piece for run in self.runs if run.lines and self._heads(run)])
        made: list[RawBlock] = []
        for run in self.runs:
            made += _table_blocks(run) if run.table else [self._block(run, levels)]
        return made

    def _add_table(self, table: Table, sheet: Sheet) -> None:
        before = next((run for run in reversed(self.runs) if run.table or run.lines), None)
        same = before is not None and before.table is not None and before.sheet is not None
        if same and before and before.table and before.sheet and before.sheet.page != sheet.page and before.table.columns == table.columns:  # fmt: skip
            _go_on(before.table, table)
        self.runs.append(_Run(table=table, sheet=sheet))

    def _add_column(self, column: Column, sheet: Sheet) -> None:
        usual = self.styles.usual_gap
        rights = _rights(column.pieces)
        lines = [
            TextLine(piece.text, sheet.page, piece, sheet, (column.left, rights[round(piece.size)]), at == 0)
            for at, piece in enumerate(column.pieces)
        ]
        marked = self.outline.marks(lines)
        run = self._open_run(lines[0]) if 0 not in marked else None
        if run is None:
            run = _Run(level=marked.get(0, (0, 0))[0], number=marked.get(0, (0, 0))[1])
            self.runs.append(run)
        for at, line in enumerate(lines):
            following = lines[at + 1] if at + 1 < len(lines) else None
            fresh = at in marked or (run.number and len(run.lines) >= run.number)
            if run.lines and (fresh or (at and not run.number and not self._continues(run, line, following, usual))):
                run = _Run(level=marked.get(at, (0, 0))[0], number=marked.get(at, (0, 0))[1])
                self.runs.append(run)
            if run.lines:
                self._glue(run.lines[-1], line)
            run.lines.append(line)

    def _open_run(self, line: TextLine) -> _Run | None:
        """The paragraph of the column or page before that goes on with this line."""
        for run in self.runs[: -LOOK_BACK - 1 : -1]:
            if not run.lines:
                continue
            last = run.lines[-1]
            if abs(last.piece.size - line.piece.size) > 0.6:
                if last.piece.size > line.piece.size and last.piece.size >= self.styles.body:
                    return None
                continue
            return run if not run.level and self._goes_over(run, last, line) else None
        return None

    def _goes_over(self, run: _Run, last: TextLine, line: TextLine) -> bool:
        """Whether a paragraph goes on at the head of the next column or page."""
        if _ENDS.search(last.text) or BULLET.match(line.text) or last.piece.mono != line.piece.mono:
            return False
        if last.piece.bold != line.piece.bold or (
            could_head(run.lines[0].piece, self.styles.body) and len(run.lines) < 3
        ):
            return False
        if last.text[-1:] in _HYPHENS or line.text[:1].islower() or last.text.endswith(","):
            return True
        return len(run.lines) > 1 and self._is_full(last) and not line.text[:1].isupper()

    def _is_full(self, line: TextLine) -> bool:
        left, right = line.column
        if line.sheet.rtl:
            return line.piece.left - left < 0.15 * (right - left)
        return right - line.piece.right < 0.15 * (right - left)

    def _continues(self, run: _Run, line: TextLine, following: TextLine | None, usual: float) -> bool:
        """Whether a line goes on with the paragraph, the heading or the code above it."""
        previous = run.lines[-1]
        if BULLET.match(line.text) and not _mid_sentence(previous.text, line.text):
            return False
        if _CAPTION.match(line.text) and _ENDS.search(previous.text):
            return False
        mono = self.styles.has_code and (previous.piece.mono or line.piece.mono)
        gap = line.piece.base - previous.piece.base
        if mono:
            return previous.piece.mono == line.piece.mono and gap <= 2.5 * line.piece.size
        if not self._same_style(previous, line):
            return previous.text[-1:] in _HYPHENS and line.text[:1].islower()
        limit = PARAGRAPH_GAP * max(self.styles.gap_of(line.piece.size) or usual, line.piece.size)
        if gap > limit + 0.5 or gap < -0.5 * line.piece.size:
            return False
        if could_head(previous.piece, self.styles.body) and len(previous.text) <= MAX_HEADING_CHARS:
            return True
        return not self._begins_paragraph(run, previous, line, following)

    def _same_style(self, previous: TextLine, line: TextLine) -> bool:
        if abs(previous.piece.size - line.piece.size) > 0.6:
            return False
        if previous.piece.bold == line.piece.bold:
            return True
        # A line in bold type within a sentence does not end its paragraph; one above it or below it does.
        return _mid_sentence(previous.text, line.text)

    def _begins_paragraph(self, run: _Run, previous: TextLine, line: TextLine, following: TextLine | None) -> bool:
        if _mid_sentence(previous.text, line.text):
            return False
        size, rtl = line.piece.size, line.sheet.rtl
        ended = _ENDS.search(previous.text) is not None
        inward = (previous.piece.right - line.piece.right) if rtl else (line.piece.left - previous.piece.left)
        listed = BULLET.match(run.lines[0].text) is not None
        if ended and inward > INDENT * size and not (listed and len(run.lines) == 1):
            return True
        if listed and not ended and inward > -INDENT * size:
            return False
        return self._left_room(previous, line, following)

    def _left_room(self, previous: TextLine, line: TextLine, following: TextLine | None) -> bool:
        """Whether the first word of this line had room on the one before, which then ends a paragraph."""
        size = line.piece.size
        words = line.piece.words
        left, right = previous.column
        if line.sheet.rtl:
            room = previous.piece.left - left
            need = words[-1].right - words[-1].left
            even = abs(previous.piece.left - line.piece.left) < size
        else:
            room = right - previous.piece.right
            need = words[0].right - words[0].left
            even = abs(previous.piece.right - line.piece.right) < size
        centred = abs((previous.piece.left + previous.piece.right) - (line.piece.left + line.piece.right)) < size and abs(previous.piece.left - line.piece.left) > size  # fmt: skip
        if even and not centred and previous.piece.right - previous.piece.left > 15 * size:
            return False
        return room > need + (0.3 + SLACK) * size

    def _glue(self, previous: TextLine, line: TextLine) -> None:
        """Joins a word divided between two lines, and lines of scripts that part words by no space."""
        if previous.text[-1:] in _HYPHENS and len(previous.text) > 1 and previous.text[-2].isalpha() and line.text[:1].isalpha():  # fmt: skip
            if self.styles.has_code and line.piece.mono:
                return
            line.glued = True
            head = re.split(r"[^\w-]", previous.text[:-1])[-1]
            tail = re.split(r"[^\w-]", line.text, maxsplit=1)[0]
            kept = f"{head}-{tail}".casefold() in self.compounds or not line.text[:1].islower()
            if not kept or previous.text[-1] == "\u00ad":
                previous.text = previous.text[:-1]
        elif _CJK.match(previous.text[-1:]) and _CJK.match(line.text[:1]):
            line.glued = True

    def _heads(self, run: _Run) -> bool:
        """Whether the lines are a heading."""
        if run.level:
            return True
        first, text = run.lines[0], " ".join(line.text for line in run.lines)
        if len(run.lines) > MAX_HEADING_LINES or len(text) > MAX_HEADING_CHARS or text[-1] in ".;,:" or not any(c.isalpha() for c in text):  # fmt: skip
            return False
        return all(could_head(line.piece, self.styles.body) for line in run.lines) and not first.piece.mono

    def _block(self, run: _Run, levels: dict[tuple[float, int], int]) -> RawBlock:
        first = run.lines[0]
        lines = tuple(line.line() for line in run.lines)
        if self._heads(run):
            level = run.level or self.outline.level_like(first.piece) or levels[self.styles.key(first.piece)]
            return RawBlock("heading", level=level, page=first.page, lines=lines)
        if self.styles.has_code and len(run.lines) > 1 and all(line.piece.mono for line in run.lines):
            return RawBlock("code", page=first.page, lines=tuple(_indented(run.lines)))
        kind: BlockKind = "list_item" if BULLET.match(first.text) else "paragraph"
        return RawBlock(kind, page=first.page, lines=lines)


def _mid_sentence(before: str, after: str) -> bool:
    return not _ENDS.search(before) and after[:1].islower() and not is_rtl(after)


def _rights(pieces: list[Piece]) -> dict[int, float]:
    """For each type size how far to the right the lines of a column go."""
    rights: dict[int, float] = {}
    for piece in pieces:
        size = round(piece.size)
        rights[size] = max(rights.get(size, 0.0), piece.right)
    return rights


def _compounds(texts: Iterable[str]) -> frozenset[str]:
    """The words with a hyphen that stand within a line somewhere: such a hyphen stays at a line's end as well."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(re.findall(r"\w+(?:-\w+)+", text.casefold()))
    return frozenset(found)


def _indented(lines: list[TextLine]) -> list[Line]:
    """Lines of code, with spaces for the room before them."""
    left = min(line.piece.left for line in lines)
    made: list[Line] = []
    for line in lines:
        width = (line.piece.right - line.piece.left) / max(1, len(line.text))
        shown = line.line()
        spaces = " " * min(40, round((line.piece.left - left) / max(width, 1)))
        made.append(Line(spaces + shown.text, shown.page, shown.box))
    return made


def _go_on(before: Table, table: Table) -> None:
    """Takes from a table that goes on with the one of the page before the header that it repeats."""
    if not before.header:
        return
    if table.rows and table.rows[0].cells == before.header:
        table.rows = table.rows[1:]
    for one in table.rows:
        one.header = False
    table.header = before.header


def _table_blocks(run: _Run) -> list[RawBlock]:
    """The rows of a table as blocks, each with the box over it."""
    assert run.table
    assert run.sheet
    made: list[RawBlock] = []
    for one in run.table.rows:
        text = row(one.cells)
        if text.replace("|", "").strip():
            kind: BlockKind = "table_header" if one.header else "table_row"
            line = Line(text, run.sheet.page, run.sheet.shown(one.box))
            made.append(RawBlock(kind, page=run.sheet.page, lines=(line,)))
    return made
