"""The threads that OpenMP keeps for whoever computed with it, and how to give them back."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Any

_LIBRARY = "libgomp.so.1"
_SOFT = 1  # omp_pause_soft of OpenMP 5.0: settings stay as they are


def release_threads() -> None:
    """Ends the idle OpenMP threads of the calling thread; its next computation starts new ones, in a tenth of a millisecond.

    GNU's OpenMP, which PyTorch and llama.cpp share, keeps a pool for each thread that ever computed, and where all pools together have
    more threads than there are cores, none waits actively any more: llama.cpp, which waits hundreds of times a token, then writes a third
    as fast. Does nothing where another OpenMP is in use.
    """
    if (library := _openmp()) is not None:
        library.omp_pause_resource_all(_SOFT)


@cache
def _openmp() -> Any:
    """The library that is loaded already; asked for the first time when something has computed with it."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(_LIBRARY, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return None
    return library if hasattr(library, "omp_pause_resource_all") else None  # since GCC 9
