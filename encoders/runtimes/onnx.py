"""ONNX Runtime: networks exported from PyTorch, and static int8 by its own quantiser."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citewell.encoders.network import Loaded, Outputs
from citewell.encoders.runtimes.quiet import quiet

FILE = "model.onnx"


class OnnxRuntime:
    """An exported network on so many threads, which do not spin while they wait."""

    step = 1

    def __init__(self, folder: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(folder / FILE), options, providers=["CPUExecutionProvider"])
        self._names = [given.name for given in self._session.get_inputs()]

    def run(self, *arrays: object) -> Outputs:
        """The network's outputs."""
        made = self._session.run(None, dict(zip(self._names, arrays, strict=True)))
        return tuple(np.asarray(output, dtype=np.float32) for output in made)


def convert(loaded: Loaded, example: Sequence[NDArray[np.int64]], folder: Path) -> None:
    """Writes the network in ONNX, float32, for batches of any size."""
    import torch

    inputs = tuple(torch.from_numpy(array) for array in example)
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    with quiet():
        torch.onnx.export(
            loaded.module.cpu().eval(),
            inputs,
            str(folder / FILE),
            input_names=list(loaded.vocabulary.inputs),
            output_names=list(loaded.vocabulary.outputs),
            dynamic_shapes=tuple({0: batch, 1: tokens} for _ in inputs),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def quantise(
    loaded: Loaded,
    example: Sequence[NDArray[np.int64]],
    calibration: Iterable[Sequence[NDArray[np.int64]]],
    folder: Path,
) -> dict[str, Any]:
    """Writes the network with its linear layers in int8, scaled to what `calibration` needs; returns what describes the method."""
    from onnxruntime import quantization

    names = loaded.vocabulary.inputs

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        """Gives the batches one by one."""

        def __init__(self) -> None:
            self._left = iter([dict(zip(names, arrays, strict=True)) for arrays in calibration])

        def get_next(self) -> dict[str, NDArray[np.int64]] | None:
            return next(self._left, None)

    with tempfile.TemporaryDirectory() as place, quiet():
        convert(loaded, example, Path(place))
        quantization.quantize_static(
            str(Path(place) / FILE),
            str(folder / FILE),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gemm"],
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
            extra_options={"MatMulConstBOnly": True, "WeightSymmetric": True},
        )
    return {"method": "static int8, ONNX Runtime quantize_static, weights by channel, activations min-max"}
