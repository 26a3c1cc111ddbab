"""Runs parsing processes: each parses one file at a time, within limits of memory, time and output, and is replaced after some files."""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO

from citewell.core.errors import FileRejected, FileTimedOut, FileTooLarge, ParserStopped
from citewell.core.settings import IngestSettings
from citewell.ingest.facts import Facts
from citewell.ingest.isolation import wire
from citewell.ingest.isolation.scratch import Scratch
from citewell.ingest.parsed import Reading

PIECE_BYTES = 1 << 20
LONGEST_S = 3600  # for which signs of life count
# Answers are text with boxes; a text of a hundred characters a line takes about as much again for them.
ANSWER_BYTES_PER_BYTE = 4
# What children need of the environment; the rest, keys among it, is kept from them.
ENVIRONMENT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TESSDATA_PREFIX",
    "VIRTUAL_ENV",
    "PYTHONHOME",
)


class _Child:
    """One parsing process."""

    def __init__(self, settings: IngestSettings, folder: Path) -> None:
        self.files = 0
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        environment |= {"TMPDIR": str(self.folder), "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1", "OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1",
                        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}  # fmt: skip
        limits = [str(settings.max_memory_mb), str(settings.max_unpacked_bytes), str(self.folder)]
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "citewell.ingest.isolation.child", *limits],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.folder, env=environment,
            start_new_session=True, bufsize=0,
        )  # fmt: skip

    def end(self) -> None:
        """Kills the process with all that it started, and removes its folder."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class ParserPool:
    """Parsing processes for any number of threads; close it, or use it as a context.

    What children unpack lies in a folder of the pool, which is removed at the end, or after a kill by the next pool.
    """

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._scratch = Scratch()
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        # The system ends a child with the thread that started it (cage.die_with_parent): this one lives as long as the pool.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parser-starter")

    def __enter__(self) -> ParserPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def parse(self, data: bytes, reading: Reading, facts: Facts, unpack_to: Path) -> wire.Told:
        """What the file holds and `facts` say; its members lie in files of `unpack_to`, which must exist.

        Raises a FileRejected; FileTimedOut and ParserStopped when the process had to be ended or ended by itself.
        """
        with self._child() as child:
            mine = child.folder / "members"
            mine.mkdir()
            payload = self._ask(child, data, wire.dump_request(reading, facts, str(mine)))
            try:
                told = wire.load_answer(payload)
            except ValueError as error:
                raise ParserStopped(f"its parser answered nonsense: {error}") from None
            for member in told.members:
                shutil.move(mine / Path(member.file).name, unpack_to / Path(member.file).name)
            return told

    @contextlib.contextmanager
    def _child(self) -> Iterator[_Child]:
        with self._lock:
            child = self._idle.pop() if self._idle else None
        child = child or self._starter.submit(_Child, self._settings, self._scratch.folder).result()
        sound = False
        try:
            yield child
            sound = True
        except FileRejected as error:
            # What was only told leaves a sound process behind; one that ran away or died does not.
            sound = child.process.poll() is None and not isinstance(error, FileTimedOut | ParserStopped | FileTooLarge)
            raise
        finally:
            child.files += 1
            shutil.rmtree(child.folder / "members", ignore_errors=True)
            if sound and child.files < self._settings.files_per_process:
                with self._lock:
                    self._idle.append(child)
            else:
                child.end()

    def _ask(self, child: _Child, data: bytes, asked: bytes) -> bytes:
        request = wire.frame(asked) + wire.LENGTH.pack(len(data))
        began = time.monotonic()
        deadline = began + self._settings.max_seconds
        most = ANSWER_BYTES_PER_BYTE * self._settings.max_unpacked_bytes
        assert child.process.stdin is not None
        assert child.process.stdout is not None
        try:
            _send(child.process.stdin, request, deadline)
            _send(child.process.stdin, data, deadline)
            while not (length := _length(child.process.stdout, deadline)):  # it goes on with the next part
                deadline = min(time.monotonic(), began + LONGEST_S) + self._settings.max_seconds
            if length > most:
                raise FileTooLarge(f"what it says has more than {most} bytes")
            return _receive(child.process.stdout, length, deadline)
        except TimeoutError:
            raise FileTimedOut(
                f"reading it, or a part of it, takes longer than {self._settings.max_seconds} s"
            ) from None
        except (EOFError, OSError):
            raise ParserStopped(_why(child.process)) from None

    def close(self) -> None:
        """Ends all children."""
        with self._lock:
            children, self._idle = self._idle, []
        for child in children:
            child.end()
        self._starter.shutdown()
        self._scratch.close()


_shared: dict[str, ParserPool] = {}
_sharing = threading.Lock()


def shared_pool(settings: IngestSettings) -> ParserPool:
    """The pool of this process for these settings: its processes stay ready for the next ingestion, and end with this process."""
    key = settings.model_dump_json()
    with _sharing:
        if key not in _shared:
            _shared[key] = ParserPool(settings)
            atexit.register(_shared[key].close)
        return _shared[key]


def _send(stream: IO[bytes], data: bytes, deadline: float) -> None:
    os.set_blocking(stream.fileno(), False)
    view = memoryview(data)
    with selectors.DefaultSelector() as waiting:
        waiting.register(stream, selectors.EVENT_WRITE)
        while view:
            if not waiting.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(stream.fileno(), view[:PIECE_BYTES]) :]


def _length(stream: IO[bytes], deadline: float) -> int:
    """Of the frame that comes next; 0 is a sign of life."""
    return int(wire.LENGTH.unpack(_receive(stream, wire.LENGTH.size, deadline))[0])


def _receive(stream: IO[bytes], length: int, deadline: float) -> bytes:
    pieces = bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(stream, selectors.EVENT_READ)
        while len(pieces) < length:
            if not waiting.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            piece = os.read(stream.fileno(), min(PIECE_BYTES, length - len(pieces)))
            if not piece:
                raise EOFError
            pieces += piece
    return bytes(pieces)


def _why(process: subprocess.Popen[bytes]) -> str:
    """How a process ended that did not answer."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = process.wait(timeout=5)
        if code < 0:
            return f"the process that read it was ended by {signal.Signals(-code).name}"
        return f"the process that read it ended with code {code}"
    return "the process that read it does not answer"
