"""Plain text: paragraphs by blank lines, headings by underlining, lists by their marks, encodings by detection."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from citewell.core.errors import FileBroken
from citewell.ingest.normalise import Parsed, RawBlock

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_UNDERLINE = re.compile(r"^\s*([=\-~^*#])\1{2,}\s*$")
_ITEM = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,3}[.)]|\(?[a-z]\))\s+\S")
_NUMBERED_HEADING = re.compile(r"^\d{1,2}(?:\.\d{1,2})*\.?\s+\S")
_ODD_SPACES = re.compile(r"[^\S\n\t ]")  # no-break spaces and their like, as plain ones
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


def parse(data: bytes, max_unpacked_bytes: int) -> Parsed:
    """Blocks of a plain text file."""
    del max_unpacked_bytes  # a text unpacks to itself
    text = _ODD_SPACES.sub(" ", decode(data).replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n"))
    lines = text.split("\n")
    blocks: list[RawBlock] = []
    run: list[str] = []
    for index, line in enumerate(lines):
        following = lines[index + 1] if index + 1 < len(lines) else ""
        if _UNDERLINE.match(line) or not line.strip():
            _flush(run, blocks)
        elif not run and len(line) <= MAX_HEADING_CHARS and _UNDERLINE.match(following):
            blocks.append(RawBlock("heading", line, level=1 if following.strip()[0] in "=#*" else 2))
        elif _ITEM.match(line):
            alone = not run and not following.strip()
            if alone and _is_heading(line):
                blocks.append(RawBlock("heading", line, level=_depth(line)))
            else:
                _flush(run, blocks)
                run.append(line)
        elif not run and not following.strip() and _is_heading(line):
            blocks.append(RawBlock("heading", line, level=_depth(line)))
        else:
            run.append(line)
    _flush(run, blocks)
    first = next((line.strip() for line in lines if line.strip()), "")
    return Parsed(blocks, media_type="text/plain", title=first if len(first) <= MAX_HEADING_CHARS else "")


def _flush(run: list[str], blocks: list[RawBlock]) -> None:
    if not run:
        return
    # Columns set with runs of spaces or with pipes are a table: each line is a row.
    tabular = [line for line in run if re.search(r"\S(?: {3,}|\t|\s\|\s)\S", line)]
    if len(run) > 1 and len(tabular) >= 0.8 * len(run):
        blocks.extend(RawBlock("table_row", re.sub(r"\s*(?:\||\t| {3,})\s*", " | ", line.strip())) for line in run)
    else:
        blocks.append(RawBlock("list_item" if _ITEM.match(run[0]) else "paragraph", " ".join(run)))
    run.clear()


def _is_heading(line: str) -> bool:
    text = line.strip()
    if len(text) > MAX_HEADING_CHARS or text[-1] in ".,;:!?":
        return False
    return bool(_NUMBERED_HEADING.match(text)) or (text.isupper() and len(text) > 3)


def _depth(line: str) -> int:
    match = _NUMBERED_HEADING.match(line.strip())
    return 2 + match.group().rstrip().split()[0].strip(".").count(".") if match else 2
