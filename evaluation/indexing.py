"""Datasets are indexed once for each corpus and index settings, and opened from then on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from citewell.core.errors import DatasetInvalid, FileUnreadable
from citewell.core.resources import package_path
from citewell.core.settings import Settings
from citewell.evaluation.topics.types import Corpus, Dataset
from citewell.index.store.catalog import CATALOG_NAME
from citewell.index.store.migrations import format_of
from citewell.index.store.schema import FORMAT_VERSION
from citewell.ingest.jobs import Progress
from citewell.pipeline.build import rebuild
from citewell.pipeline.wiring import Engine

COMPLETE = "complete"  # a file that says that the corpus was taken in whole


@dataclass(frozen=True, slots=True)
class Indexed:
    """An engine over a dataset's documents, the dataset's name of each living one by its id, and notes on what could not be read."""

    engine: Engine
    names: Mapping[str, str]
    corpus_sha256: str
    notes: tuple[str, ...] = ()


def index_dataset(
    dataset: Dataset, settings: Settings, directory: Path, cache: Path | None = None, progress: Progress | None = None
) -> Indexed:
    """The dataset's corpus, indexed below `cache` (DIR/evaluation) unless it is there; without one, the index in `directory`.

    Raises DatasetInvalid, and the errors of ingesting and of opening an index.
    """
    settings = with_fixed_forwards(settings)
    corpus = dataset.corpus
    if corpus is None:
        engine = Engine(directory, settings)
        return Indexed(engine, _live_names(engine, dataset), _living(engine))
    below = cache or directory / "evaluation"
    engine = Engine(below / f"{dataset.name}-{_key(corpus, Engine(below, settings))}", settings)
    marker = engine.directory / COMPLETE
    if not marker.is_file():
        report = corpus.ingest(engine, progress)
        if not any(failure.code == FileUnreadable.code for failure in report.failed):  # that may be better next time
            marker.write_text(f"{corpus.sha256}\n", encoding="utf-8")
    elif format_of(engine.directory / CATALOG_NAME) != FORMAT_VERSION:
        rebuild(engine, progress=progress)  # an earlier version made it: brought forward from what it stores
    names = {s.doc_id: corpus.document_name(s.uri) for s in engine.catalog.summaries()}
    failed = [row["uri"] for row in engine.catalog.dead_letters()]
    if not names:
        raise DatasetInvalid(f"no document of {dataset.location} could be indexed: {len(failed)} files failed")
    notes = (f"{len(failed)} files of the corpus could not be read, such as {failed[0]}",) if failed else ()
    return Indexed(engine, names, corpus.sha256, notes)


def with_fixed_forwards(settings: Settings) -> Settings:
    """The settings without a budget of time: what is measured must not depend on the machine."""
    return settings.model_copy(update={"rerank": settings.rerank.model_copy(update={"budget_ms": 0})})


def _key(corpus: Corpus, probe: Engine) -> str:
    """Names the corpus, the settings of reading and indexing, and the code that reads: what any of them changes is indexed anew."""
    settings = probe.settings.ingest.model_dump_json()
    digest = hashlib.sha256(f"{corpus.sha256}\0{probe.fingerprints.model_dump_json()}\0{settings}".encode())
    readers = [*package_path("ingest").rglob("*.py"), package_path("evaluation", "topics", "corpora.py")]
    for module in sorted(readers):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:12]


def _live_names(engine: Engine, dataset: Dataset) -> dict[str, str]:
    """Living documents by their uri, or by the path within their source where the dataset says that and it is one document's."""
    summaries = engine.catalog.summaries()
    named = {name for grades in dataset.qrels.values() for name in grades}
    named |= {item.document for topic in dataset.topics for item in topic.evidence}
    uris = {s.uri for s in summaries}
    short: dict[str, list[str]] = {}
    for uri in uris:
        short.setdefault(uri.partition("/")[2], []).append(uri)
    names = {s.doc_id: s.uri for s in summaries}
    for doc_id, uri in names.items():
        path = uri.partition("/")[2]
        if uri not in named and path in named and path not in uris and len(short[path]) == 1:
            names[doc_id] = path
    return names


def _living(engine: Engine) -> str:
    """A checksum over the living documents of an index."""
    digest = hashlib.sha256()
    for summary in sorted(engine.catalog.summaries(), key=lambda s: s.doc_id):
        digest.update(f"{summary.doc_id}\0{summary.version}\n".encode())
    return digest.hexdigest()
