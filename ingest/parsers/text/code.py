"""Source code: blocks that each hold a definition with its comments, or lines that stand together, with their lines as place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from citewell.ingest.parsed import Parsed, RawBlock, Reading
from citewell.ingest.parsers.text.plain import decode, lines_place

MAX_LINES = 80  # of a block; a longer one is parted at blank lines
MIN_LINES = 12  # up to which lines that define nothing are put together
_DEFINITION = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\(\w+\))?|unsafe|extern|inline|virtual|override|sealed|partial|data|open|local|declare|const|create|or|replace)\s+){0,6}"
    r"(?:def|class|function|func|fn|fun|interface|struct|enum|union|trait|impl|module|namespace|package|sub|procedure|proc|macro_rules!|macro|template|type|record|object|protocol|extension|defmodule|defp|defn|table|view|trigger|index|resource|variable|service|message)\b",
    re.IGNORECASE,
)  # fmt: skip
# A function in the manner of C: a type, a name, and an argument list on a line that is no statement.
_C_FUNCTION = re.compile(r"[A-Za-z_][\w:<>,*&\[\]]*(?:[ \t*&]+[\w:~*&]+){1,5}[ \t]*\([^;]{0,400}$")
_ATTACHED = re.compile(
    r"(?:#(?!include|define|if|endif|else|pragma)|//|/\*|\*|--|;|@|%|'|\"\"\"|\[\w|template\s*<|REM\b)"
)  # comments, decorators
_CLOSES = re.compile(r"[}\])]|end\b|else\b|elif\b|except\b|finally\b|catch\b|fi\b|done\b|esac\b")
_TRIPLE = re.compile(r'"""|\'\'\'')
_TYPES = {".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript", ".ts": "typescript", ".java": "java", ".c": "c", ".h": "c", ".cpp": "c++", ".hpp": "c++", ".cc": "c++", ".cs": "csharp", ".go": "go", ".rs": "rust", ".rb": "ruby", ".php": "php", ".sh": "shellscript", ".sql": "sql", ".r": "r", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".css": "css"}  # fmt: skip


def parse(data: bytes, reading: Reading) -> Parsed:
    """Blocks of a source file; its name is its title."""
    path = PurePosixPath(reading.name)
    lines = decode(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    triple = path.suffix.lower() in {".py", ".pyi"}
    blocks = [
        RawBlock("code", "\n".join(lines[start:end]), place=lines_place(start + 1, end))
        for start, end in _spans(lines, triple=triple)
    ]
    kind = _TYPES.get(path.suffix.lower(), "source")
    return Parsed(blocks, f"text/x-{kind}", title=path.name)


def _spans(lines: Sequence[str], *, triple: bool) -> Iterator[tuple[int, int]]:
    """Where each block begins and ends, as indices of lines."""
    start, defines = 0, False
    for at, begins in _borders(lines, triple=triple):
        # What defines nothing is put together while it is short; a definition always begins a block.
        if not begins and not defines and at - start < MIN_LINES:
            continue
        yield from _parted(lines, start, at)
        start, defines = at, begins
    yield from _parted(lines, start, len(lines))


def _borders(lines: Sequence[str], *, triple: bool) -> Iterator[tuple[int, bool]]:
    """The lines at which a block may begin, and whether a definition does."""
    attached = 0  # where the comments and decorators right above begin
    quoted, blank = False, False
    for at, line in enumerate(lines):
        inside = quoted
        if triple and len(_TRIPLE.findall(line)) % 2:
            quoted = not quoted
        if not line.strip():
            attached, blank = at + 1, True
            continue
        top = not line[0].isspace() and not inside
        if top and at and (_DEFINITION.match(line) or _C_FUNCTION.match(line)):
            yield attached, True
        elif top and blank and at and not _CLOSES.match(line) and not (_ATTACHED.match(line) and _leads(lines, at)):
            yield at, False
        if not (top and _ATTACHED.match(line)):
            attached = at + 1
        blank = False


def _leads(lines: Sequence[str], at: int) -> bool:
    """Whether the comment that begins here stands right above a definition, which then begins the block."""
    for line in lines[at : at + MAX_LINES]:
        if not line.strip():
            return False
        if not _ATTACHED.match(line.lstrip()):
            return bool(_DEFINITION.match(line) or _C_FUNCTION.match(line))
    return False


def _parted(lines: Sequence[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span without blank lines around it, parted at blank lines while it is too long."""
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    while end - start > MAX_LINES:
        blanks = [at for at in range(start + MIN_LINES, start + MAX_LINES) if not lines[at].strip()]
        cut = blanks[-1] if blanks else start + MAX_LINES
        last = cut
        while last > start and not lines[last - 1].strip():
            last -= 1
        yield start, last
        start = cut
        while start < end and not lines[start].strip():
            start += 1
    if start < end:
        yield start, end
