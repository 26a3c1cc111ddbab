"""Optical character recognition through the program tesseract: words with their places, also of pictures that lie on a side.

The program gets the picture through its standard input and a time limit; nothing is written.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby, pairwise
from statistics import fmean

from PIL import Image

from citewell.ingest.heartbeat import go_on

PROGRAM = "tesseract"
TIMEOUT_S = 60  # for one picture
LEAST_CONFIDENCE = 25.0  # of a word, of 100; what is below is mostly stains
GOOD_CONFIDENCE = 72.0  # of a picture: it was read well
LEGIBLE_CONFIDENCE = 60.0  # of a picture: it stands upright
FEW_WORDS = 4
ACROSS = (1, 3)  # quarter turns of a picture whose lines run upwards or downwards
DEFAULT_LANGUAGE = "eng"
_LANGUAGE = re.compile(r"[A-Za-z][\w/-]{1,40}")
_LETTERS = re.compile(r"\w")


class OcrFailed(Exception):
    """The program could not read a picture; the message says why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A word with its box and that of its line, in pixels from the upper left corner of the upright picture."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    line_top: float
    line_bottom: float
    confidence: float


@dataclass(frozen=True, slots=True)
class OcrReading:
    """The lines of a picture that was turned upright: it lay `turn` quarter turns clockwise; sizes are those of the upright one.

    `seen` counts words before those without confidence were left out; `on_end`: the lines ran upwards or downwards and were dropped.
    """

    lines: list[list[Seen]] = field(default_factory=list)
    turn: int = 0
    width: int = 1
    height: int = 1
    confidence: float = 0.0
    seen: int = 0
    on_end: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether it reads as upright text does."""
        return self._words >= FEW_WORDS and self.confidence >= GOOD_CONFIDENCE

    @property
    def is_legible(self) -> bool:
        """Whether it is upright, however badly it is printed: what stands on its head is never read so well."""
        return self._words >= FEW_WORDS and self.confidence >= LEGIBLE_CONFIDENCE

    @property
    def _words(self) -> int:
        return sum(map(len, self.lines))

    @property
    def weight(self) -> float:
        """How much was read with how much confidence: the largest of four turns is the right one."""
        return sum(seen.confidence * len(seen.text) for line in self.lines for seen in line if seen.confidence > 50)


def is_installed() -> bool:
    """Whether the program can be found."""
    return shutil.which(PROGRAM) is not None


def usable_languages(wanted: str) -> tuple[str, list[str]]:
    """The wanted languages that are installed, joined by +, and those that are not; English or any when none is."""
    installed = _installed_languages(shutil.which(PROGRAM) or PROGRAM)
    names = [name for name in re.split(r"[+,\s]+", wanted) if _LANGUAGE.fullmatch(name)]
    usable = [name for name in names if name in installed]
    missing = [name for name in names if name not in installed]
    return "+".join(usable) or (DEFAULT_LANGUAGE if DEFAULT_LANGUAGE in installed else ""), missing


@lru_cache(maxsize=4)
def _installed_languages(program: str) -> frozenset[str]:
    try:
        done = subprocess.run(  # noqa: S603
            [program, "--list-langs"], capture_output=True, timeout=TIMEOUT_S, check=False, env=_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(done.stdout.decode("utf-8", "replace").split("\n")[1:]) - {"", "osd"}


def read_image(image: Image.Image, languages: str) -> OcrReading:
    """The words of a picture, turned upright when it lies on a side or on its head. Raises OcrFailed.

    The program's own recognition of orientation costs more than a reading and needs more letters, so a turn is told by reading.
    """
    grey = _grey(image)
    best = _read(grey, languages, 0)
    for turn in () if best.is_legible else _turns_to_try(grey, best):
        turned = _read(_turned(grey, turn), languages, turn)
        best = max(best, turned, key=lambda reading: (reading.weight, -reading.turn))
        if turned.is_sure or (turn == ACROSS[0] and not turned.seen and not best.seen):
            break  # nothing was seen in lines that run either way: there is no text
    return best


def _turns_to_try(image: Image.Image, upright: OcrReading) -> tuple[int, ...]:
    """Quarter turns clockwise by which the picture may lie, the likeliest first."""
    if upright.on_end:
        return ACROSS
    if upright.seen:
        return (2, *ACROSS)
    return () if _is_blank(image) else (*ACROSS, 2)


def _is_blank(image: Image.Image) -> bool:
    low, high = image.getextrema()
    return isinstance(low, int | float) and isinstance(high, int | float) and high - low < 8


def _grey(image: Image.Image) -> Image.Image:
    if image.mode in {"RGBA", "LA", "PA"} or (image.mode == "P" and "transparency" in image.info):
        whole = image.convert("RGBA")
        paper = Image.new("RGBA", whole.size, "white")
        image = Image.alpha_composite(paper, whole)
    return image if image.mode == "L" else image.convert("L")


def _turned(image: Image.Image, turn: int) -> Image.Image:
    """The picture that lies `turn` quarter turns clockwise, upright."""
    turns = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}
    return image.transpose(turns[turn]) if turn else image


def _read(image: Image.Image, languages: str, turn: int) -> OcrReading:
    go_on()
    table = _run(image, [*(["-l", languages] if languages else []), "--psm", "3", "tsv"]).decode("utf-8", "replace")
    rows = _word_rows(table)
    lines = _lines(rows)
    if _stand_on_end(lines):  # the program turns columns of text by itself; their places would be those of the picture
        return OcrReading([], turn, *image.size, seen=len(rows), on_end=True)
    confidences = [seen.confidence for line in lines for seen in line]
    return OcrReading(lines, turn, *image.size, fmean(confidences) if confidences else 0.0, len(rows))


def _word_rows(table: str) -> list[list[str]]:
    """The rows of the program's table that are words."""
    rows = [line.split("\t") for line in table.splitlines()[1:]]
    return [fields for fields in rows if len(fields) == 12 and fields[0] == "5" and fields[11].strip()]


