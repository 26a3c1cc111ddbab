"""Cuts lines into pieces at wide gaps, puts pieces together that a producer drew apart, and finds the rows of a sheet."""

from __future__ import annotations

import re
from itertools import pairwise

from citewell.ingest.parsers.pdf.shapes import Piece, Row, Word

CELL_GAP = 1.2  # a wider gap between words, in type sizes, parts cells
JOIN_GAP = 0.6  # pieces drawn apart that stand no farther from each other, in type sizes, are one
SAME_LINE = 0.45  # words whose base lines differ no more, in type sizes, stand on one line
SPREAD_GAP = 3.0  # in type sizes: how far a justified line spreads its words
MAX_SPREAD = 40  # pieces of a line that may be one spread line
NEIGHBOURS = 3  # rows above and below that tell how wide a line is
LABEL_GAP = 5.0  # how far, in type sizes, the number or bullet of an item stands from its text
FAR_LABEL_GAP = 8.0  # the same for a label that cannot be a cell, such as "1." or a bullet
RULE = re.compile(r"([-=_*.~·—–])\1{4,}")
LABEL = re.compile(
    r"(?:[•‣●▪◦○■□✓✔➢*–—-]|\(?\.?\d{1,3}(?:\.\d{1,3}){0,4}[.):]?|\(?[a-zA-Z][.)]|\(?[ivxlIVXL]{1,5}[.)])"
)


def pieces_of(lines: list[list[Word]]) -> list[Piece]:
    """The pieces of a sheet from its lines in any order; what is a rule drawn with signs is left out."""
    pieces = [Piece.of(words) for line in lines for words in _cut(line)]
    pieces = [piece for piece in pieces if not RULE.fullmatch(piece.words[0].text) or len(piece.words) > 1]
    if not pieces:
        return []
    rows = [Row(_joined(row.pieces)) for row in rows_of(pieces)]
    healed = [
        _spread_joined(row.pieces, rows[max(0, at - NEIGHBOURS) : at + NEIGHBOURS + 1]) for at, row in enumerate(rows)
    ]
    return [piece for pieces in healed for piece in _labelled(pieces)]


def _cut(line: list[Word]) -> list[list[Word]]:
    runs = [[line[0]]]
    for before, word in pairwise(line):
        size = max(before.size, word.size)
        gap = word.left - before.right
        same_line = abs(word.base - before.base) <= SAME_LINE * size
        if same_line and -0.3 * size <= gap <= CELL_GAP * size:
            runs[-1].append(word)
        else:
            word.spaced = False
            runs.append([word])
    return runs


def rows_of(pieces: list[Piece]) -> list[Row]:
    """The rows of some pieces from top to bottom, each from left to right."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda piece: piece.base):
        if rows and piece.table is None and rows[-1].pieces[0].table is None:
            first = rows[-1].pieces[0]
            near = piece.base - first.base <= SAME_LINE * max(first.size, piece.size)
            if near and not any(_overlap(piece, other) for other in rows[-1].pieces):
                rows[-1].pieces.append(piece)
                continue
        rows.append(Row([piece]))
    for row in rows:
        row.pieces.sort(key=lambda piece: piece.left)
    return rows


def _overlap(one: Piece, other: Piece) -> bool:
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared > 0.3 * min(one.right - one.left, other.right - other.left) and abs(one.base - other.base) > 0.5


def _spread_joined(pieces: list[Piece], near: list[Row]) -> list[Piece]:
    """The pieces of a row; those that fill exactly the width of a line near them are one line, spread to fill it."""
    if not 2 <= len(pieces) <= MAX_SPREAD:
        return pieces
    for model in (piece for row in near for piece in row.pieces if row.pieces is not pieces):
        size = model.size
        inside = [p for p in pieces if p.left > model.left - 0.5 * size and p.right < model.right + 0.5 * size]
        if len(inside) < 2 or inside[0].left > model.left + 0.5 * size or inside[-1].right < model.right - 0.5 * size:
            continue
        words = [word for piece in inside for word in piece.words]
        gaps = [after.left - before.right for before, after in pairwise(words)]
        if (
            max(gaps) <= SPREAD_GAP * size
            and max(gaps) < 2 * min(gaps) + 0.5 * size
            and all(p.size == inside[0].size for p in inside)
        ):
            for word in words:
                word.spaced = True
            return (
                [p for p in pieces if p.right <= inside[0].left]
                + [Piece.of(words)]
                + [p for p in pieces if p.left >= inside[-1].right]
            )
    return pieces


def _joined(pieces: list[Piece]) -> list[Piece]:
    """The pieces of a row; those that nearly touch become one."""
    result = [pieces[0]]
    for piece in pieces[1:]:
        before = result[-1]
        gap = piece.left - before.right
        if -0.5 * piece.size <= gap <= JOIN_GAP * min(before.size, piece.size):
            piece.words[0].spaced = False
            result[-1] = Piece.of([*before.words, *piece.words])
        else:
            result.append(piece)
    return result


def _labelled(pieces: list[Piece]) -> list[Piece]:
    """A number or bullet with the one text beside it is an item, not two cells."""
    if len(pieces) != 2:
        return pieces
    label, text = pieces
    plain = label.text[-1].isalnum()
    near = text.left - label.right <= (LABEL_GAP if plain else FAR_LABEL_GAP) * text.size
    heading = label.bold or text.bold or abs(label.size - text.size) > 0.5
    if near and (len(text.words) > 1 or heading) and LABEL.fullmatch(label.text):
        text.words[0].spaced = True
        return [Piece.of([*label.words, *text.words])]
    return pieces
