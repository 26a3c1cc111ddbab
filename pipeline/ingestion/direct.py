"""Documents that are composed already, of a program in this process: they go the same way but for the queue."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.core.tracing import stage, tracing
from citewell.core.types import Document
from citewell.index.store.owners import Owner
from citewell.index.store.staging import Staged, Staging
from citewell.index.store.writer import CatalogWriter
from citewell.ingest.jobs import IngestReport, Progress, Silent
from citewell.pipeline.ingestion.embedding import split_and_embed
from citewell.pipeline.ingestion.worker import WRITER_WAIT_S, prepare, recipe_key
from citewell.pipeline.wiring import Engine


@dataclass(frozen=True, slots=True)
class Entry:
    """A document with where it came from; the same content key is the same document."""

    source: str
    path: str
    content_key: str
    document: Document


def ingest_documents(engine: Engine, entries: Sequence[Entry], progress: Progress | None = None) -> IngestReport:
    """Adds or replaces documents; those that are alive with the same content key are unchanged."""
    prepare(engine)
    told, report = progress or Silent(), IngestReport()
    started = time.perf_counter()
    owner = Owner(engine.directory)
    sources = sorted({entry.source for entry in entries})
    size = engine.settings.ingest.window_documents
    try:
        with Staging(engine.directory) as staging, tracing() as trace:
            job_id = staging.queue.create(
                "documents", ", ".join(sources), {"sources": sources, "recipe": recipe_key(engine)}, owner.name
            )
            known = {source: engine.catalog.all_known(source) for source in sources}
            for at in range(0, len(entries), size):
                told.advance(at, len(entries), entries[at].path)
                _stage_window(
                    engine,
                    staging,
                    job_id,
                    [e for e in entries[at : at + size] if _is_new(e, known, report)],
                    report,
                    told,
                )
            told.advance(len(entries), len(entries), "writing the index")
            with CatalogWriter(engine.directory, engine.settings.storage, WRITER_WAIT_S) as writer:
                report.published = writer.needs_publishing(job_id)
                with stage("publish"):
                    if report.published:
                        number = writer.publish(job_id, engine.recipe)
                    else:
                        writer.finish(job_id)
                        number = writer.live_generation() or 0
    finally:
        owner.close()
    report.job, report.generation = job_id, f"{number:06d}"
    report.timings_ms = {"read": 0.0, **trace.timings_ms()}
    report.ms = round((time.perf_counter() - started) * 1000, 1)
    return report


def _is_new(entry: Entry, known: dict[str, dict[str, tuple[str, str]]], report: IngestReport) -> bool:
    before = known[entry.source].get(entry.path)
    if before is not None and before[1] == entry.content_key:
        report.unchanged += 1
        return False
    (report.added if before is None else report.changed).append(entry.document.uri)
    return True


def _stage_window(
    engine: Engine, staging: Staging, job_id: int, window: Sequence[Entry], report: IngestReport, progress: Progress
) -> None:
    if not window:
        return
    embedded = split_and_embed(engine, [entry.document for entry in window], progress)
    staged = [
        Staged(entry.document, entry.source, entry.path, entry.content_key, split.chunks, split.hashes)
        for entry, split in zip(window, embedded.splits, strict=True)
    ]
    report.measured |= embedded.measured
    report.passages += sum(len(split.chunks) for split in embedded.splits)
    report.chunks_embedded += len(embedded.vectors)
    with stage("store"):
        staging.stage(job_id, staged, embedded.vectors, engine.embedding_recipe if embedded.vectors else engine.recipe)
