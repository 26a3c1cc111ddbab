"""What the benchmarks share: thread counts, percentiles, resident memory."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from citewell.core.machine import available_threads


def describe_machine() -> str:
    """One line on what the figures were taken with."""
    return f"{available_threads(0)} threads, Python {sys.version.split()[0]}, {sys.platform}"


def percentiles(values_ms: Sequence[float]) -> tuple[float, float]:
    """The median and the 95th percentile."""
    p50, p95 = np.percentile(np.array(values_ms), [50, 95])
    return float(p50), float(p95)


def peak_resident_mb() -> float:
    """The largest resident set of this process so far, in MB. Linux hands `ru_maxrss` of the starting process on, so its own is read."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024 / 1e6
    scale = 1024 if sys.platform != "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6
