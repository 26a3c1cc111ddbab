"""Redacts what a parser read: blocks and their lines, title, metadata, warnings and the names of members."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from citewell.core.languages import LIKELY, LOOKED_AT, UNKNOWN, language_of
from citewell.ingest.normalise import normalise_text
from citewell.ingest.parsed import Line, Member, Parsed, RawBlock
from citewell.ingest.redact.redactor import Redactor
from citewell.ingest.redact.spans import LIKELY as BY_SHAPE
from citewell.ingest.redact.spans import MARKS, SURE, Find, Span, apart, replaced

# Metadata that is nothing but people.
PEOPLE = frozenset(
    {"author", "authors", "creator", "last_modified_by", "manager", "from", "to", "cc", "bcc", "sender", "reply_to"}
)
MAX_COLUMN_CHARS = 60  # of a column's name that is read before each of its cells
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")
_BETWEEN_CELLS = re.compile(r" ?\| ?")
_FIGURES = re.compile(r"[0-9]{3}|[0-9][ .-][0-9]")


def redact_parsed(parsed: Parsed, redactor: Redactor) -> tuple[Parsed, Counter[str]]:
    """The same without personal data, and how many there were of each kind.

    Blocks keep their kind, page and place, lines their box; a datum that goes over several lines is replaced in its first.
    Members are redacted while they are asked for, and what is found in their names is added to the counts then.
    """
    language = parsed.language if parsed.language not in {"", UNKNOWN} else language_of(_sample(parsed), least=LIKELY)
    work = _Redaction(redactor, language)
    blocks = list(_redacted_blocks(parsed.blocks, work))
    metadata = {name: work.value(name, value) for name, value in parsed.metadata.items()}
    redacted = replace(
        parsed,
        blocks=blocks,
        title=work.text(parsed.title),
        metadata=metadata,
        members=_Members(parsed.members, work) if parsed.members else parsed.members,
        warnings=tuple(work.text(warning) for warning in parsed.warnings),
    )
    return redacted, work.counts


@dataclass(frozen=True, slots=True)
class _Members:
    """The members with redacted names, as often as they are asked for."""

    members: Iterable[Member]
    work: _Redaction

    def __iter__(self) -> Iterator[Member]:
        given: set[str] = set()
        for member in self.members:
            name = self.work.file_name(member.name)
            if name != member.name or name in given:
                name = _distinct(name, given)
            given.add(name)
            yield replace(member, name=name)


@dataclass(slots=True)
class _Redaction:
    """One redaction of one file: in which language, and what was found so far."""

    redactor: Redactor
    language: str
    counts: Counter[str] = field(default_factory=Counter)

    def text(self, text: str) -> str:
        """`text` redacted; as it was when there is nothing to redact."""
        clean = normalise_text(text)
        return self._marked(clean, spans) if (spans := self.redactor.spans(clean, self.language)) else text

    def value(self, name: str, value: str) -> str:
        """A value of metadata redacted: as a whole where it names people."""
        if self.redactor.names and name.lower().replace("-", "_") in PEOPLE and value.strip():
            self.counts["name"] += 1
            return MARKS["name"]
        return self.text(value)

    def file_name(self, name: str) -> str:
        """A path redacted part by part; the last keeps its ending, which says what the file is."""
        *folders, last = name.split("/")
        ending = _ENDING.search(last)
        stem = last[: ending.start()] if ending else last
        told = self.text(stem)
        if ending and told == stem:
            told = self.text(last)
        if ending and told != last:
            told = told.removesuffix(ending.group()) + ending.group()
        return "/".join([*map(self.text, folders), told])

    def block(self, block: RawBlock, columns: Sequence[str]) -> RawBlock:
        """A block redacted, with the names of the columns when it is a row."""
        keep = block.kind == "code"
        lines = [normalise_text(line.text, keep_lines=keep) for line in block.lines]
        starts, text = _joined(block.lines, lines, "\n" if keep else " ")
        if not block.lines:
            text = normalise_text(block.text, keep_lines=keep)
        spans = self._spans(text, columns)
        if not spans:
            return block
        if not block.lines:
            return replace(block, text=self._marked(text, spans))
        self.counts.update(span.kind for span in spans)
        return replace(
            block, lines=tuple(_line_without(*each, spans) for each in zip(block.lines, lines, starts, strict=True))
        )

    def _spans(self, text: str, columns: Sequence[str]) -> list[Span]:
        """Where data lies; before the cells of a row the names of their columns are read: "Phone" over a number says what it is."""
        whole = self.redactor.spans(text, self.language)
        cells = _cells(text) if columns else []
        if len(cells) != len(columns):
            return whole
        found: list[Span] = []
        for (start, end), column in zip(cells, columns, strict=True):
            if _FIGURES.search(text, start, end):
                told = f"{column[-MAX_COLUMN_CHARS:]}: "
                shift = start - len(told)
                spans = self.redactor.spans(told + text[start:end], self.language)
                found += [Span(s.start + shift, s.end + shift, s.kind) for s in spans if s.start >= len(told)]
        sure = [Find(span.start, span.end, span.kind, SURE) for span in found]
        return apart([*sure, *(Find(span.start, span.end, span.kind, BY_SHAPE) for span in whole)])

    def _marked(self, text: str, spans: Sequence[Span]) -> str:
        self.counts.update(span.kind for span in spans)
        return replaced(text, spans, lambda span: MARKS[span.kind])


def _redacted_blocks(blocks: Iterable[RawBlock], work: _Redaction) -> Iterator[RawBlock]:
    columns: list[str] = []
    for block in blocks:
        if block.kind == "table_header":
            text = normalise_text(block.whole)
            columns = [text[start:end] for start, end in _cells(text)]
        elif block.kind != "table_row":
            columns = []
        yield work.block(block, columns if block.kind == "table_row" else [])


def _cells(row: str) -> list[tuple[int, int]]:
    """Where the cells of a row begin and end."""
    ends = [match.span() for match in _BETWEEN_CELLS.finditer(row)]
    return list(zip([0, *(end for _, end in ends)], [*(start for start, _ in ends), len(row)], strict=True))


def _joined(lines: Sequence[Line], texts: Sequence[str], between: str) -> tuple[list[int], str]:
    """Where each line begins in the text that they make, and that text, as compose_document joins them."""
    starts, pieces, at = [], list[str](), 0
    for line, text in zip(lines, texts, strict=True):
        glue = "" if line.glued or not at or not text.strip() else between
        starts.append(at + len(glue))
        pieces += glue, text
        at += len(glue) + len(text)
    return starts, "".join(pieces)


def _line_without(line: Line, text: str, start: int, spans: Sequence[Span]) -> Line:
    """A line whose text begins at `start` of its block without what lies in `spans`, each marked in the line where it begins."""
    end = start + len(text)
    inside = [
        Span(
            max(span.start, start) - start, min(span.end, end) - start, MARKS[span.kind] if span.start >= start else ""
        )
        for span in spans
        if span.start < end and span.end > start
    ]
    if not inside:
        return line
    told = replaced(text, inside, lambda span: span.kind)
    return replace(line, text=told, glued=line.glued and not told.startswith(" "))


def _sample(parsed: Parsed) -> str:
    """The first characters of the text, enough to tell its language."""
    pieces, length = [], 0
    for block in parsed.blocks:
        pieces.append(block.whole[:LOOKED_AT])
        length += len(pieces[-1])
        if length > LOOKED_AT:
            break
    return " ".join(pieces)


def _distinct(name: str, given: set[str]) -> str:
    """`name`, with a number before its ending when it is already given to another member."""
    ending = PurePosixPath(name).suffix
    at, told = 1, name
    while told in given:
        at += 1
        told = f"{name.removesuffix(ending)}-{at}{ending}"
    return told
