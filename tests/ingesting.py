"""A program for tests of crashes: ingests a folder, queues that, or works on the jobs of an index, and may kill itself at a named step.

python ingesting.py DIR FOLDER parent|queue|worker [STEP TIMES]
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from killing import SmallEmbedder, kill_at

from citewell.core.settings import load_settings
from citewell.pipeline.build import ingest_paths, queue_paths
from citewell.pipeline.ingestion.worker import Worker
from citewell.pipeline.wiring import Engine

SETTINGS = load_settings(
    None, ingest={"window_documents": 16, "parsers": 1}, storage={"keep_generations": 1}, rerank={"model": ""}
)


def engine_of(directory: Path) -> Engine:
    """An engine whose embedder needs no weights: what is killed here is the queue and the store."""
    engine = Engine(directory, SETTINGS)
    engine.__dict__["embedder"] = SmallEmbedder()
    return engine


def main() -> None:
    directory, folder, role, *stop = sys.argv[1:]
    if stop:
        kill_at(stop[0], int(stop[1]))
    engine = engine_of(Path(directory))
    if role == "parent":
        ingest_paths(engine, [Path(folder)], prune=True)
    elif role == "queue":
        queue_paths(engine, [Path(folder)], prune=True)
    else:
        with Worker(engine) as worker:
            worker.serve(threading.Event(), until_idle=True)
    engine.close()


if __name__ == "__main__":
    main()
