"""Brings a network into the form that a runtime reads, and compares what a runtime makes of it with the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citewell.encoders import slices
from citewell.encoders.batching import batches
from citewell.encoders.kept import Kept
from citewell.encoders.network import Loaded, Network, Text
from citewell.encoders.runtimes import REFERENCE, Runtime, run_with
from citewell.encoders.tuning import Agreement, Rows, compare_scores, compare_vectors, refusal


def convert(network: Network, loaded: Loaded, family: str, kept: Kept) -> Path:
    """The folder with the network in this form. Raises what the converter raises."""
    vocabulary = loaded.vocabulary
    texts = texts_for(network)
    example = vocabulary.arrays(vocabulary.encode(texts[slices.PASSAGES][:2]))

    def write(folder: Path) -> dict[str, Any]:
        if family.startswith("openvino"):
            from citewell.encoders.runtimes import openvino as form
        else:
            from citewell.encoders.runtimes import onnx as form  # type: ignore[no-redef]
        if not family.endswith("int8"):
            form.convert(loaded, example, folder)
            return {"method": f"converted from PyTorch for {family}"}
        calibration = [vocabulary.arrays([e]) for kind in texts.values() for e in vocabulary.encode(kind)]
        about = {"calibration": {"texts": len(calibration), "seed": slices.SEED, "checksum": slices.checksum()}}
        return form.quantise(loaded, example, calibration, folder) | about

    return kept.convert(network.key, family, vocabulary, write)


def texts_for(network: Network) -> Mapping[str, Sequence[Text]]:
    """What the network is tried on, by kind."""
    return slices.pairs() if network.reads == "pairs" else slices.slices()


def outputs(network: Network, loaded: Loaded, runtime: Runtime) -> Rows:
    """The first output for every text, by kind."""
    return {kind: _first_output(loaded, runtime, given) for kind, given in texts_for(network).items()}


def compared(network: Network, truth: Rows, found: Rows) -> tuple[dict[str, Agreement], float]:
    """How like the reference it is by kind of text, and how much of its order is kept."""
    return compare_scores(truth, found) if network.reads == "pairs" else compare_vectors(truth, found)


def unlike(network: Network, loaded: Loaded, runtime: Runtime, threads: int) -> str:
    """Why what this runtime computes is too unlike the reference; empty where it is not. Runs both on every kind of text."""
    reference = run_with(REFERENCE, None, loaded, threads)
    truth = outputs(network, loaded, reference)
    return refusal(network.reads, *compared(network, truth, outputs(network, loaded, runtime)))


def _first_output(loaded: Loaded, runtime: Runtime, texts: Sequence[Text]) -> NDArray[np.float32]:
    encodings = loaded.vocabulary.encode(texts)
    rows: dict[int, NDArray[np.float32]] = {}
    for batch in batches([len(encoding) for encoding in encodings]):
        made = runtime.run(*loaded.vocabulary.arrays([encodings[i] for i in batch]))[0]
        rows |= dict(zip(batch, made.reshape(len(batch), -1), strict=True))
    return np.stack([rows[i] for i in range(len(texts))])
