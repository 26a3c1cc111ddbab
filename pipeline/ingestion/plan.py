"""What an ingestion is to do: its tasks, and what is said of files that become no task. The plan is also what a dry run shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from citewell.core.errors import FileRejected, FileUnreadable, SourceError
from citewell.index.store.queue import NewTask
from citewell.ingest.feed import read_feed
from citewell.ingest.sources import Scope, crawled, readable, scan, source_name
from citewell.pipeline.wiring import Engine


class Known(Protocol):
    """What is stored of a source already."""

    def all_known(self, source: str) -> dict[str, tuple[str, str]]:
        """Document id and content key of the living documents by path."""
        ...

    def dead_paths(self, source: str) -> list[str]:
        """The paths that became no document."""
        ...


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is known to become no document before it is read, and why."""

    source: str
    path: str
    error: FileRejected


@dataclass(slots=True)
class Plan:
    """Tasks in the order of their names; folders by source; what is passed over; documents whose files are gone; dead letters whose files are."""

    tasks: list[NewTask] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    cleared: list[tuple[str, str]] = field(default_factory=list)


def plan_paths(
    engine: Engine,
    stored: Known,
    paths: Sequence[Path],
    source: str | None,
    *,
    prune: bool,
    roots: Mapping[str, str],
    follow: bool = False,
) -> Plan:
    """The plan for the files below `paths` or, with `follow`, for the pages at `paths` and what they lead to. Raises SourceError."""
    plan = Plan()
    known_roots = dict(roots)
    scopes: list[Scope] = []
    for path in paths:
        find = crawled if follow else scan
        found = find(path, name=source, roots=known_roots, exclude=engine.settings.ingest.exclude)
        known_roots |= {scope.source: str(scope.root) for scope in found}
        scopes.extend(found)
    if not scopes:
        raise SourceError("no path was given to ingest")
    files = {(file.source, file.path): file for scope in scopes for file in scope.files}
    for file in files.values():
        plan.tasks.append(NewTask("read", file.source, file.path, str(file.location), size_bytes=_size(file.location)))
    for scope in scopes:
        plan.roots[scope.source] = readable(str(scope.root))
        plan.skipped.extend(scope.skipped)
        present = {path for owner, path in files if owner == scope.source}
        _note_gone(plan, stored, scope, present, prune=prune)
        plan.refused.extend(
            Refused(scope.source, path, FileUnreadable(f"the folder cannot be listed: {reason}"))
            for path, reason in scope.unreadable
        )
    return plan


def plan_feed(engine: Engine, stored: Known, feed: Path, source: str | None, *, prune: bool) -> Plan:
    """The plan for the lines of a feed; a later line of one id wins. Raises FileUnreadable or SourceError."""
    name = source_name(source or feed.stem)
    location = str(feed.resolve())
    plan = Plan(roots={name: readable(location)})
    known = stored.all_known(name)
    most = engine.settings.ingest.max_file_bytes
    lines = {line.path: line for line in read_feed(feed, most, keep_content=False)}
    for path, line in lines.items():
        if line.error is not None:
            plan.refused.append(Refused(name, path, line.error))
        elif line.format is not None:
            plan.tasks.append(NewTask("line", name, path, location, line.start_byte, line.size_bytes))
        elif path in known:
            plan.tasks.append(NewTask("remove", name, path))
        else:
            plan.cleared.append((name, path))
    if prune:
        _note_gone(plan, stored, Scope(name, feed.resolve(), "", ()), lines.keys(), prune=True)
    return plan


def _note_gone(plan: Plan, stored: Known, scope: Scope, present: Collection[str], *, prune: bool) -> None:
    """Documents of this scope whose file is gone: to be removed with `prune`, told otherwise; and dead letters whose file is gone."""

    def gone(path: str) -> bool:
        return scope.covers(path) and not any(part in present for part in _and_above(path))

    for path in sorted(stored.all_known(scope.source)):
        if gone(path):
            if prune:
                plan.tasks.append(NewTask("remove", scope.source, path))
            else:
                plan.missing.append(f"{scope.source}/{path}")
    plan.cleared.extend((scope.source, path) for path in stored.dead_paths(scope.source) if gone(path))


def _and_above(path: str) -> Iterable[str]:
    """The path, and those of the files or folders that it lies in: a document may lie in an archive."""
    yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _size(location: Path) -> int:
    try:
        return location.stat().st_size
    except OSError:
        return 0  # reading it will say why
