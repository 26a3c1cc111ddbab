"""Who works on the queue: each worker holds a lock file while it lives, so that others know at once when it does not."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from filelock import FileLock, Timeout

FOLDER = "workers"


class Owner:
    """A worker's name, alive from construction to `close`, however the process ends."""

    def __init__(self, directory: Path) -> None:
        self.name = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._path = _path(directory, self.name)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self._path)
        self._lock.acquire()

    def close(self) -> None:
        """Ends it."""
        # The file goes first: who takes a lock on a file that is gone finds nobody.
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._lock.release()


def alive(directory: Path, name: str) -> bool:
    """Whether the worker of this name still holds its lock."""
    path = _path(directory, name)
    if not name or not path.is_file():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    with contextlib.suppress(OSError):
        path.unlink()
    lock.release()
    return False


def _path(directory: Path, name: str) -> Path:
    return directory / FOLDER / f"{Path(name).name}.lock"
