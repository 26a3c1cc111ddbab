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
GOOD_CONFIDENCE = 72.0  # of a picture: it stands upright
FEW_WORDS = 4
DEFAULT_LANGUAGE = "eng"
MAX_TRIAL_SIDE = 1800  # pixels of the longer side of a picture that is turned to find out which side is up
_ROTATE = re.compile(r"Rotate: (\d+)")
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
    """The lines of a picture that was turned upright: it lay `turn` quarter turns clockwise; sizes are those of the upright one."""

    lines: list[list[Seen]] = field(default_factory=list)
    turn: int = 0
    width: int = 1
    height: int = 1
    confidence: float = 0.0

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
    """The words of a picture, turned upright when it lies on a side. Raises OcrFailed."""
    go_on()
    grey = _grey(image)
    upright = _read(grey, languages, 0)
    words = sum(len(line) for line in upright.lines)
    if words >= FEW_WORDS and upright.confidence >= GOOD_CONFIDENCE:
        return upright
    turn = _turn_of(grey, languages, upright)
    if turn == 0:
        return upright
    turned = _read(_turned(grey, turn), languages, turn)
    return turned if turned.weight > upright.weight else upright


def _turn_of(image: Image.Image, languages: str, upright: OcrReading) -> int:
    """By how many quarter turns clockwise the picture lies: as the program tells, else the turn in which most can be read."""
    told = _told_turn(image)
    if told is not None:
        return told
    if not upright.lines and _is_blank(image):
        return 0
    small = image.copy()
    small.thumbnail((MAX_TRIAL_SIDE, MAX_TRIAL_SIDE))
    tried = [_read(_turned(small, turn), languages, turn) for turn in range(4)]
    return max(tried, key=lambda reading: (reading.weight, -reading.turn)).turn


def _told_turn(image: Image.Image) -> int | None:
    """What the program's own recognition of script and orientation says; None when it sees too little or has no data for it."""
    try:
        report = _run(image, ["--psm", "0", "-l", "osd"]).decode("utf-8", "replace")
    except OcrFailed:
        return None
    match = _ROTATE.search(report)
    # It says by how much to turn clockwise, which is what is missing to a whole turn.
    return None if match is None else (4 - int(match.group(1)) // 90) % 4


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
    table = _run(image, [*(["-l", languages] if languages else []), "--psm", "3", "tsv"]).decode("utf-8", "replace")
    lines = _lines(table)
    if _stand_on_end(lines):  # the program turns columns of text by itself; their places would be those of the picture
        return OcrReading([], turn, *image.size)
    confidences = [seen.confidence for line in lines for seen in line]
    return OcrReading(lines, turn, *image.size, fmean(confidences) if confidences else 0.0)


def _lines(table: str) -> list[list[Seen]]:
    """The words of the program's table, line by line."""
    found: list[tuple[tuple[str, ...], Seen]] = []
    for line in table.splitlines()[1:]:
        fields = line.split("\t")
        if len(fields) != 12 or fields[0] != "5":
            continue
        left, top, width, height = (float(value) for value in fields[6:10])
        seen = Seen(fields[11].strip(), left, top, left + width, top + height, top, top + height, float(fields[10]))
        if seen.text and seen.confidence >= LEAST_CONFIDENCE and (_LETTERS.search(seen.text) or seen.confidence > 60):
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
    image.save(stream, "PNG", compress_level=1)
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
