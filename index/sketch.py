"""Sketches: a quarter of a byte for each number of a vector, to find in a large block those that are worth comparing exactly.

Product quantisation of two numbers to four bits, scanned in registers (Andre, Kermarrec and Le Scouarnec, VLDB 2015; FAISS's "fast scan").
A search takes several times as many passages from the sketch as it wants, and compares their vectors. A sketch is built with its block,
measured on the block itself against the exact search, and refused where it finds too little or saves no time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from citewell.core.protocols import Vectors

SKETCHED_ROWS = 200_000  # of a block; fewer are compared exactly in a few milliseconds
LEAST_RECALL = 0.98
OVERS = (4, 8, 16)
_TRAINED_ROWS = 65_536
_SAMPLED = 100  # questions
_TIMED = 10
WANTED = 100  # passages, at which recall is measured; for fewer as many are taken as for these


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a sketch when it was built: recall@100 against the exact search over so many rows, when `over` times as many are
    taken as are wanted, and the milliseconds of a search by it and of an exact one."""

    rows: int
    over: int
    recall: float
    ms: float
    exact_ms: float


@dataclass(frozen=True, slots=True)
class Sketch:
    """The sketch of a block, in the order of its rows."""

    index: faiss.Index
    measured: Measured


def sketch_of(exact: faiss.Index, vectors: Vectors) -> Sketch | None:
    """The sketch of a block of vectors, `(n, dimension) float32`, that `exact` holds; None where it would not be right or not be faster."""
    rows, dimension = vectors.shape
    if dimension % 2:
        return None
    chance = np.random.default_rng(rows)
    index = faiss.IndexPQFastScan(dimension, dimension // 2, 4, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[np.sort(chance.choice(rows, min(rows, _TRAINED_ROWS), replace=False))])
    index.add(vectors)
    # Between two passages each: further from all of them than a passage's own vector would be, as questions are.
    pairs = chance.integers(0, rows, (_SAMPLED, 2))
    questions = vectors[pairs[:, 0]] + vectors[pairs[:, 1]]
    questions /= np.linalg.norm(questions, axis=1, keepdims=True)
    nearest = exact.search(questions, min(WANTED, rows))[1]
    exact_ms = _ms(lambda question: exact.search(question, WANTED), questions)
    for over in OVERS:
        taken = min(WANTED * over, rows)
        found = index.search(questions, taken)[1]
        recall = float(np.mean([np.isin(best, some).mean() for best, some in zip(nearest, found, strict=True)]))
        if recall >= LEAST_RECALL:
            ms = _ms(partial(_looked_ahead, index, exact, taken), questions)
            return Sketch(index, Measured(rows, over, recall, ms, exact_ms)) if ms < exact_ms else None
    return None


def write_sketch(sketch: Sketch, path: Path) -> None:
    """Writes a sketch with what was measured."""
    with path.open("wb") as stream:
        np.savez(
            stream, index=faiss.serialize_index(sketch.index), measured=np.array(list(asdict(sketch.measured).values()))
        )


def read_sketch(path: Path) -> Sketch:
    """What `write_sketch` wrote. Raises what the libraries raise for damaged files."""
    with np.load(path, allow_pickle=False) as stored:
        return Sketch(faiss.deserialize_index(stored["index"]), _measured(stored["measured"]))


def read_measured(path: Path) -> Measured:
    """What was measured of the sketch in a file."""
    with np.load(path, allow_pickle=False) as stored:
        return _measured(stored["measured"])


def _measured(values: NDArray[np.float64]) -> Measured:
    rows, over, recall, ms, exact_ms = values.tolist()
    return Measured(int(rows), int(over), recall, ms, exact_ms)


def compared(
    exact: faiss.Index, rows: NDArray[np.int64], vector: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `count` rows of the largest inner product with `vector` among these rows, by falling score."""
    rows = np.sort(rows)
    scores = exact.reconstruct_batch(rows) @ vector
    order = np.argsort(-scores, kind="stable")[:count]
    return rows[order], scores[order]


def _looked_ahead(index: faiss.Index, exact: faiss.Index, taken: int, question: Vectors) -> None:
    compared(exact, index.search(question, taken)[1][0], question[0], WANTED)


def _ms(search: Callable[[Vectors], object], questions: Vectors) -> float:
    """The median milliseconds of a search for one of some questions."""
    taken = []
    for question in questions[: _TIMED + 1]:
        began = time.perf_counter()
        search(question[None])
        taken.append((time.perf_counter() - began) * 1000)
    return float(np.median(taken[1:]))
