"""Files that must survive: linked, synced, checked; and the named steps at which tests stop the process."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from pathlib import Path

from citewell.core.models import file_sha256

STOP_AT = "CITEWELL_STOP_AT"  # NAME or NAME:N: the process kills itself the N-th time it reaches that step; for tests of crashes
_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}
_times: dict[str, int] = {}


def reached(step: str) -> None:
    """Marks a step after which a crash must cost nothing."""
    wanted = os.environ.get(STOP_AT)
    if wanted is None:
        return
    name, _, number = wanted.partition(":")
    if name == step:
        _times[step] = _times.get(step, 0) + 1
        if _times[step] == int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)


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


def sha256_of(path: Path) -> str:
    """The checksum of a file as it is now."""
    return file_sha256.__wrapped__(path)
