"""Retrieval evaluation: the topics of a dataset through the serving path, stage by stage, against its qrels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from citewell.core.errors import DatasetInvalid
from citewell.core.tracing import tracing
from citewell.core.types import Chunk, Ranking
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.measures.ranking import (
    DEFAULT_MEASURES,
    evaluate_run,
    ideal_order,
    parse_measures,
    values_by_topic,
)
from citewell.evaluation.measures.spans import Span, span_grades, span_scores
from citewell.evaluation.measures.statistics import Estimate
from citewell.evaluation.record import RetrievalRecord, interval, latency, means, provenance, rounded
from citewell.evaluation.slices import Slices, found_by, slice_topics
from citewell.evaluation.topics.gold import GoldFinder, span_of
from citewell.evaluation.topics.trec import canonical_run, write_run
from citewell.evaluation.topics.types import Dataset
from citewell.ingest.jobs import Progress
from citewell.pipeline.retrieve import STAGES, Retrieved, retrieve

DEPTHS = (1, 5, 10, 20, 50, 100, 200)
ORDER_MEASURE = "nDCG@10"
FOUND_DEPTHS = (10, 100)  # at which it is told which first-stage retriever found the evidence
SPAN_CUTOFFS = (5, 10)
PASSAGE_MEASURES = parse_measures(["nDCG@10", "R@10"])
FETCHED = 20  # passages at a time

Runs = dict[str, dict[str, dict[str, float]]]  # stage -> query -> document -> score


@dataclass(slots=True)
class _Collected:
    """What the queries left behind."""

    runs: Runs
    into_rerank: dict[str, dict[str, float]] = field(default_factory=dict)
    found: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    passages: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    warnings: Counter[str] = field(default_factory=Counter)


def evaluate_retrieval(
    indexed: Indexed, dataset: Dataset, *, stages: Sequence[str] = STAGES, measures: Sequence[str] = DEFAULT_MEASURES,
    runs: Path | None = None, progress: Progress | None = None,
) -> RetrievalRecord:  # fmt: skip
    """Measures each stage over every judged topic. A document's score is its best passage's; runs go below `runs`."""
    check_stages(stages)
    parsed = parse_measures(measures)
    collected = collect(indexed, dataset, stages, progress)
    engine = indexed.engine
    if runs is not None:
        for name, run in collected.runs.items():
            write_run(run, runs / f"{dataset.name}.{name}.run", f"citewell-{name}-{engine.config_hash}")
    results = {name: evaluate_run(parsed, dataset.qrels, run) for name, run in collected.runs.items()}
    slices = slice_topics({t.query_id: t for t in dataset.judged}, dataset.qrels) | collected.found
    notes = [*dataset.notes, *indexed.notes, *(f"{n} queries: {text}" for text, n in collected.warnings.items())]
    if "rerank" in stages and not engine.settings.rerank.model:
        notes.append("rerank: no cross-encoder is configured, so it equals ltr")
    if any(topic.filter for topic in dataset.judged):
        notes.append("filters of topics are not applied: the search has none yet")
    return RetrievalRecord(
        dataset=dataset.name,
        topics=len(dataset.judged),
        stages={stage: means(by) for stage, by in results.items()},
        intervals={stage: {name: interval(e) for name, e in by.items()} for stage, by in results.items()},
        depths=_recall_by_depth(dataset, collected.runs),
        into_rerank=_into_rerank(dataset, collected, engine.rerank_settings.max_forwards),
        passages={s: {n: round(float(np.mean(v)), 6) for n, v in by.items()} for s, by in collected.passages.items()},
        slices=_sliced(slices, results),
        latency_ms=latency(collected.times),
        per_topic={stage: {n: rounded(e.per_topic) for n, e in by.items()} for stage, by in results.items()},
        notes=notes,
        config_hash=engine.config_hash,
        generation=engine.snapshot().generation,
        provenance=provenance(engine, dataset.location, indexed.corpus_sha256),
    )


def collect(indexed: Indexed, dataset: Dataset, stages: Sequence[str], progress: Progress | None) -> _Collected:
    """The runs of every stage over the judged topics, in canonical scores, and what else each query tells."""
    engine, names = indexed.engine, indexed.names
    gold = GoldFinder(engine.catalog, names)
    ids = {name: doc_id for doc_id, name in names.items()}
    engine.embedder.embed(["the model is loaded before the clock runs"])
    collected = _Collected({name: {} for name in stages})
    topics = dataset.judged
    for number, topic in enumerate(topics):
        if progress is not None:
            progress.advance(number, len(topics), topic.text[:60])
        with tracing() as trace:
            found = retrieve(engine, engine.snapshot(filter=topic.query.filter), topic.query)
        collected.warnings.update(trace.warnings())
        for stage, ms in trace.timings_ms().items():
            collected.times[stage].append(ms)
        for name in stages:
            collected.runs[name][topic.query_id] = best_passages(found.ranking(name), names)
        head = found.ltr.head(engine.rerank_settings.max_forwards)
        collected.into_rerank[topic.query_id] = best_passages(head, names)
        grades = dataset.qrels[topic.query_id]
        _note_found(collected, topic.query_id, found, {ids[n] for n, grade in grades.items() if grade > 0 and n in ids})
        evidence = gold.find(topic, grades)
        if evidence.level == "span":
            whole = gold.chunk_spans(sorted(evidence.documents))
            _measure_passages(collected, indexed, found, stages, evidence.spans, whole)
    collected.runs = {stage: canonical_run(run) for stage, run in collected.runs.items()}
    return collected


def check_stages(stages: Sequence[str]) -> None:
    """Raises DatasetInvalid unless these are stages, at least one."""
    unknown = [name for name in stages if name not in STAGES]
    if unknown or not stages:
        what = f"unknown stage {unknown[0]!r}" if unknown else "no stage is named"
        raise DatasetInvalid(what, hint=f"Stages are {', '.join(STAGES)}.")


def best_passages(ranking: Ranking, names: Mapping[str, str]) -> dict[str, float]:
    """Score by document name: that of its best passage; a document that was deleted meanwhile has none."""
    scores: dict[str, float] = {}
    for candidate in ranking.candidates:
        if candidate.doc_id in names:
            scores.setdefault(names[candidate.doc_id], candidate.score)
    return scores


def _note_found(collected: _Collected, query_id: str, found: Retrieved, relevant: set[str]) -> None:
    for depth in FOUND_DEPTHS:
        by = found_by(found.bm25, found.dense, relevant, depth)
        collected.found.setdefault(f"who found it in the first {depth}", {}).setdefault(by, []).append(query_id)


def _measure_passages(
    collected: _Collected, indexed: Indexed, found: Retrieved, stages: Sequence[str], gold: Sequence[Span],
    whole: Mapping[str, Span],
) -> None:  # fmt: skip
    """Judges passages by the characters they share with the evidence."""
    grades = {"q": span_grades(gold, whole)}
    budget = indexed.engine.settings.context.max_tokens
    for stage in stages:
        ranking = found.ranking(stage)
        values = collected.passages.setdefault(stage, defaultdict(list))
        run = canonical_run({"q": ranking.scores()})
        judged = values_by_topic(PASSAGE_MEASURES, grades, run) if grades["q"] else {}
        for name in map(str, PASSAGE_MEASURES):  # where no passage holds the evidence, none can be found
            values[f"passage {name}"].append(judged[name]["q"] if judged else 0.0)
        chunks = _fetch(indexed, ranking, budget)
        for cutoff in SPAN_CUTOFFS:
            scores = span_scores(gold, [span_of(chunk) for chunk in chunks[:cutoff]])
            values[f"span R@{cutoff}"].append(scores.recall)
            values[f"span P@{cutoff}"].append(scores.precision)
            values[f"span IoU@{cutoff}"].append(scores.iou)
        values[f"span R in {budget} tokens"].append(span_scores(gold, _within(chunks, budget)).recall)


def _fetch(indexed: Indexed, ranking: Ranking, budget: int) -> list[Chunk]:
    """The first passages of a ranking, enough for every cutoff and for `budget` tokens."""
    chunks: list[Chunk] = []
    for at in range(0, len(ranking), FETCHED):
        some = ranking.candidates[at : at + FETCHED]
        fetched = indexed.engine.catalog.passages(some)
        chunks += [fetched[c.chunk_id].chunk for c in some if c.chunk_id in fetched]
        if len(chunks) >= max(SPAN_CUTOFFS) and sum(chunk.token_count for chunk in chunks) >= budget:
            break
    return chunks


def _within(chunks: Sequence[Chunk], budget: int) -> list[Span]:
    """The spans of the first passages that together have at most `budget` tokens."""
    spans: list[Span] = []
    spent = 0
    for chunk in chunks:
        spent += chunk.token_count
        if spent > budget:
            break
        spans.append(span_of(chunk))
    return spans


def _recall_by_depth(dataset: Dataset, runs: Runs) -> dict[str, dict[str, float]]:
    measures = parse_measures([f"R@{depth}" for depth in DEPTHS])
    return {
        stage: {
            name.removeprefix("R@"): round(float(np.mean(list(values.values()))), 6)
            for name, values in values_by_topic(measures, dataset.qrels, run).items()
        }
        for stage, run in runs.items()
    }


def _into_rerank(dataset: Dataset, collected: _Collected, depth: int) -> dict[str, float]:
    """How much of the relevant gets into the reranker, and how near the best possible order of it hybrid and rerank come.

    Order is nDCG@10 over that of the ideal order of the same candidates, over the topics where any relevant one is among them.
    """
    qrels = dataset.qrels
    order = parse_measures([ORDER_MEASURE])
    recall = values_by_topic(parse_measures(["R@1000"]), qrels, collected.into_rerank)["R@1000"]
    ideal = {q: ideal_order(qrels[q], run, depth) for q, run in collected.into_rerank.items()}
    best = values_by_topic(order, qrels, ideal)[ORDER_MEASURE]
    result = {"depth": float(depth), "recall": round(float(np.mean(list(recall.values()))), 6)}
    for stage in ("hybrid", "ltr", "rerank"):
        if stage in collected.runs:
            got = values_by_topic(order, qrels, collected.runs[stage])[ORDER_MEASURE]
            reached = [min(1.0, got[q] / best[q]) for q in qrels if best[q] > 0]
            result[f"order {stage}"] = round(float(np.mean(reached)), 6) if reached else 0.0
    return result


def _sliced(slices: Slices, results: Mapping[str, Mapping[str, Estimate]]) -> dict[str, dict[str, dict[str, object]]]:
    """Topics and the mean of each measure by stage, for each value of each slice."""
    return {
        name: {
            value: {
                "topics": len(ids),
                "stages": {
                    stage: {m: round(float(np.mean([e.per_topic[q] for q in ids])), 4) for m, e in by.items()}
                    for stage, by in results.items()
                },
            }
            for value, ids in groups.items()
        }
        for name, groups in slices.items()
    }
