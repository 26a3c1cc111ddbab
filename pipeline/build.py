"""From files to a published generation: scan -> read -> parse -> split -> embed -> stage -> publish.

Documents are dealt with in windows of a fixed size in the order of their names. A window's vectors are committed together,
so a run that was killed and begun again embeds the same texts in the same batches: it ends with the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from citewell.core.errors import FileRejected, FileUnreadable, SourceError
from citewell.core.protocols import Vectors
from citewell.core.tracing import stage, tracing
from citewell.core.types import Chunk, Document, document_id
from citewell.index.embed import content_hash, embedding_input
from citewell.index.store.generations import Recipe, require_same
from citewell.index.store.writer import CatalogWriter, Resplit, Staged
from citewell.ingest.facts import Facts, facts_of
from citewell.ingest.feed import FeedLine, read_feed
from citewell.ingest.jobs import Failure, IngestReport, Progress, Silent, content_key
from citewell.ingest.normalise import compose_document
from citewell.ingest.parsers import parse
from citewell.ingest.sources import UPLOADS, Scope, SourceFile, readable, scan, source_name
from citewell.pipeline.encoders import settle
from citewell.pipeline.wiring import Engine

WRITER_WAIT_S = 600.0  # for another writer, while documents are split and embedded anew


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to ingest: a document with where it came from, or None when it is unchanged or was rejected."""

    source: str
    path: str
    content_key: str
    document: Document | None


@dataclass(slots=True)
class _Run:
    """The state of one ingestion."""

    engine: Engine
    writer: CatalogWriter
    progress: Progress
    report: IngestReport = field(default_factory=IngestReport)
    ended: set[str] = field(default_factory=set)
    rejected: list[tuple[str, str, str, str, str, str]] = field(default_factory=list)
    cleared: list[tuple[str, str]] = field(default_factory=list)
    reading_s: float = 0.0


