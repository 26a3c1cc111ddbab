"""What this machine computes with: its processor, the cores that this process may use, and those that are free."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

# What the runtimes make use of, as the kernel names it.
FEATURES = (
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "bf16",
    "i8mm",
)
BF16_FEATURES = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_CPUINFO = Path("/proc/cpuinfo")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_STAT = Path("/proc/stat")
_NVIDIA = Path("/proc/driver/nvidia/version")
_LOOKS = 5
_BETWEEN_S = 0.004


@dataclass(frozen=True, slots=True)
class Machine:
    """A kind of machine: two that are equal compute alike, whatever they are called."""

    processor: str
    features: tuple[str, ...]

    @property
    def name(self) -> str:
        """Names it in files and messages."""
        return f"{self.processor} ({' '.join(self.features) or 'no vector extensions known'})"

    @property
    def bfloat16(self) -> bool:
        """Whether it multiplies bfloat16 natively."""
        return bool(BF16_FEATURES & set(self.features))


@lru_cache(maxsize=1)
def this_machine() -> Machine:
    """The machine that this process runs on."""
    try:
        told = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        told = ""
    names = re.findall(r"^model name\s*:\s*(.+)$", told, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", told, re.MULTILINE)
    known = set(flags[1].split()) if flags else set()
    processor = names[0].strip() if names else platform.processor() or platform.machine() or "unknown processor"
    found = [feature for feature in FEATURES if feature in known]
    return Machine(processor, (*found, *(["nvidia"] if _NVIDIA.exists() else [])))


def usable_cores() -> int:
    """The cores that this process may use: those it is bound to, and no more than its share of time."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(bound, _quota() or bound))


def _quota() -> int | None:
    """Whole cores' worth of time that the control group allows; None where it allows all."""
    try:
        allowed, period = _QUOTA.read_text(encoding="ascii").split()
        return None if allowed == "max" else max(1, round(int(allowed) / int(period)))
    except (OSError, ValueError):
        return None


def available_threads(configured: int) -> int:
    """The configured number of threads, or the number of cores that this process may use."""
    return configured or usable_cores()


def free_threads(configured: int) -> int:
    """The configured number of threads, or the cores that this process may use less those on which others compute at this moment.

    Two programs that each take all cores slow each other down far more than twice. Looks for some milliseconds; at least one.
    """
    cores = available_threads(configured)
    if configured or cores == 1:
        return cores
    others = statistics.median(_running_elsewhere() for _ in range(_LOOKS))
    return max(1, min(cores, (os.cpu_count() or cores) - round(others)))


def _running_elsewhere() -> int:
    """How many threads of the machine besides the calling one compute now; 0 where that cannot be seen."""
    time.sleep(_BETWEEN_S)
    try:
        found = re.search(r"^procs_running (\d+)$", _STAT.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return 0
    return max(0, int(found[1]) - 1) if found else 0
