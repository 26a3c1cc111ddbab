"""Reads a page: its words with boxes, the rules drawn on it, and whether it holds pictures."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from citewell.core.types import Box
from citewell.ingest.parsers.pdf import native
from citewell.ingest.parsers.pdf.direction import clusters, has_rtl, in_logical_order, is_rtl
from citewell.ingest.parsers.pdf.drawings import Drawings, read_drawings
from citewell.ingest.parsers.pdf.pieces import pieces_of
from citewell.ingest.parsers.pdf.shapes import Sheet, Word, turned

MAX_CHARS = 300_000  # of a page; what comes after is left out
RTL_WORD_GAP = 0.15  # in type sizes; letters that do not join stand closer
MAX_RTL_WORDS = 2_000  # of a line
BOLD_WEIGHT = 600
FARTHEST = 1_000_000.0  # points from the corner of the page
COVERED = 0.5  # of a page by a picture, for the page to be a picture
INVISIBLE = 3  # the text render mode of a layer that only is searched
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi|cmbx|sfbx|sfsx|ecbx", re.IGNORECASE)
_MONO_NAME = re.compile(rb"courier|mono|consol|menlo|typewriter|cmtt|sftt|inconsolata|fixed", re.IGNORECASE)
_HYPHENS = frozenset("\x02\ufffe")  # how pdfium marks a word divided at a line's end
_BULLETS = str.maketrans(dict.fromkeys("\uf0b7\uf0a7\uf076\uf0d8\uf0a8\uf02d", "•"))
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\uffff]")


@dataclass(slots=True)
class Page:
    """A page as shown: its sheets (the one with most text first) and what is not text."""

    number: int
    width: float
    height: float
    rotation: int  # quarter turns clockwise
    corner: Box  # left, bottom, right and top of what is shown, in the page's own space
    sheets: list[Sheet] = field(default_factory=list)
    pictures: int = 0
    paths: int = 0
    cut: bool = False  # it holds more characters than are read

    def shown(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A box of the page's own space, where up is up, on the page as shown."""
        west, south, east, north = self.corner
        if self.rotation == 1:
            return bottom - south, left - west, top - south, right - west
        if self.rotation == 2:
            return east - right, bottom - south, east - left, top - south
        if self.rotation == 3:
            return north - top, east - right, north - bottom, east - left
        return left - west, north - top, right - west, north - bottom


@dataclass(frozen=True, slots=True)
class _Face:
    """How the characters of one text object look."""

    size: float
    bold: bool
    mono: bool
    turn: int
    invisible: bool


def read_page(handle: pdfium.PdfPage, number: int) -> Page:
    """What the open page with this number holds. The caller holds the lock."""
    shown = _page(handle, number)
    drawings = read_drawings(handle, shown)
    shown.pictures, shown.paths = len(drawings.pictures), drawings.paths
    text_page = handle.get_textpage()
    try:
        lines = _Reader(text_page, shown).lines()
    finally:
        text_page.close()
    shown.sheets = _sheets(shown, _seen(lines, drawings), drawings)
    return shown


