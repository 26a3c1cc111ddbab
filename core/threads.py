"""The threads that OpenMP keeps for whoever computed with it, and how to give them back."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from functools import cache

_LIBRARY = "libgomp.so.1"
_SOFT = 1  # omp_pause_soft of OpenMP 5.0: settings stay as they are


def release_threads() -> None:
    """Ends the idle OpenMP threads of the calling thread; its next computation starts new ones, in a tenth of a millisecond.

    GNU's OpenMP, which PyTorch and llama.cpp share, keeps a pool for each thread that ever computed, and where all pools together have
    more threads than there are cores, none waits actively any more: llama.cpp, which waits hundreds of times a token, then writes a third
    as fast. Does nothing where another OpenMP is in use, or this one not yet.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):  # AttributeError: GCC before 9
            _openmp().omp_pause_resource_all(_SOFT)


@cache
def _openmp() -> ctypes.CDLL:
    """The library, if it is loaded already; else OSError, which is not remembered: it may be loaded later."""
    return ctypes.CDLL(_LIBRARY, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