def _lines(rows: list[list[str]]) -> list[list[Seen]]:
    """The words that were read with some confidence, line by line."""
    found: list[tuple[tuple[str, ...], Seen]] = []
    for fields in rows:
        left, top, width, height = (float(value) for value in fields[6:10])
        seen = Seen(fields[11].strip(), left, top, left + width, top + height, top, top + height, float(fields[10]))
        if seen.confidence >= LEAST_CONFIDENCE and (_LETTERS.search(seen.text) or seen.confidence > 60):
            found.append((tuple(fields[1:5]), seen))
    lines: list[list[Seen]] = []
    for _, group in groupby(found, key=lambda pair: pair[0]):
        words = [seen for _, seen in group]
        # Letters without descenders and ascenders decide: the usual word of a line, not the highest mark in it.
        top, bottom = sorted(w.top for w in words)[len(words) // 3], sorted(w.bottom for w in words)[len(words) // 2]
        lines.append([replace(seen, line_top=min(top, bottom - 1), line_bottom=bottom) for seen in words])
    return lines


def _stand_on_end(lines: list[list[Seen]]) -> bool:
    """Whether most of the longer words are higher than wide, or the lines go upwards: the picture lies on a side or its head."""
    long = [seen for line in lines for seen in line if len(seen.text) > 3]
    high = sum(1 for seen in long if seen.bottom - seen.top > seen.right - seen.left)
    first = [line[0] for line in lines]
    upwards = sum(1 for above, below in pairwise(first) if below.top < above.top and below.left < above.right)
    backwards = sum(1 for line in lines for a, b in pairwise(line) if b.right < a.left)
    words = sum(len(line) for line in lines)
    return 2 * high > max(len(long), 1) or 2 * backwards > words or (len(first) > 2 and 4 * upwards > 3 * len(first))


def _environment() -> dict[str, str]:
    """One thread: several pictures are read at a time by several processes, and more threads slow one picture down."""
    return {**os.environ, "OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"}


def _run(image: Image.Image, options: list[str]) -> bytes:
    program = shutil.which(PROGRAM)
    if program is None:
        raise OcrFailed("tesseract is not installed")
    stream = io.BytesIO()
    image.save(stream, "PPM")
    try:
        done = subprocess.run(  # noqa: S603
            [program, "stdin", "stdout", "--dpi", "300", *options],
            input=stream.getvalue(), capture_output=True, timeout=TIMEOUT_S, check=False, env=_environment(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OcrFailed(f"it took longer than {TIMEOUT_S} s") from None
    except OSError as error:
        raise OcrFailed(str(error)) from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise OcrFailed(said[-1][:200] if said else f"tesseract ended with {done.returncode}")
    return done.stdout
