"""From leased tasks to composed documents: read the bytes, see whether they are known, parse them in a process apart, compose.

What a file costs is told with it. A file that fails is one failure, whatever it did to its parser.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from citewell.core.errors import FileNeedsOcr, FileRejected, FileTooLarge
from citewell.core.machine import usable_cores
from citewell.core.settings import IngestSettings
from citewell.core.types import Document
from citewell.index.store.queue import ALONE_AFTER, MAX_LOST_ALONE, NewTask, Task
from citewell.index.store.staging import Staging
from citewell.ingest.facts import Facts, facts_of
from citewell.ingest.feed import read_line_at
from citewell.ingest.isolation.pool import shared_pool
from citewell.ingest.isolation.wire import Told
from citewell.ingest.jobs import content_key
from citewell.ingest.normalise import compose_document
from citewell.ingest.parsed import Reading
from citewell.ingest.sources import SourceFile, readable
from citewell.pipeline.wiring import Engine

SPOOL = "spool"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The bytes of a task, and what is said about them."""

    task: Task
    data: bytes
    content_key: str
    facts: Facts
    name: str


@dataclass(frozen=True, slots=True)
class Composed:
    """What a task came to before its passages are made.

    With `document` it is to be stored; `error` says why there is none; else the outcome is settled. `members` are tasks of their own.
    """

    task: Task
    outcome: str
    told: dict[str, object] = field(default_factory=dict)
    content_key: str = ""
    document: Document | None = None
    error: FileRejected | None = None
    members: tuple[NewTask, ...] = ()


class WindowReader:
    """Reads the files of windows, several at a time; close it. With `force` also those that are known."""

    def __init__(self, engine: Engine, *, force: bool = False) -> None:
        self._engine = engine
        self._settings = engine.settings.ingest
        self._force = force
        self._staging = Staging(engine.directory)
        self._pool = shared_pool(self._settings)
        cores = self._settings.parsers or usable_cores()
        self._threads = ThreadPoolExecutor(max_workers=cores, thread_name_prefix="reader")

    def close(self) -> None:
        """Ends its threads."""
        self._threads.shutdown(cancel_futures=True)
        self._staging.close()

    def read(self, tasks: Sequence[Task]) -> list[Composed]:
        """What each task came to, in their order."""
        loaded = list(self._threads.map(self._load, tasks))
        known = [self._unless_known(found) if isinstance(found, Loaded) else found for found in loaded]
        parsed = list(self._threads.map(lambda f: self._parse(f) if isinstance(f, Loaded) else f, known))
        return [self._with_removals(composed) for composed in parsed]

    def _load(self, task: Task) -> Loaded | Composed:
        if task.action == "remove":
            return Composed(task, "removed")
        started = time.perf_counter()
        if task.lost >= ALONE_AFTER + MAX_LOST_ALONE:
            error = FileRejected(
                f"the program ended {task.lost} times while it dealt with this file, at last with it alone"
            )
            return _failed(task, error, "", started)
        try:
            return load(self._engine, task)
        except FileRejected as error:
            return _failed(task, error, "", started)

    def _unless_known(self, loaded: Loaded) -> Loaded | Composed:
        task = loaded.task
        before = self._staging.known(task.source, task.path)
        container = self._engine.catalog.container_key(task.source, task.path)
        if not self._force and loaded.content_key in {before[1] if before else None, container}:
            return Composed(task, "unchanged", {"bytes": len(loaded.data)}, loaded.content_key)
        told = self._staging.adopt(task, loaded.content_key, self._engine.fingerprints.chunker)
        if told is not None:
            return Composed(task, "changed" if before else "added", dict(told), loaded.content_key)
        return loaded

    def _parse(self, loaded: Loaded) -> Composed:
        task, settings = loaded.task, self._settings
        started = time.perf_counter()
        spool = spool_of(self._engine) / str(task.job_id) / str(task.task_id)
        reading = Reading(
            name=loaded.name, max_unpacked_bytes=settings.max_unpacked_bytes, max_members=settings.max_members, ocr=settings.ocr,
            ocr_languages=settings.ocr_languages, ocr_max_pages=settings.ocr_max_pages, redact=settings.redact, phone_regions=settings.phone_regions,
        )  # fmt: skip
        try:
            shutil.rmtree(spool, ignore_errors=True)
            spool.mkdir(parents=True)
            found = self._pool.parse(loaded.data, reading, loaded.facts, spool)
            if found.members and task.depth >= settings.max_depth:
                raise FileTooLarge(
                    f"files lie in one another deeper than {settings.max_depth}",
                    hint="Unpack it, or raise ingest.max_depth.",
                )
            members = _members(task, found, spool)
            if not members:
                spool.rmdir()
            return self._compose(loaded, found, members, started)
        except FileRejected as error:
            shutil.rmtree(spool, ignore_errors=True)
            return _failed(task, error, loaded.content_key, started, len(loaded.data))

    def _compose(self, loaded: Loaded, found: Told, members: tuple[NewTask, ...], started: float) -> Composed:
        task, parsed = loaded.task, found.parsed
        told: dict[str, object] = {"bytes": len(loaded.data), "media_type": parsed.media_type}
        if parsed.warnings:
            told["warnings"] = list(parsed.warnings)
        if found.redacted:
            told["redacted"] = dict(found.redacted)
        if members:
            told["container_key"] = loaded.content_key
        document = None
        if not parsed.container:
            # The facts are in it already: they were told where personal data is taken out, and must not come back.
            acl = loaded.facts.groups or ()
            document = compose_document(parsed, source=task.source, path=task.path, acl=acl)
            told["pages"] = max(
                (region.page for block in document.blocks for region in block.regions), default=0
            ) or max((block.page or 0 for block in document.blocks), default=0)
        elif not members:
            told["container_key"] = loaded.content_key
        told["parse_ms"] = round((time.perf_counter() - started) * 1000, 1)
        outcome = "container" if document is None else "read"
        return Composed(task, outcome, told, loaded.content_key, document, None, members)

    def _with_removals(self, composed: Composed) -> Composed:
        """With a task for each document that lay in this file before and does not any more."""
        task = composed.task
        if composed.error is not None or composed.outcome == "unchanged" or task.action == "line":
            return composed
        present = {member.path for member in composed.members}
        inside = self._staging.members_of(task.source, task.path)
        gone = [path for path in inside if not any(path == p or path.startswith(f"{p}/") for p in present)]
        removals = tuple(NewTask("remove", task.source, path) for path in gone)
        return Composed(
            task,
            composed.outcome,
            composed.told,
            composed.content_key,
            composed.document,
            None,
            (*composed.members, *removals),
        )


