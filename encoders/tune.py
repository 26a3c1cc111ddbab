"""Measures the runtimes of a network on this machine: each is converted, compared with the reference on every kind of text, and timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from citewell.core.machine import this_machine
from citewell.encoders import forms, slices
from citewell.encoders.encoder import Encoder
from citewell.encoders.kept import versions
from citewell.encoders.runtimes import NAMES, PACKAGES, REFERENCE, Runtime, missing_for, run_with, suits
from citewell.encoders.tuning import BOUNDS, Measured, Rows, Tuning, choose, refusal

TIMED_TEXTS = 16
TIMED_RUNS = 3
QUESTION_RUNS = 15
Told = Callable[[str], None]  # is told what is being measured

# At the first ingestion these are tried one after the other, up to the first that is faster than the reference: a processor may have the
# instructions for bfloat16 and be slow at them. int8 takes half a minute a model to calibrate, and PyTorch in bfloat16 is only of use where
# nothing else is.
FIRST = ("openvino-bfloat16", "openvino-float32")


def tune(encoder: Encoder, *, thorough: bool = False, told: Told = lambda _: None) -> Tuning:
    """Measures, keeps what was measured, and has the encoder use what was chosen. With `thorough` every runtime is tried that is installed.

    Raises what loading the network in PyTorch raises.
    """
    machine = this_machine()
    threads = encoder.most_threads
    network, loaded = encoder.network, encoder.loaded()
    told(REFERENCE)
    reference = run_with(REFERENCE, None, loaded, threads)
    truth = forms.outputs(network, loaded, reference)
    measured = [_timed(encoder, Measured(runtime=REFERENCE), reference)]
    for name in _candidates(thorough):
        told(name)
        try:
            encoder.convert(name)
            runtime = encoder.runtime(name, threads)
            agreement, order = forms.compared(network, truth, forms.outputs(network, loaded, runtime))
        except Exception as error:  # a runtime that fails is not chosen; the reference works
            measured.append(Measured(runtime=name, refused=f"{type(error).__name__}: {error}"[:300]))
            continue
        why_not = refusal(network.reads, agreement, order)
        encoder.note(name, why_not)
        found = Measured(runtime=name, agreement=agreement, order=round(order, 4), refused=why_not)
        measured.append(_timed(encoder, found, runtime))
        if not thorough and choose(measured, network.reads)[0] != REFERENCE:
            break
    bulk, question, reason = choose(measured, network.reads)
    tuning = Tuning(
        network=network.key,
        machine=machine.name,
        threads=threads,
        made_with=versions("torch", *(package for packages in PACKAGES.values() for package in packages), "nncf"),
        seed=slices.SEED,
        texts=slices.checksum(),
        bounds=BOUNDS,
        measured=tuple(measured),
        bulk=bulk,
        question=question,
        question_threads=_question_threads(encoder, question, threads),
        reason=reason,
        scores=_range(network.reads, truth),
    )
    encoder.remember(tuning)
    return tuning


def _candidates(thorough: bool) -> list[str]:
    """The runtimes to try besides the reference; those that are not installed or do not suit the processor are left out."""
    machine = this_machine()
    usable = [name for name in NAMES if name != REFERENCE and suits(name, machine) and not missing_for(name)]
    if thorough:
        return usable
    first = [name for name in FIRST if name in usable]
    return first or [name for name in usable if name.startswith("torch")]


def _timed(encoder: Encoder, measured: Measured, runtime: Runtime) -> Measured:
    vocabulary = encoder.loaded().vocabulary
    texts = forms.texts_for(encoder.network)
    many = vocabulary.arrays(vocabulary.encode(texts[slices.PASSAGES][:TIMED_TEXTS]))
    one = vocabulary.arrays(vocabulary.encode(texts["questions"][:1]), runtime.step)
    seconds = _seconds(lambda: runtime.run(*many), TIMED_RUNS)
    speed = {
        "texts_per_s": round(TIMED_TEXTS / min(seconds), 2),
        "question_ms": round(1000 * statistics.median(_seconds(lambda: runtime.run(*one), QUESTION_RUNS)), 3),
    }
    return measured.model_copy(update=speed)


def _seconds(call: Callable[[], object], times: int) -> list[float]:
    """What each of so many calls takes; one before them is not counted."""
    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return taken[1:]


def _question_threads(encoder: Encoder, name: str, threads: int) -> int:
    """The number of threads, one or all, on which a single question is run fastest."""
    if threads == 1:
        return 1
    vocabulary = encoder.loaded().vocabulary
    encodings = vocabulary.encode(forms.texts_for(encoder.network)["questions"][:1])

    def taken(count: int) -> float:
        runtime = encoder.runtime(name, count)
        one = vocabulary.arrays(encodings, runtime.step)
        return statistics.median(_seconds(lambda: runtime.run(*one), QUESTION_RUNS))

    return threads if taken(threads) < taken(1) else 1


def _range(reads: str, truth: Rows) -> tuple[float, float]:
    """The first and the last percentile of the reference's scores; of vectors, those of the best cosines of the questions."""
    if reads == "pairs":
        scores = np.concatenate([rows.ravel() for rows in truth.values()])
    else:
        asked = _unit(truth["questions"])
        scores = np.concatenate(
            [(_unit(rows) @ asked.T).max(axis=0) for kind, rows in truth.items() if kind != "questions"]
        )
    low, high = np.percentile(scores, [1, 99])
    return round(float(low), 4), round(float(high), 4)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