def _page(page: Any, number: int) -> Page:
    box = pdfium_c.FS_RECTF()
    pdfium_c.FPDF_GetPageBoundingBox(page.raw, box)
    width, height = page.get_size()
    rotation = (page.get_rotation() // 90) % 4
    return Page(number, width, height, rotation, (box.left, box.bottom, box.right, box.top))


class _Reader:
    """Turns the characters of a text page into words, line by line as pdfium parts them."""

    def __init__(self, text_page: Any, page: Page) -> None:
        self.page = page
        self.raw = native.address(text_page.raw)
        all_chars = text_page.count_chars()
        self.count = max(0, min(all_chars, MAX_CHARS))
        page.cut = all_chars > MAX_CHARS
        self.text = self._text(text_page)
        self.boxes = self._boxes()
        self.faces: dict[int, _Face] = {}
        self.fonts: dict[int, tuple[bool, bool]] = {}
        self.face = _Face(1.0, False, False, 0, False)

    def _text(self, text_page: Any) -> str:
        text: str = text_page.get_text_range(0, self.count) if self.count else ""
        if len(text) == self.count:
            return text
        codes = (native.char_code(self.raw, at) for at in range(self.count))
        return "".join(chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\x01" for code in codes)

    def _boxes(self) -> np.ndarray[Any, Any]:
        """Left, top, right and bottom of each character on the page as shown; one more row ends the last word."""
        raw = np.zeros((self.count + 1, 4), np.float32)
        start = raw.ctypes.data
        for at in range(self.count):
            native.char_box(self.raw, at, start + 16 * at)  # left, top, right, bottom
        left, top, right, bottom = (raw[:, n].astype(np.float64) for n in range(4))
        edges: Any = self.page.shown(left, bottom, right, top)  # type: ignore[arg-type]
        return _finite(np.stack(edges, axis=1))

    def lines(self) -> list[list[tuple[Word, _Face]]]:
        """The words of each line in pdfium's order."""
        spans: list[tuple[int, int, int]] = []  # start, end, line
        start, line, before = 0, 0, 0
        rtl_lines: dict[int, tuple[int, int]] = {}
        for match in re.finditer(r"[^\s\x02\ufffe]+|[\r\n\x02\ufffe]", self.text):
            start, end = match.span()
            if self.text[start] in "\r\n\x02\ufffe":
                if self.text[start] in _HYPHENS and spans and spans[-1][2] == line:
                    spans[-1] = (spans[-1][0], end if spans[-1][1] == start else spans[-1][1], line)
                line += 1
                before = end
                continue
            spans.append((start, end, line))
            if has_rtl(match.group()):
                rtl_lines[line] = (min(before, rtl_lines.get(line, (before, 0))[0]), end)
        if not spans:
            return []
        edges = self._edges(spans)
        bases = self._bases([start for start, _, _ in spans])
        result: dict[int, list[tuple[Word, _Face]]] = {}
        for at, (start, end, number) in enumerate(spans):
            if number not in rtl_lines:
                word = self._word(start, end, edges[at], bases[at])
                if word.text:
                    result.setdefault(number, []).append((word, self.face))
            elif number not in result:
                last = max(e for _, e, n in spans[at : at + MAX_RTL_WORDS] if n == number)
                result[number] = self._rtl_words(start, last, bases[at])
        return list(result.values())

    def _edges(self, spans: list[tuple[int, int, int]]) -> list[list[float]]:
        at = np.array([edge for start, end, _ in spans for edge in (start, end)])
        low = np.minimum.reduceat(self.boxes[:, :2], at, axis=0)[::2]
        high = np.maximum.reduceat(self.boxes[:, 2:], at, axis=0)[::2]
        edges: list[list[float]] = np.concatenate([low, high], axis=1).tolist()
        return edges

    def _word(self, start: int, end: int, edges: list[float], origin: tuple[float, float]) -> Word:
        self.face = face = self._face_at(start)
        left, top, right, bottom = edges
        base = origin[1]
        if face.turn:
            left, top, right, bottom = turned((left, top, right, bottom), face.turn, self.page.width, self.page.height)
            base = self._turned_base(origin)
        text = self.text[start:end]
        if text[-1] in _HYPHENS:
            text = f"{text[:-1]}-"
        if not text.isascii():
            text = text.translate(_BULLETS)
        return Word(_UNSEEN.sub("", text), left, top, right, bottom, base, face.size, face.bold, face.mono)

    def _rtl_words(self, start: int, end: int, origin: tuple[float, float]) -> list[tuple[Word, _Face]]:
        self.face = face = self._face_at(start)
        base = self._turned_base(origin)
        unmapped = (native.char_unmapped(self.raw, at) for at in range(start, end))
        text = "".join(
            " " if bad else one for one, bad in zip(_UNSEEN.sub(" ", self.text[start:end]), unmapped, strict=True)
        )
        boxes = self.boxes[start:end].tolist()
        if face.turn:
            boxes = [turned(tuple(box), face.turn, self.page.width, self.page.height) for box in boxes]
        glyphs = clusters(text, [(box[0], box[2]) for box in boxes])
        inked = [box for one, box in zip(text, boxes, strict=True) if not one.isspace()]
        top, bottom = min((box[1] for box in inked), default=0.0), max((box[3] for box in inked), default=0.0)
        words: list[list[Any]] = []
        for glyph in glyphs:
            if words and glyph.left - words[-1][-1].right <= RTL_WORD_GAP * face.size:
                words[-1].append(glyph)
            else:
                words.append([glyph])
        return [
            (
                Word(in_logical_order([word]), word[0].left, top, max(g.right for g in word), bottom, base, face.size,
                     face.bold, face.mono, glyphs=tuple(word)),
                face,
            )
            for word in words
        ]  # fmt: skip

    def _bases(self, starts: list[int]) -> list[tuple[float, float]]:
        """Where the first characters of words stand, on the page as shown."""
        raw = np.zeros((len(starts), 2), np.float64)
        place = raw.ctypes.data
        for number, at in enumerate(starts):
            native.char_origin(self.raw, at, place + 16 * number, place + 16 * number + 8)
        x, y = _finite(raw).T
        edges: Any = self.page.shown(x, y, x, y)
        left, top, _, _ = edges
        return list(zip(left.tolist(), top.tolist(), strict=True))

    def _turned_base(self, origin: tuple[float, float]) -> float:
        return turned((*origin, *origin), self.face.turn, self.page.width, self.page.height)[1]

    def _face_at(self, at: int) -> _Face:
        item = native.char_object(self.raw, at)
        if not item:
            return self.face
        face = self.faces.get(item)
        if face is None:
            face = self.faces[item] = self._new_face(item, at)
        return face

    def _new_face(self, item: int, at: int) -> _Face:
        a, b, c, d, _, _ = native.matrix_of(native.char_matrix, self.raw, at)
        size = abs(native.char_size(self.raw, at)) * math.hypot(c, d)
        font = native.object_font(item) or 0
        if font not in self.fonts:
            name = native.name_of(font) if font else b""
            bold = bool(font) and (native.font_weight(font) >= BOLD_WEIGHT or bool(_BOLD_NAME.search(name)))
            self.fonts[font] = (bold, bool(_MONO_NAME.search(name)))
        turn = (round(-math.degrees(math.atan2(b, a)) / 90) + self.page.rotation) % 4
        size = size if 0.5 <= size < 2000 else max(1.0, float(self.boxes[at][3] - self.boxes[at][1]))
        return _Face(size, *self.fonts[font], turn, native.render_mode(item) == INVISIBLE)


def _finite(places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The places, those that a damaged file puts nowhere or very far away brought to the edge of what a page may be."""
    finite: np.ndarray[Any, Any] = np.clip(np.nan_to_num(places, nan=FARTHEST), -FARTHEST, FARTHEST)
    return finite


def _seen(lines: list[list[tuple[Word, _Face]]], drawings: Drawings) -> list[list[tuple[Word, _Face]]]:
    """The lines without invisible words, but for those that lie over a picture where nothing visible does."""
    if not any(face.invisible for line in lines for _, face in line):
        return lines
    visible = {(round(w.left / 8), round(w.base / 8)) for line in lines for w, face in line if not face.invisible}

    def counts(word: Word, face: _Face) -> bool:
        if not face.invisible:
            return True
        x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        pictured = any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in drawings.pictures)
        return pictured and (round(word.left / 8), round(word.base / 8)) not in visible

    return [kept for line in lines if (kept := [pair for pair in line if counts(*pair)])]


def _sheets(page: Page, lines: list[list[tuple[Word, _Face]]], drawings: Drawings) -> list[Sheet]:
    """The sheets of a page, without words that lie outside of what is shown."""
    by_turn: dict[int, list[list[Word]]] = {}
    for line in lines:
        for turn in {face.turn for _, face in line}:
            width, height = (page.width, page.height) if turn % 2 == 0 else (page.height, page.width)
            words = [
                w for w, face in line
                if face.turn == turn and 0 <= w.left + w.right <= 2 * width and 0 <= w.top + w.bottom <= 2 * height
            ]  # fmt: skip
            if words:
                by_turn.setdefault(turn, []).append(words)
    return [
        sheet_of(page, turn, by_turn[turn], drawings)
        for turn in sorted(by_turn, key=lambda turn: (-sum(map(len, by_turn[turn])), turn))
    ]


def sheet_of(page: Page, turn: int, lines: list[list[Word]], drawings: Drawings | None = None) -> Sheet:
    """The sheet of the lines that stand with this turn."""
    width, height = (page.width, page.height) if turn % 2 == 0 else (page.height, page.width)
    sheet = Sheet(page.number, turn, width, height, pieces_of(lines))
    sheet.pictured = drawings is not None and any(
        (right - left) * (bottom - top) >= COVERED * width * height for left, top, right, bottom in drawings.pictures
    )
    sheet.rtl = is_rtl(" ".join(word.text for line in lines for word in line))
    for box in drawings.rules if drawings else ():
        left, top, right, bottom = turned(box, turn, page.width, page.height)
        if right - left >= bottom - top:
            sheet.across.append(((top + bottom) / 2, left, right))
        else:
            sheet.down.append(((left + right) / 2, top, bottom))
    return sheet
