"""The rows of a generation on disk: append-only blocks of vectors and ids, and a list of the slots that are held no longer.

`blocks/NAME.faiss` holds the vectors of a block, `blocks/NAME.npz` the slot, passage, document and language of each, and of a large block
`blocks/NAME.sketch` its sketch. A block is written once; the next generation links to it. `dead.npy` lists tombstones. Names sort by slot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import faiss
import numpy as np

from citewell.core.protocols import Vectors
from citewell.index.files import link
from citewell.index.passages import Columns, Slots
from citewell.index.sketch import SKETCHED_ROWS, Measured, Sketch, read_measured, read_sketch, sketch_of, write_sketch

FOLDER = "blocks"
ENDINGS = ("faiss", "npz", "sketch")
DEAD = "dead.npy"
TIER = 4  # a block is merged with the one before it when that one is no larger than so many times its own size
DEAD_SHARE = 0.2  # of a block's rows: when more are dead it is written anew
FEW_BLOCKS = 8
FEW_DEAD = 1000
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a generation: its name, its rows, its vectors, memory-mapped, `(n, dimension) float32`, and their sketch."""

    name: str
    columns: Columns
    vectors: faiss.Index
    sketch: Sketch | None = None

    def __len__(self) -> int:
        return len(self.columns)


def block_name(first_slot: int, generation: int) -> str:
    """Sorts by slot, and is never given twice."""
    return f"{first_slot:012d}-{generation:06d}"


def write_block(
    folder: Path, generation: int, columns: Columns, vectors: Vectors, pace: Callable[[int], None] | None = None
) -> str:
    """Writes one block into `folder` and returns its name. `vectors` is `(len(columns), dimension) float32`, of which 16 bits are kept.

    `pace` is told the size of each piece, in bytes, before it is written.
    """
    target = folder / FOLDER
    target.mkdir(exist_ok=True)
    name = block_name(int(columns.slots[0]) if len(columns) else 0, generation)
    index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    kept = kept_of(vectors)
    if len(vectors):
        index.add(kept)
    with (target / f"{name}.faiss").open("wb") as stream:

        def write(piece: bytes) -> int:
            if pace is not None:
                pace(len(piece))
            return stream.write(piece)

        faiss.write_index(index, faiss.PyCallbackIOWriter(write, _PIECE_BYTES))  # type: ignore[attr-defined]
    with (target / f"{name}.npz").open("wb") as stream:
        np.savez(stream, **{field.name: getattr(columns, field.name) for field in fields(columns)})
    if len(vectors) >= SKETCHED_ROWS:
        sketch = sketch_of(index, kept)
        if sketch is not None:
            write_sketch(sketch, target / f"{name}.sketch")
    return name


def kept_of(vectors: Vectors) -> Vectors:
    """What a block keeps of vectors: each number rounded to 16 bits, here and not by FAISS, whose rounding differs."""
    return vectors.astype(np.float16).astype(np.float32)


def names_of(folder: Path) -> list[str]:
    """The names of the blocks in `folder`, by rising slot."""
    return sorted(path.stem for path in (folder / FOLDER).glob("*.npz"))


def open_block(folder: Path, name: str) -> Block:
    """A block that `write_block` left. Raises what the libraries raise for damaged files."""
    with np.load(folder / FOLDER / f"{name}.npz", allow_pickle=False) as stored:
        slots = stored["slots"]
        languages = (
            stored["languages"] if "languages" in stored else np.zeros(len(slots), dtype=np.uint8)
        )  # before scripts-1
        columns = Columns(slots, stored["passages"], stored["documents"], languages)
    vectors = faiss.read_index(str(folder / FOLDER / f"{name}.faiss"), faiss.IO_FLAG_MMAP_IFC)
    if vectors.ntotal != len(columns):
        raise ValueError(f"block {name} has {vectors.ntotal} vectors for {len(columns)} rows")
    sketch = folder / FOLDER / f"{name}.sketch"
    return Block(name, columns, vectors, read_sketch(sketch) if sketch.is_file() else None)


def link_block(source: Path, target: Path, name: str) -> None:
    """Makes a block of one generation part of another, without copying it."""
    for ending, path in files_of(source, name).items():
        link(path, target / FOLDER / f"{name}.{ending}")


def files_of(folder: Path, name: str) -> dict[str, Path]:
    """The files of a block, by ending."""
    paths = {ending: folder / FOLDER / f"{name}.{ending}" for ending in ENDINGS}
    return {ending: path for ending, path in paths.items() if path.is_file()}


def sketches_of(folder: Path) -> list[Measured]:
    """What was measured of the sketches of a generation's blocks."""
    paths = [files_of(folder, name).get("sketch") for name in names_of(folder)]
    return [read_measured(path) for path in paths if path is not None]


def write_dead(folder: Path, slots: Slots) -> None:
    """Writes the tombstones, by rising slot; nothing where there is none."""
    if len(slots):
        with (folder / DEAD).open("wb") as stream:
            np.save(stream, np.sort(slots))


def read_dead(folder: Path) -> Slots:
    """The tombstones of a generation."""
    path = folder / DEAD
    if not path.is_file():
        return np.zeros(0, dtype=np.int64)
    slots: Slots = np.load(path, allow_pickle=False)
    return slots


def merged(blocks: Sequence[Block], dead: Slots) -> tuple[Columns, Vectors]:
    """The rows and vectors of neighbouring blocks as one, without the dead."""
    kept = [~np.isin(block.columns.slots, dead, assume_unique=True) for block in blocks]
    columns = Columns.joined([block.columns.at(keep) for block, keep in zip(blocks, kept, strict=True)])
    dimension = blocks[0].vectors.d
    parts = [
        block.vectors.reconstruct_n(0, len(block))[keep] if len(block) else np.zeros((0, dimension), dtype=np.float32)
        for block, keep in zip(blocks, kept, strict=True)
    ]
    return columns, np.concatenate(parts)


def to_merge(sizes: Sequence[int], dead: Sequence[int], *, thoroughly: bool = False) -> list[range]:
    """Which neighbouring blocks shall become one, by the number of their rows and of the dead among them.

    From the newest block backwards each is joined to what follows it while it is at most TIER times as large, so that a row is
    rewritten a logarithmic number of times; a block with more than DEAD_SHARE of dead rows is written anew. Few blocks and few dead
    rows are left alone, unless it is done `thoroughly`.
    """
    if not thoroughly:
        dead = [gone if gone >= FEW_DEAD else 0 for gone in dead]
        if len(sizes) <= FEW_BLOCKS:
            return [range(i, i + 1) for i, gone in enumerate(dead) if gone > DEAD_SHARE * sizes[i]]
    living = [size - gone for size, gone in zip(sizes, dead, strict=True)]
    first = len(sizes)
    total = 0
    while first and (first == len(sizes) or living[first - 1] <= TIER * max(total, 1)):
        first -= 1
        total += living[first]
    tail = range(first, len(sizes))
    runs = [tail] if len(tail) > 1 else []
    alone = len(sizes) if not runs else first
    runs += [range(i, i + 1) for i in range(alone) if dead[i] > DEAD_SHARE * sizes[i]]
    return sorted(runs, key=lambda run: run.start)
