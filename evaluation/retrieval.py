"""Retrieval evaluation: the queries of a dataset through the serving path, stage by stage, against its qrels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from citewell.core.errors import DatasetInvalid
from citewell.core.settings import Settings
from citewell.core.types import Ranking
from citewell.evaluation.datasets import Dataset, read_corpus
from citewell.evaluation.measures import Estimate, evaluate_run, parse_measures
from citewell.evaluation.trec import write_run
from citewell.ingest.jobs import IngestReport, Progress
from citewell.pipeline.ask import STAGES, retrieve
from citewell.pipeline.build import ingest_documents
from citewell.pipeline.wiring import Engine


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """Estimates by stage and measure, and what they were measured with."""

    dataset: str
    topics: int
    stages: dict[str, dict[str, Estimate]]
    config_hash: str
    generation: str
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The outcome for machines: means under `stages`, intervals under `intervals`."""
        return {
            "dataset": self.dataset,
            "topics": self.topics,
            "stages": {s: {m: round(e.mean, 5) for m, e in by.items()} for s, by in self.stages.items()},
            "intervals": {
                s: {m: [round(e.low, 5), round(e.high, 5)] for m, e in by.items()} for s, by in self.stages.items()
            },
            "config_hash": self.config_hash,
            "generation": self.generation,
            "notes": list(self.notes),
        }


def index_dataset(
    dataset: Dataset, settings: Settings, cache: Path, progress: Progress | None = None
) -> tuple[Engine, IngestReport]:
    """An engine over the dataset's corpus, indexed once for each corpus and index settings below `cache`."""
    probe = Engine(cache, settings)
    key = hashlib.sha256(f"{dataset.corpus_sha256}\0{probe.fingerprints.model_dump_json()}".encode()).hexdigest()[:12]
    engine = Engine(cache / f"{dataset.name}-{key}", settings)
    return engine, ingest_documents(engine, read_corpus(dataset), progress)


def evaluate_retrieval(
    engine: Engine, dataset: Dataset, *, stages: Sequence[str] = STAGES, measures: Sequence[str], runs: Path | None = None,
    progress: Progress | None = None,
) -> RetrievalResult:  # fmt: skip
    """Measures each stage over every judged query. A document's score is its best passage's; runs go below `runs`."""
    check_stages(stages)
    parsed = parse_measures(measures)
    snapshot = engine.snapshot()
    names = {s.doc_id: s.uri for s in engine.catalog.summaries()}
    collected: dict[str, dict[str, dict[str, float]]] = {name: {} for name in stages}
    for number, query in enumerate(dataset.queries):
        if progress is not None:
            progress.advance(number, len(dataset.queries), query.text[:60])
        found = retrieve(engine, snapshot, query)
        for name in stages:
            collected[name][query.query_id] = best_passages(found.ranking(name), names)
    for name, run in collected.items():
        if runs is not None:
            write_run(run, runs / f"{dataset.name}.{name}.run", f"citewell-{name}-{engine.config_hash}")
    results = {name: evaluate_run(parsed, dataset.qrels, run) for name, run in collected.items()}
    notes = (
        ("rerank: no cross-encoder is configured, so it equals hybrid",)
        if "rerank" in stages and engine.reranker is None
        else ()
    )
    return RetrievalResult(dataset.name, len(dataset.queries), results, engine.config_hash, snapshot.generation, notes)


def check_stages(stages: Sequence[str]) -> None:
    """Raises DatasetInvalid unless these are stages, at least one."""
    unknown = [name for name in stages if name not in STAGES]
    if unknown or not stages:
        what = f"unknown stage {unknown[0]!r}" if unknown else "no stage is named"
        raise DatasetInvalid(what, hint=f"Stages are {', '.join(STAGES)}.")


def best_passages(ranking: Ranking, names: dict[str, str]) -> dict[str, float]:
    """Score by document name: that of its best passage."""
    scores: dict[str, float] = {}
    for candidate in ranking.candidates:
        scores.setdefault(names[candidate.doc_id], candidate.score)
    return scores
