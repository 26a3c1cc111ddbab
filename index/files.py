"""Files that must survive: linked, synced, checked; and the named steps between which a crash must cost nothing."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}
_watchers: list[Callable[[str], None]] = []


def reached(step: str) -> None:
    """Marks a step after which a crash must cost nothing."""
    for watcher in _watchers:
        watcher(step)


def watch(watcher: Callable[[str], None]) -> None:
    """Has `watcher` told each step that is reached, for the rest of the process: tests kill it there."""
    _watchers.append(watcher)


def link(source: Path, target: Path) -> None:
    """Gives a file that never changes a second name; copies it where the file system knows no links."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)


def sync(path: Path) -> None:
    """Returns when the file, or the folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
