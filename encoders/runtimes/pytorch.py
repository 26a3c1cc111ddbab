"""PyTorch: the reference, and what runs where nothing else is installed."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from citewell.encoders.network import Outputs

if TYPE_CHECKING:
    from torch import nn

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # names of mallopt's parameters in glibc
_KEPT_BYTES = 1 << 28


class TorchRuntime:
    """Runs on an accelerator where there is one, else on so many threads; the products of matrices in the given precision."""

    step = 1

    def __init__(self, module: nn.Module, precision: str, threads: int) -> None:
        import torch

        self._device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
        self._module = module.to(self._device).eval()
        self._dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
        self._threads = threads
        _keep_memory()

    def run(self, *arrays: object) -> Outputs:
        """The network's outputs as float32."""
        import torch

        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        inputs = [torch.from_numpy(array).to(self._device) for array in arrays]
        mixed = self._dtype != torch.float32
        with torch.inference_mode(), torch.autocast(self._device.type, self._dtype, enabled=mixed):
            made = self._module(*inputs)
        tensors = made if isinstance(made, tuple) else (made,)
        return tuple(np.asarray(tensor.float().cpu().numpy(), dtype=np.float32) for tensor in tensors)


@lru_cache(maxsize=1)
def _keep_memory() -> None:
    """Has the C library keep memory that was freed. PyTorch frees each intermediate result, and touching new pages costs a fifth of the time."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    for parameter in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
        mallopt(parameter, _KEPT_BYTES)