def ingest_paths(
    engine: Engine,
    paths: Sequence[Path],
    *,
    source: str | None = None,
    prune: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Brings the index up to the files below `paths`: adds, replaces and, with `prune`, removes what is gone.

    A file that cannot be read is listed in `failed` and the rest goes on; a living document whose new file is broken stays as
    it was. Raises SourceError, WriterBusy and IndexIncompatible before anything is changed.
    """
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        run = _Run(engine, writer, progress or Silent())
        _require_compatible(run)
        scopes = _scan(engine, paths, source)
        files = [file for scope in scopes for file in scope.files]
        known = {scope.source: writer.known(scope.source) for scope in scopes}
        run.report.skipped = [uri for scope in scopes for uri in scope.skipped]
        entries = _read_files(run, files, known)
        present = {(file.source, file.path) for file in files}
        for scope in scopes:
            _note_missing(run, scope, known[scope.source], present, prune=prune)
            _note_unreadable(run, scope)
        return _build(run, entries, {scope.source: readable(str(scope.root)) for scope in scopes})


def ingest_feed(
    engine: Engine, feed: Path, *, source: str | None = None, prune: bool = False, progress: Progress | None = None
) -> IngestReport:
    """Brings the index up to the lines of a feed (ingest/feed.py): adds, replaces, removes what a line says is deleted and, with `prune`,
    what no line names.

    A line that cannot be read is listed in `failed` and the rest goes on. Raises FileUnreadable, SourceError, WriterBusy and IndexIncompatible.
    """
    name = source_name(source or feed.stem)
    most = engine.settings.ingest.max_file_bytes
    last = {line.path: number for number, line in enumerate(read_feed(feed, most))}  # a later line wins
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        run = _Run(engine, writer, progress or Silent())
        _require_compatible(run)
        known = writer.known(name)
        if prune:
            present = {(name, path) for path in last}
            _note_missing(run, Scope(name, feed.resolve(), "", ()), known, present, prune=True)
        lines = (line for number, line in enumerate(read_feed(feed, most)) if last[line.path] == number)
        entries = _read_lines(run, lines, len(last), name, known)
        return _build(run, entries, {name: readable(str(feed.resolve()))})


def _read_lines(
    run: _Run, lines: Iterable[FeedLine], total: int, source: str, known: dict[str, tuple[str, str]]
) -> Iterator[Entry]:
    """An entry for each line; what failed or is to be removed is noted in the run."""
    for number, line in enumerate(lines):
        run.progress.advance(number, total, line.path)
        yield _read_line(run, line, source, known.get(line.path))
    run.progress.advance(total, total, "writing the index")


def _read_line(run: _Run, line: FeedLine, source: str, before: tuple[str, str] | None) -> Entry:
    document = None
    key = ""
    try:
        if line.error is not None:
            raise line.error
        if line.format is None:
            if before is not None:
                run.ended.add(before[0])
                run.report.removed.append(f"{source}/{line.path}")
        else:
            key = content_key(line.format.encode() + b":" + line.data, line.facts.key)
            if before is not None and before[1] == key:
                run.report.unchanged += 1
            else:
                file_name = f"line.{line.format}"
                document = _document(run.engine, line.data, source, line.path, line.facts, file_name)
        run.cleared.append((source, line.path))
    except FileRejected as error:
        _reject(run, source, line.path, error)
    if document is not None:
        _note_new(run, document, replaces=before is not None)
    return Entry(source, line.path, key, document)


def ingest_upload(engine: Engine, name: str, data: bytes) -> IngestReport:
    """Adds or replaces one uploaded document. Raises the FileRejected of a file that cannot be read."""
    path = _upload_path(name)
    facts = facts_of(path, None, engine.settings.ingest.rules)
    document = _document(engine, data, UPLOADS, path, facts)
    return ingest_documents(engine, [Entry(UPLOADS, path, content_key(data, facts.key), document)])


def ingest_documents(engine: Engine, entries: Sequence[Entry], progress: Progress | None = None) -> IngestReport:
    """Adds or replaces documents that are composed already; those that are alive with the same content key are unchanged."""
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        run = _Run(engine, writer, progress or Silent())
        _require_compatible(run)
        return _build(run, _told(entries, run, {}), {})


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
    split, vectors = _split_and_embed(engine, list(documents.values()), report, progress)
    report.changed.extend(document.uri for document in documents.values())
    made = zip(documents, split, strict=True)
    resplit = [Resplit(row_id, chunks, hashes) for row_id, (chunks, hashes) in made]
    return resplit, vectors, engine.embedding_recipe if vectors else engine.recipe


def _split_and_embed(
    engine: Engine, documents: Sequence[Document], report: IngestReport, progress: Progress
) -> tuple[list[tuple[list[Chunk], list[bytes]]], dict[bytes, Vectors]]:
    """The passages of each document with the keys of their vectors, and the vectors that are not stored yet."""
    inputs: dict[bytes, str] = {}
    split: list[tuple[list[Chunk], list[bytes]]] = []
    with stage("split"):
        for document in documents:
            chunks, texts = _embedding_inputs(engine, document)
            hashes = [content_hash(text) for text in texts]
            inputs |= dict(zip(hashes, texts, strict=True))
            split.append((chunks, hashes))
            report.passages += len(chunks)
    wanted = engine.catalog.missing_vectors(inputs, engine.embedder.fingerprint)
    to_embed = [key for key in inputs if key in wanted]
    if to_embed:
        report.measured |= settle(engine, progress.tell)
    with stage("embed"):
        vectors = engine.embedder.embed([inputs[key] for key in to_embed]) if to_embed else ()
    report.chunks_embedded += len(to_embed)
    return split, dict(zip(to_embed, vectors, strict=True))


def _embedding_inputs(engine: Engine, document: Document) -> tuple[list[Chunk], list[str]]:
    """The passages of a document and what is embedded for each."""
    chunks = list(engine.chunker.split(document))
    embedder = engine.embedder
    return chunks, [embedding_input(c.header, c.text, embedder.tokenizer, embedder.max_tokens) for c in chunks]


def _require_compatible(run: _Run) -> None:
    built = run.writer.live_fingerprints()
    if built is not None:
        require_same(built, run.engine.fingerprints)


def _scan(engine: Engine, paths: Sequence[Path], source: str | None) -> list[Scope]:
    roots = engine.catalog.sources()
    scopes: list[Scope] = []
    for path in paths:
        found = scan(path, name=source, roots=roots)
        roots |= {scope.source: str(scope.root) for scope in found}
        scopes.extend(found)
    if not scopes:
        raise SourceError("no path was given to ingest")
    return scopes


def _read_files(
    run: _Run, files: Sequence[SourceFile], known: dict[str, dict[str, tuple[str, str]]]
) -> Iterator[Entry]:
    """One entry per file, in order, so that windows are the same in every run; what failed is in the report."""
    done_paths: set[tuple[str, str]] = set()
    for number, file in enumerate(files):
        if (file.source, file.path) in done_paths:
            continue
        done_paths.add((file.source, file.path))
        run.progress.advance(number, len(files), file.uri)
        yield _read_file(run, file, known[file.source].get(file.path))
    run.progress.advance(len(files), len(files), "writing the index")


def _read_file(run: _Run, file: SourceFile, before: tuple[str, str] | None) -> Entry:
    document = None
    key = ""
    try:
        settings = run.engine.settings.ingest
        data = file.read(settings.max_file_bytes)
        facts = facts_of(file.path, file.location, settings.rules)
        key = content_key(data, facts.key)
        if before is None or before[1] != key:
            document = _document(run.engine, data, file.source, file.path, facts)
        else:
            run.report.unchanged += 1
        run.cleared.append((file.source, file.path))
    except FileRejected as error:
        _reject(run, file.source, file.path, error)
    if document is not None:
        _note_new(run, document, replaces=before is not None)
    return Entry(file.source, file.path, key, document)


def _reject(run: _Run, source: str, path: str, error: FileRejected) -> None:
    failure = Failure.of(f"{source}/{path}", error)
    run.report.failed.append(failure)
    run.rejected.append((failure.uri, source, path, failure.code, failure.reason, failure.hint))


def _note_new(run: _Run, document: Document, *, replaces: bool) -> None:
    if replaces:
        run.ended.add(document.doc_id)
        run.report.changed.append(document.uri)
    else:
        run.report.added.append(document.uri)


def _told(entries: Sequence[Entry], run: _Run, known: dict[str, dict[str, tuple[str, str]]]) -> Iterator[Entry]:
    for number, entry in enumerate(entries):
        run.progress.advance(number, len(entries), entry.path)
        yield _unless_known(run, entry, known)
    run.progress.advance(len(entries), len(entries), "writing the index")


def _unless_known(run: _Run, entry: Entry, known: dict[str, dict[str, tuple[str, str]]]) -> Entry:
    if entry.document is None:
        return entry
    if entry.source not in known:
        known[entry.source] = run.writer.known(entry.source)
    before = known[entry.source].get(entry.path)
    if before is not None and before[1] == entry.content_key:
        run.report.unchanged += 1
        return Entry(entry.source, entry.path, entry.content_key, None)
    _note_new(run, entry.document, replaces=before is not None)
    return entry


def _document(
    engine: Engine, data: bytes, source: str, path: str, facts: Facts, file_name: str | None = None
) -> Document:
    parsed = parse(data, file_name or path, max_unpacked_bytes=engine.settings.ingest.max_unpacked_bytes)
    return compose_document(facts.told_of(parsed), source=source, path=path, acl=facts.groups or ())


def _note_missing(
    run: _Run, scope: Scope, known: dict[str, tuple[str, str]], present: set[tuple[str, str]], *, prune: bool
) -> None:
    """Documents of this scope whose file is gone: ended with `prune`, reported otherwise."""

    def gone(path: str) -> bool:
        return scope.covers(path) and (scope.source, path) not in present

    paths = [path for path in sorted(known) if gone(path)]
    uris = [f"{scope.source}/{path}" for path in paths]
    if prune:
        run.ended |= {known[path][0] for path in paths}
        run.report.removed.extend(uris)
    else:
        run.report.missing.extend(uris)
    run.cleared.extend((scope.source, path) for path in run.writer.rejected(scope.source) if gone(path))


def _note_unreadable(run: _Run, scope: Scope) -> None:
    """Folders that could not be listed, as failures; the documents below them stay."""
    for path, reason in scope.unreadable:
        _reject(run, scope.source, path, FileUnreadable(f"the folder cannot be listed: {reason}"))


def _build(run: _Run, entries: Iterable[Entry], sources: dict[str, str]) -> IngestReport:
    started = time.perf_counter()
    report = run.report
    size = run.engine.settings.ingest.window_documents
    window: list[Entry] = []
    with tracing() as trace:
        for entry in _read_timed(run, entries):
            window.append(entry)
            if len(window) == size:
                _stage_window(run, window)
                window = []
        _stage_window(run, window)
        run.writer.record(sources, run.rejected, run.cleared)
        if report.added or run.ended or run.writer.has_unpublished_deletions() or run.writer.live_generation() is None:
            with stage("publish"):
                generation = run.writer.publish(run.ended, run.engine.recipe)
            report.published = True
            report.generation = f"{generation:06d}"
    if not report.generation:
        report.generation = f"{run.engine.catalog.live_generation() or 0:06d}"
    report.timings_ms = {"read": round(run.reading_s * 1000, 3), **trace.timings_ms()}
    report.ms = round((time.perf_counter() - started) * 1000, 1)
    return report


def _read_timed(run: _Run, entries: Iterable[Entry]) -> Iterator[Entry]:
    """The same entries; the time until each comes, which is that of reading and parsing, is added up."""
    waiting = iter(entries)
    while True:
        began = time.perf_counter()
        entry = next(waiting, None)
        run.reading_s += time.perf_counter() - began
        if entry is None:
            return
        yield entry


def _stage_window(run: _Run, window: Sequence[Entry]) -> None:
    """Splits and embeds the new documents of a window and commits them with their vectors."""
    new = [(entry, entry.document) for entry in window if entry.document is not None]
    if not new:
        return
    split, vectors = _split_and_embed(run.engine, [document for _, document in new], run.report, run.progress)
    staged = [
        Staged(document, entry.source, entry.path, entry.content_key, chunks, hashes)
        for (entry, document), (chunks, hashes) in zip(new, split, strict=True)
    ]
    with stage("store"):
        run.writer.stage(staged, vectors, run.engine.embedding_recipe if vectors else run.engine.recipe)


def upload_id(name: str) -> str:
    """The id of an uploaded document."""
    return document_id(UPLOADS, _upload_path(name))


def _upload_path(name: str) -> str:
    """An upload's path within its source: the last part of the name that was sent, so that it cannot lead elsewhere."""
    return readable(Path(name).name)
