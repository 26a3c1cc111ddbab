"""Keeps the index up to folders while they change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles import watch

from citewell.ingest.jobs import IngestReport, Progress
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

LOOK_MS = 500
SETTLE_MS = 2000  # without a change, before what changed is read: a file that is being copied is read once


def watch_paths(
    engine: Engine,
    paths: Sequence[Path],
    *,
    source: str | None = None,
    prune: bool = False,
    progress: Progress | None = None,
    tell: Callable[[IngestReport], None] = lambda report: None,
    stop: threading.Event | None = None,
) -> None:
    """Ingests the paths, and again whenever something below them changes, until `stop` or an interrupt; `tell` gets each report.

    Raises SourceError before anything is changed.
    """
    stop = stop or threading.Event()
    changed, watching = threading.Event(), threading.Event()

    def listen() -> None:
        for changes in watch(
            *paths,
            debounce=SETTLE_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            stop_event=stop,
            ignore_permission_denied=True,
        ):
            watching.set()  # also when nothing changed: it is in place before the first ingestion looks
            if changes:
                changed.set()

    listener = threading.Thread(target=listen, name="watch", daemon=True)
    listener.start()
    try:
        while not watching.wait(LOOK_MS / 1000) and listener.is_alive():
            pass
        changed.set()
        while not stop.is_set():
            if changed.wait(LOOK_MS / 1000):
                changed.clear()
                tell(ingest_paths(engine, paths, source=source, prune=prune, progress=progress))
    finally:
        stop.set()
        listener.join()
