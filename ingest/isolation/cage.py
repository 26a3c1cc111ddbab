"""What a parsing process may not do: much memory, files elsewhere, the network, other programs than the one that reads pictures.

The limits are the system's; the rest is refused by an audit hook, which Python code cannot take away again. Both are a second wall: the
parsers themselves fetch nothing and write nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import site
import sys
import sysconfig
import tempfile
from pathlib import Path

MEGABYTE = 1 << 20
MAX_OPEN_FILES = 256
PR_SET_PDEATHSIG = 1
PROGRAMS = frozenset({"tesseract"})
_NETWORK = (
    "socket.",
    "urllib.",
    "http.client.",
    "ftplib.",
    "smtplib.",
    "poplib.",
    "imaplib.",
    "telnetlib.",
    "nntplib.",
)
_PROCESSES = frozenset({"os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn"})
_CHANGES = frozenset(
    {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "shutil.rmtree"}
)  # fmt: skip
# Shared data of the system: fonts, time zones, media types, tables of languages.
_SHARED = ("/usr/", "/lib/", "/lib64/", "/proc/meminfo/", "/proc/cpuinfo/", "/sys/", "/etc/mime.types/", "/etc/localtime/",
           "/etc/ld.so.cache/", "/etc/timezone/", "/dev/null/", "/dev/urandom/")  # fmt: skip


def limit_memory(max_memory_mb: int, max_file_bytes: int) -> None:
    """Bounds the address space beyond what is taken already, the size of files written and their number; no core dump."""
    try:
        import resource
    except ImportError:  # no such limits on this system: time and output are bounded by the parent
        return
    taken = _address_space_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (taken + max_memory_mb * MEGABYTE, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))


def _address_space_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def die_with_parent() -> None:
    """Has the system end this process when its parent ends, where it can."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def close(folder: Path) -> None:
    """From now on this process writes below `folder` only, reads programs' and shared files and `folder`, and starts nothing but PROGRAMS.

    What is refused raises PermissionError.
    """
    writable = (f"{folder.resolve()}{os.sep}", f"{Path(tempfile.gettempdir()).resolve()}{os.sep}")
    own = {sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(__file__).resolve().parents[2])}
    own |= {*site.getsitepackages(), site.getusersitepackages(), *sysconfig.get_paths().values(), *sys.path}
    readable = (*writable, *_SHARED, *(f"{Path(path).resolve()}{os.sep}" for path in own if path))

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            _check_open(arguments, readable, writable)
        elif event == "subprocess.Popen":
            if os.path.basename(str(arguments[0])) not in PROGRAMS:
                raise PermissionError("a parser starts no program")
        elif event.startswith(_NETWORK):
            raise PermissionError("a parser reaches no network")
        elif event in _PROCESSES:
            raise PermissionError("a parser starts no process")
        elif event in _CHANGES and not _lies_in(arguments[0], writable):
            raise PermissionError("a parser changes no file outside its folder")

    sys.addaudithook(refuse)


def _check_open(arguments: tuple[object, ...], readable: tuple[str, ...], writable: tuple[str, ...]) -> None:
    path, mode, flags = arguments
    if isinstance(path, int):
        return
    changes = bool(isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND))
    changes = changes or bool(isinstance(mode, str) and set(mode) & set("wax+"))
    if not _lies_in(path, writable if changes else readable) and path != os.devnull:
        raise PermissionError(f"a parser {'writes' if changes else 'reads'} no file outside its folder: {path!r}")


def _lies_in(path: object, folders: tuple[str, ...]) -> bool:
    told = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
    return f"{os.path.realpath(told)}{os.sep}".startswith(folders)
