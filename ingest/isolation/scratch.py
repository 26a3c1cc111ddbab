"""A folder for what parsing processes unpack; what a killed process left of one is removed by the next that needs its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "citewell-parsers-"
LOCK = "in-use.lock"
YOUNG_S = 60  # a folder of this age may not be locked yet


class Scratch:
    """A new folder that nobody else reads, in use from construction to `close`, however the process ends."""

    def __init__(self) -> None:
        _sweep(Path(tempfile.gettempdir()))
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = FileLock(self.folder / LOCK)
        self._lock.acquire()

    def close(self) -> None:
        """Removes it with all that it holds."""
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Removes this user's folders that no process uses any more."""
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, Timeout):
            if _is_own(folder) and time.time() - folder.lstat().st_ctime > YOUNG_S:
                with FileLock(folder / LOCK, timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    """Whether it is a folder, not a link to one, and this user's."""
    return not folder.is_symlink() and folder.is_dir() and (os.name != "posix" or folder.lstat().st_uid == os.getuid())
