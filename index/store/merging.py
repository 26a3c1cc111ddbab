"""Small blocks made into large ones, beside the live generation and without the writer's lock: nobody waits for it.

`DIR/merging/` holds the new blocks until a generation links to them; what a killed merge left there is removed by the next one.
Writing goes at a rate that leaves the disk to others.
"""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from citewell.core.errors import WriterBusy
from citewell.core.models import sha256_of
from citewell.index.files import reached, sync
from citewell.index.passages import Slots
from citewell.index.store.blocks import Block, files_of, merged, names_of, open_block, read_dead, to_merge, write_block

FOLDER = "merging"
LOCK_NAME = "merging.lock"


@dataclass(frozen=True, slots=True)
class Merge:
    """Neighbouring blocks made into one: their names, the files of the new block by ending (none when every row was dead) with their
    checksums, its first slot, and the tombstones that are needed no longer."""

    replaced: tuple[str, ...]
    files: dict[str, Path]
    checksums: dict[str, str]
    first_slot: int
    dropped: Slots


class Pace:
    """Lets through so many bytes a second, and 0 all at once."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._began = time.monotonic()
        self._done = 0

    def wait(self, size_bytes: int) -> None:
        """Returns when so many more bytes are due."""
        self._done += size_bytes
        if self._bytes_per_s:
            time.sleep(max(0.0, self._began + self._done / self._bytes_per_s - time.monotonic()))


@contextmanager
def merging(directory: Path) -> Iterator[Path]:
    """The folder for new blocks, empty, while nobody else merges in this directory. Raises WriterBusy."""
    lock = FileLock(directory / LOCK_NAME, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise WriterBusy(f"another process is merging in {directory}") from None
    folder = directory / FOLDER
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def merge_blocks(
    generation: Path, target: Path, pace: Callable[[int], None], *, thoroughly: bool = False
) -> list[Merge]:
    """Writes the merged blocks of the generation in this folder into `target`, synced; none when it was removed meanwhile."""
    try:
        blocks, runs, gone = _runs(generation, thoroughly=thoroughly)
        return [_merge([blocks[i] for i in run], np.concatenate([gone[i] for i in run]), target, pace) for run in runs]
    except (OSError, ValueError, RuntimeError, KeyError, zipfile.BadZipFile):
        if generation.is_dir():
            raise
        return []


def _runs(generation: Path, *, thoroughly: bool = False) -> tuple[list[Block], list[range], list[Slots]]:
    """The blocks of a generation, those that should become one, and the dead slots of each block."""
    blocks = [open_block(generation, name) for name in names_of(generation)]
    dead = read_dead(generation)
    gone = [np.intersect1d(block.columns.slots, dead, assume_unique=True) for block in blocks]
    return (
        blocks,
        to_merge([len(block) for block in blocks], [len(slots) for slots in gone], thoroughly=thoroughly),
        gone,
    )


def _merge(blocks: list[Block], dead: Slots, target: Path, pace: Callable[[int], None]) -> Merge:
    columns, vectors = merged(blocks, dead)
    files: dict[str, Path] = {}
    first_slot = 0
    if len(columns):
        first_slot = int(columns.slots[0])
        name = write_block(target, 0, columns, vectors, pace)
        files = files_of(target, name)
        for path in files.values():
            sync(path)
    reached("block merged")
    checksums = {ending: sha256_of(path) for ending, path in files.items()}
    return Merge(tuple(block.name for block in blocks), files, checksums, first_slot, dead)
