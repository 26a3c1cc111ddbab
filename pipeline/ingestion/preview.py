"""What an ingestion would do, without doing it: files are read and compared with what is stored, none is parsed and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from citewell.core.errors import FileRejected, IndexMissing
from citewell.index.store.catalog import Catalog
from citewell.index.store.queue import Task
from citewell.ingest.feed import is_feed
from citewell.pipeline.ingestion.plan import plan_feed, plan_paths
from citewell.pipeline.ingestion.reading import load
from citewell.pipeline.wiring import Engine


@dataclass(slots=True)
class Preview:
    """Uris by what would become of them; `refused` and `skipped` say why."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


class _Nothing:
    """What is stored where nothing is."""

    def all_known(self, source: str) -> dict[str, tuple[str, str]]:
        """None."""
        del source
        return {}

    def dead_paths(self, source: str) -> list[str]:
        """None."""
        del source
        return []

    def container_key(self, source: str, path: str) -> str | None:
        """None."""
        del source, path
        return None


def preview(
    engine: Engine,
    paths: Sequence[Path],
    *,
    source: str | None = None,
    prune: bool = False,
    force: bool = False,
    follow: bool = False,
) -> Preview:
    """What `ingest_paths` or `ingest_feed` would do with these paths. Raises SourceError."""
    stored: Catalog | _Nothing
    try:
        stored, roots = engine.catalog, engine.catalog.sources()
    except IndexMissing:
        stored, roots = _Nothing(), {}
    if is_feed(paths[0]):
        plan = plan_feed(engine, stored, paths[0], source, prune=prune)
    else:
        plan = plan_paths(engine, stored, paths, source, prune=prune, roots=roots, follow=follow)
    told = Preview(missing=plan.missing)
    told.skipped = [f"{uri}: the settings or .citewellignore say so" for uri in plan.skipped]
    told.refused = [f"{r.source}/{r.path}: {r.error.message}" for r in plan.refused]
    known = {name: stored.all_known(name) for name in plan.roots}
    for task in plan.tasks:
        uri = f"{task.source}/{task.path}"
        if task.action == "remove":
            told.removed.append(uri)
            continue
        try:
            loaded = load(
                engine,
                Task(task.action, task.source, task.path, task.location, task.start_byte, task.size_bytes),
            )
        except FileRejected as error:
            told.refused.append(f"{uri}: {error.message}")
            continue
        before = known.get(task.source, {}).get(task.path)
        if not force and loaded.content_key in {
            before[1] if before else None,
            stored.container_key(task.source, task.path),
        }:
            told.unchanged += 1
        else:
            (told.changed if before else told.added).append(uri)
    return told
