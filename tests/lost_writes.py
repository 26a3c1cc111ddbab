"""What a power failure leaves of a folder: every file as it was last synced, under the names that its folder last synced.

A process that is killed leaves the page cache, so what it wrote without a sync is still there; this is the harsher case. It needs a C
compiler, for `lost_writes.c`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("lost_writes.c")


def compiled(folder: Path) -> Path:
    """The library to preload."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: cc is needed to lose writes")
    library = folder / "lost_writes.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def surroundings(library: Path, root: Path, shadow: Path) -> dict[str, str]:
    """The environment in which a process is watched."""
    shadow.mkdir(exist_ok=True)
    return {"LD_PRELOAD": str(library), "LOST_WRITES_ROOT": str(root), "LOST_WRITES_SHADOW": str(shadow)}


def lose_unsynced(root: Path, shadow: Path) -> int:
    """Puts `root` into the state after a power failure; returns how many files are gone or have other bytes."""
    before = {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    shutil.rmtree(root)
    _put_together(root, (shadow / "root").resolve().name, shadow)
    after = {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return sum(after.get(name) != content for name, content in before.items())


def _put_together(folder: Path, listing: str, shadow: Path) -> None:
    folder.mkdir()
    entries = (shadow / listing).read_text().splitlines() if (shadow / listing).is_file() else []
    for key, kind, name in (line.split(" ", 2) for line in entries):
        kept = shadow / f"{kind}-{key}"
        if kind == "dir":
            _put_together(folder / name, kept.name, shadow)
        else:
            (folder / name).write_bytes(kept.read_bytes() if kept.is_file() else b"")


def remember(root: Path, watched: Mapping[str, str]) -> None:
    """Takes everything that is in `root` now as synced."""
    Path(watched["LOST_WRITES_SHADOW"]).mkdir()
    program = (
        "import os, sys\nfor folder, _, names in os.walk(sys.argv[1]):\n"
        "    for path in [folder, *(os.path.join(folder, name) for name in names)]:\n        os.fsync(os.open(path, os.O_RDONLY))"
    )
    subprocess.run([sys.executable, "-c", program, root], env=os.environ | watched, check=True)
