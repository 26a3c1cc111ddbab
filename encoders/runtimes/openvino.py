"""OpenVINO: networks traced from PyTorch, and static int8 by NNCF's post-training quantisation."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citewell.core.machine import this_machine
from citewell.encoders.network import Loaded, Outputs
from citewell.encoders.runtimes.quiet import quiet

# OpenVINO and NNCF tell their maker of every import and conversion through this package. Without it they say nothing to anybody.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

FILE = "model.xml"


class OpenVinoRuntime:
    """A converted network on so many threads. Threads are not tied to cores: two processes would choose the same ones."""

    step = 32  # a width that differs from the last call\'s costs more than twice as much as padding

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        import openvino

        rest = precision == "int8" and this_machine().bfloat16  # what is not quantised
        config = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" or rest else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        compiled = openvino.Core().compile_model(folder / FILE, "CPU", config)
        self._request = compiled.create_infer_request()
        self._outputs = len(compiled.outputs)

    def run(self, *arrays: object) -> Outputs:
        """The network's outputs, copied out of the memory that the next call uses again."""
        results = self._request.infer(list(arrays), share_inputs=True, share_outputs=True)
        return tuple(np.array(results[place], dtype=np.float32) for place in range(self._outputs))


def convert(loaded: Loaded, example: Sequence[NDArray[np.int64]], folder: Path) -> None:
    """Writes the network in OpenVINO's form, float32, for batches of any size."""
    import openvino

    with quiet():
        openvino.save_model(_traced(loaded, example), folder / FILE, compress_to_fp16=False)


def quantise(
    loaded: Loaded,
    example: Sequence[NDArray[np.int64]],
    calibration: Iterable[Sequence[NDArray[np.int64]]],
    folder: Path,
) -> dict[str, Any]:
    """Writes the network with products of matrices in int8, scaled to what `calibration` needs; returns what describes the method."""
    with quiet():
        import nncf
        import openvino

        batches = [list(arrays) for arrays in calibration]
        quantised = nncf.quantize(
            _traced(loaded, example),
            nncf.Dataset(batches),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(batches),
        )
        openvino.save_model(quantised, folder / FILE, compress_to_fp16=False)
    return {"method": "static int8 by NNCF: post-training, for transformers, weights symmetric, activations not"}


def _traced(loaded: Loaded, example: Sequence[NDArray[np.int64]]) -> Any:
    import openvino
    import torch

    names = loaded.vocabulary.inputs
    inputs = {name: torch.from_numpy(array) for name, array in zip(names, example, strict=True)}
    model = openvino.convert_model(loaded.module.cpu().eval(), example_input=inputs)
    model.reshape({name: [-1, -1] for name in names})
    return model
