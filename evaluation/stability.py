"""How much the first five and ten results and the answer change when only the wording does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from citewell.core.answers import Answer
from citewell.core.types import Ranking
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.measures.ranking import parse_measures, values_by_topic
from citewell.evaluation.retrieval import best_passages
from citewell.evaluation.topics.paraphrase import KINDS, Synonyms, paraphrase
from citewell.evaluation.topics.trec import canonical_run
from citewell.evaluation.topics.types import Dataset, Topic
from citewell.ingest.jobs import Progress
from citewell.pipeline.ask import replay
from citewell.pipeline.retrieve import retrieve

CUTOFFS = (5, 10)
MEASURE = "nDCG@10"


def evaluate_stability(
    indexed: Indexed, dataset: Dataset, *, kinds: Sequence[str] = KINDS, answers: bool = True,
    synonyms: Synonyms | None = None, progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """By kind of paraphrase: how many questions it changes, overlap of the first five and ten passages, nDCG before and after on judged
    questions, and with `answers` how often status and cited spans stay the same."""
    rows: dict[str, dict[str, list[float]]] = {kind: defaultdict(list) for kind in kinds}
    runs: dict[str, dict[str, dict[str, float]]] = {kind: {} for kind in kinds}
    before: dict[str, dict[str, float]] = {}
    changed = [(topic, _reworded(topic, kinds, synonyms)) for topic in dataset.topics]
    for number, (topic, others) in enumerate(changed):
        if progress is not None:
            progress.advance(number, len(changed), topic.text[:60])
        first, first_answer = _play(indexed, topic, answers=answers)
        before[topic.query_id] = best_passages(first, indexed.names)
        for kind, other in others.items():
            ranking, answer = _play(indexed, other, answers=answers)
            runs[kind][topic.query_id] = best_passages(ranking, indexed.names)
            for cutoff in CUTOFFS:
                rows[kind][f"overlap@{cutoff}"].append(_overlap(first, ranking, cutoff))
            if first_answer is not None and answer is not None:
                rows[kind]["status_same"].append(float(first_answer.status == answer.status))
                rows[kind]["citations_same"].append(_cited_overlap(first_answer, answer))
    body = {
        kind: {"questions": len(runs[kind]), **{name: round(float(np.mean(v)), 4) for name, v in rows[kind].items()}}
        | _effect(dataset, before, runs[kind])
        for kind in kinds
    }
    return {"dataset": dataset.name, "questions": len(dataset.topics), "kinds": body, "notes": list(dataset.notes)}


def _reworded(topic: Topic, kinds: Sequence[str], synonyms: Synonyms | None) -> dict[str, Topic]:
    """The topic in each wording that differs from its own."""
    texts = {kind: paraphrase(kind, topic.text, topic.query_id, synonyms) for kind in kinds}
    return {kind: replace(topic, text=text) for kind, text in texts.items() if text.strip() and text != topic.text}


def _play(indexed: Indexed, topic: Topic, *, answers: bool) -> tuple[Ranking, Answer | None]:
    if not answers:
        return retrieve(indexed.engine, indexed.engine.snapshot(filter=topic.query.filter), topic.query).final, None
    played = replay(indexed.engine, topic.query)
    return played.retrieved.final, played.answer


def _overlap(a: Ranking, b: Ranking, cutoff: int) -> float:
    """The share of the first passages that both have."""
    first, second = ({c.chunk_id for c in ranking.head(cutoff).candidates} for ranking in (a, b))
    return len(first & second) / max(len(first), len(second), 1)


def _cited_overlap(a: Answer, b: Answer) -> float:
    """Cited spans that both have, over those of either (Jaccard); 1 when neither cites any."""
    first, second = (
        {(c.doc_id, c.start_char, c.end_char) for s in answer.sentences for c in s.citations} for answer in (a, b)
    )
    return len(first & second) / len(first | second) if first | second else 1.0


def _effect(
    dataset: Dataset, before: Mapping[str, dict[str, float]], after: Mapping[str, dict[str, float]]
) -> dict[str, float]:
    """nDCG@10 of the judged questions that changed, in their own wording and in the other."""
    qrels = {q: dataset.qrels[q] for q in after if q in dataset.qrels}
    if not qrels:
        return {}
    means = {
        name: float(np.mean(list(values_by_topic(parse_measures([MEASURE]), qrels, canonical_run(run))[MEASURE].values())))
        for name, run in (("before", before), ("after", after))
    }  # fmt: skip
    return {f"{MEASURE} {name}": round(value, 4) for name, value in means.items()}
