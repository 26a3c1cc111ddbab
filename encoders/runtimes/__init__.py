"""The ways to run a network: PyTorch, which is the reference, OpenVINO and ONNX Runtime, each in some precisions."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, get_args

from citewell.core.machine import Machine
from citewell.core.settings import RuntimeName
from citewell.encoders.network import Loaded, Outputs

REFERENCE = "torch-float32"
NAMES: tuple[str, ...] = get_args(RuntimeName)
PACKAGES = {"openvino": ("openvino",), "onnx": ("onnxruntime",)}
# What is needed once, to bring a network into that form.
CONVERTING = {"openvino-int8": ("nncf",), "onnx-float32": ("onnx", "onnxscript"), "onnx-int8": ("onnx", "onnxscript")}


class Runtime(Protocol):
    """A network, ready to run on so many threads. `step`: the width of a single text is rounded up to a multiple of it."""

    step: int

    def run(self, *arrays: object) -> Outputs:
        """The network's outputs for arrays of int64 `(texts, tokens)`; numpy arrays of float32 that the caller keeps."""
        ...


def family_of(name: str) -> str:
    """The form in which a runtime keeps a network: runtimes of one family share the files. Empty for PyTorch, which needs none."""
    library, _, precision = name.partition("-")
    return "" if library == "torch" else f"{library}-int8" if precision == "int8" else library


def missing_for(name: str, *, converted: bool = False) -> list[str]:
    """The packages that are not installed and that this runtime needs, also for converting unless that is done."""
    library = name.partition("-")[0]
    wanted = (*PACKAGES.get(library, ()), *(() if converted else CONVERTING.get(name, ())))
    return [package for package in wanted if find_spec(package) is None]


def suits(name: str, machine: Machine) -> bool:
    """Whether the machine's processor computes in the precision of this runtime."""
    return machine.bfloat16 or not name.endswith("bfloat16")


def run_with(name: str, folder: Path | None, loaded: Loaded | None, threads: int) -> Runtime:
    """A network ready to run: from its converted form in `folder`, or, for PyTorch, as it was loaded."""
    library, _, precision = name.partition("-")
    if library == "torch":
        from citewell.encoders.runtimes.pytorch import TorchRuntime

        assert loaded is not None
        return TorchRuntime(loaded.module, precision, threads)
    assert folder is not None
    if library == "openvino":
        from citewell.encoders.runtimes.openvino import OpenVinoRuntime

        return OpenVinoRuntime(folder, precision, threads)
    from citewell.encoders.runtimes.onnx import OnnxRuntime

    return OnnxRuntime(folder, threads)