def spool_of(engine: Engine) -> Path:
    """Where files lie that were sent or unpacked, until their job is done; the same for workers that were started elsewhere."""
    return engine.directory.resolve() / SPOOL


def load(engine: Engine, task: Task) -> Loaded:
    """The bytes of a task that reads, and what is said about them. Raises a FileRejected."""
    settings = engine.settings.ingest
    taken_out = redaction_key(settings)
    if task.action == "line":
        line = read_line_at(Path(task.location), task.start_byte, task.size_bytes)
        key = content_key(f"{line.format}:".encode() + line.data, line.facts.key + taken_out)
        return Loaded(task, line.data, key, line.facts, f"line.{line.format}")
    location = Path(task.location)
    data = SourceFile(task.source, task.path, location).read(settings.max_file_bytes)
    facts = facts_of(task.path, None if location.is_relative_to(spool_of(engine)) else location, settings.rules)
    return Loaded(task, data, content_key(data, facts.key + taken_out), facts, task.path)


def redaction_key(settings: IngestSettings) -> str:
    """Names what personal data is taken out: with other settings a file is another document. Empty when nothing is."""
    return f"-{','.join(sorted(settings.redact))}:{','.join(sorted(settings.phone_regions))}" if settings.redact else ""


def _members(task: Task, found: Told, spool: Path) -> tuple[NewTask, ...]:
    """A task for each file that lies in another; where two have one name, the later ones are numbered."""
    taken: dict[str, int] = {}
    tasks = []
    for member in found.members:
        inner = readable(PurePosixPath(member.name).as_posix().lstrip("/")) or "unnamed"
        taken[inner] = taken.get(inner, 0) + 1
        if taken[inner] > 1:
            inner = f"{inner} ({taken[inner]})"
        location = spool / member.file
        tasks.append(
            NewTask(
                "read",
                task.source,
                f"{task.path}/{inner}",
                str(location),
                size_bytes=member.size_bytes,
                depth=task.depth + 1,
            )
        )
    return tuple(tasks)


def _failed(task: Task, error: FileRejected, key: str, started: float, size: int = 0) -> Composed:
    outcome = "needs_ocr" if isinstance(error, FileNeedsOcr) else "dead"
    told: dict[str, object] = {"code": error.code, "reason": error.message, "hint": error.hint, "bytes": size}
    told["parse_ms"] = round((time.perf_counter() - started) * 1000, 1)
    return Composed(task, outcome, told, key, None, error)
