"""What is asked of ingestion: bring the index up to files, to a feed, to an upload; build it anew from the stored text.

Each makes a job and works on it until it has ended (ingestion/). A process that is killed leaves the job in the queue: the same call takes over
what was done of it, and documents that were acknowledged are finished by whichever worker comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from citewell.core.files import write_durably
from citewell.core.protocols import Vectors
from citewell.core.types import document_id
from citewell.index.store.generations import Recipe
from citewell.index.store.owners import Owner
from citewell.index.store.queue import NewTask
from citewell.index.store.staging import Staging
from citewell.index.store.writer import CatalogWriter, Resplit
from citewell.ingest.jobs import IngestReport, Progress, Silent, error_of
from citewell.ingest.sources import UPLOADS, readable
from citewell.pipeline.ingestion.direct import Entry, ingest_documents
from citewell.pipeline.ingestion.embedding import split_and_embed
from citewell.pipeline.ingestion.plan import Known, Plan, plan_feed, plan_paths
from citewell.pipeline.ingestion.reading import spool_of
from citewell.pipeline.ingestion.report import report_of
from citewell.pipeline.ingestion.worker import Worker, prepare, recipe_key
from citewell.pipeline.wiring import Engine

WRITER_WAIT_S = 600.0  # for another writer, while documents are split and embedded anew
UPLOAD_WAIT_S = 5.0

__all__ = ["Entry", "ingest_documents", "ingest_feed", "ingest_paths", "ingest_upload", "rebuild", "upload_id"]


def ingest_paths(
    engine: Engine,
    paths: Sequence[Path],
    *,
    source: str | None = None,
    prune: bool = False,
    force: bool = False,
    follow: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Brings the index up to the files below `paths`: adds, replaces and, with `prune`, removes what is gone; with `force` also what is known
    is read again. With `follow` the paths are pages, and the files are those that they lead to.

    A file that cannot be read is listed in `failed` and the rest goes on; a living document whose new file is broken stays as
    it was. Raises SourceError and IndexIncompatible before anything is changed, and WriterBusy.
    """

    def plan(stored: Known) -> Plan:
        roots = engine.catalog.sources()
        return plan_paths(engine, stored, paths, source, prune=prune, roots=roots, follow=follow)

    return _run(engine, "paths", ", ".join(map(str, paths)), plan, progress, force=force)


def ingest_feed(
    engine: Engine,
    feed: Path,
    *,
    source: str | None = None,
    prune: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Brings the index up to the lines of a feed (ingest/feed.py): adds, replaces, removes what a line says is deleted and, with `prune`,
    what no line names.

    A line that cannot be read is listed in `failed` and the rest goes on. Raises FileUnreadable, SourceError, WriterBusy and IndexIncompatible.
    """

    def plan(stored: Known) -> Plan:
        return plan_feed(engine, stored, feed, source, prune=prune)

    return _run(engine, "feed", str(feed), plan, progress, force=force)


def _run(
    engine: Engine, kind: str, label: str, make_plan: Callable[[Known], Plan], progress: Progress | None, *, force: bool
) -> IngestReport:
    started = time.perf_counter()
    with Worker(engine, progress, force=force) as worker:
        plan = make_plan(engine.catalog)
        job_id = submit(engine, worker, kind, label, plan)
        job = worker.run(job_id)
        report = report_of(worker.staging.queue, worker.staging.queue.job(job.job_id))
    report.ms = round((time.perf_counter() - started) * 1000, 1)
    return report


def submit(engine: Engine, worker: Worker, kind: str, label: str, plan: Plan) -> int:
    """Puts a plan into the queue; from then on a kill loses nothing of it. The number of the job."""
    staging, settings = worker.staging, engine.settings.ingest
    request = {"sources": sorted(plan.roots), "recipe": recipe_key(engine)}
    job_id = staging.queue.create(kind, label, request, worker.owner.name)
    staging.queue.supersede(job_id, plan.roots.keys(), worker.is_alive)
    staging.begin(job_id, plan.roots, plan.cleared, [(r.source, r.path, r.error) for r in plan.refused])
    staging.tell(job_id, {"skipped": plan.skipped, "missing": plan.missing})
    staging.queue.plan(job_id, plan.tasks, settings.window_documents, settings.window_bytes)
    return job_id


def queue_paths(
    engine: Engine, paths: Sequence[Path], *, source: str | None = None, prune: bool = False, follow: bool = False
) -> IngestReport:
    """Puts what `ingest_paths` would do into the queue, for other workers; the report says which job it is."""
    with Worker(engine) as worker:
        plan = plan_paths(
            engine, engine.catalog, paths, source, prune=prune, roots=engine.catalog.sources(), follow=follow
        )
        job_id = submit(engine, worker, "paths", ", ".join(map(str, paths)), plan)
        return report_of(worker.staging.queue, worker.staging.queue.job(job_id))


def ingest_upload(engine: Engine, name: str, data: bytes) -> IngestReport:
    """Adds or replaces one uploaded document. Raises the FileRejected of a file that cannot be read."""
    started = time.perf_counter()
    with Worker(engine, writer_wait_s=UPLOAD_WAIT_S) as worker:
        job_id = _submit_upload(engine, worker.staging, worker.owner.name, name, data)
        worker.run(job_id)
        report = report_of(worker.staging.queue, worker.staging.queue.job(job_id))
    for failure in [*report.failed, *report.needs_ocr]:
        if failure.uri == f"{UPLOADS}/{_upload_path(name)}":
            raise error_of(failure)
    report.ms = round((time.perf_counter() - started) * 1000, 1)
    return report


def queue_upload(engine: Engine, name: str, data: bytes) -> int:
    """Stores an upload so that it survives whatever happens, for a worker to ingest; the number of its job."""
    prepare(engine)
    owner = Owner(engine.directory)
    try:
        with Staging(engine.directory) as staging:
            return _submit_upload(engine, staging, owner.name, name, data)
    finally:
        owner.close()


def _submit_upload(engine: Engine, staging: Staging, owner: str, name: str, data: bytes) -> int:
    path = _upload_path(name)
    request = {"sources": [UPLOADS], "recipe": recipe_key(engine)}
    job_id = staging.queue.create("upload", path, request, owner)
    location = spool_of(engine) / str(job_id) / "upload"
    write_durably(location, data)
    task = NewTask("read", UPLOADS, path, str(location), size_bytes=len(data))
    staging.queue.plan(job_id, [task], 1, len(data) + 1)
    return job_id


def rebuild(engine: Engine, *, publish: bool = True, progress: Progress | None = None) -> IngestReport:
    """Builds an index of the living documents with the present settings, from the stored text, and publishes it.

    Documents are split and embedded where that was not done with these settings before: a run that was killed goes on where it was.
    The writer's lock is held while a window is stored and while the index is written, not while models work: others may ingest
    meanwhile. Without `publish` the generation waits beside the live one, to be looked at and published later.
    """
    started = time.perf_counter()
    told, report = progress or Silent(), IngestReport(published=publish)
    with CatalogWriter(engine.directory, engine.settings.storage):
        pass  # an older format is brought forward, and another writer is told at once
    rows = engine.catalog.unsplit(engine.fingerprints.chunker, engine.fingerprints.embedder)
    size = engine.settings.ingest.window_documents
    for at in range(0, len(rows), size):
        told.advance(at, len(rows), "splitting and embedding")
        made = _resplit(engine, rows[at : at + size], report, told)
        with CatalogWriter(engine.directory, engine.settings.storage, WRITER_WAIT_S) as writer:
            writer.resplit(*made)
    told.advance(len(rows), len(rows), "writing the index")
    with CatalogWriter(engine.directory, engine.settings.storage, WRITER_WAIT_S) as writer:
        late = engine.catalog.unsplit(engine.fingerprints.chunker, engine.fingerprints.embedder)
        writer.resplit(*_resplit(engine, late, report, told))
        generation = writer.build(engine.recipe, "rebuild", anew=True)
        if publish:
            writer.make_live(generation)
    report.generation = f"{generation:06d}"
    report.ms = round((time.perf_counter() - started) * 1000, 1)
    return report


def _resplit(
    engine: Engine, rows: Sequence[int], report: IngestReport, progress: Progress
) -> tuple[list[Resplit], dict[bytes, Vectors], Recipe]:
    """The passages of stored documents, and the vectors that are missing, as the present settings make them."""
    documents = engine.catalog.documents_at(rows)
    embedded = split_and_embed(engine, list(documents.values()), progress)
    report.passages += sum(len(split.chunks) for split in embedded.splits)
    report.chunks_embedded += len(embedded.vectors)
    report.measured |= embedded.measured
    report.changed.extend(document.uri for document in documents.values())
    made = zip(documents, embedded.splits, strict=True)
    resplit = [Resplit(row_id, split.chunks, split.hashes) for row_id, split in made]
    return resplit, embedded.vectors, engine.embedding_recipe if embedded.vectors else engine.recipe


def upload_id(name: str) -> str:
    """The id of an uploaded document."""
    return document_id(UPLOADS, _upload_path(name))


def _upload_path(name: str) -> str:
    """An upload's path within its source: the last part of the name that was sent, so that it cannot lead elsewhere."""
    return readable(Path(name).name)
