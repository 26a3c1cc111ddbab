"""One topic replayed: where its evidence stood at every stage, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from citewell.core.errors import DatasetInvalid
from citewell.evaluation.answers import Player, askable
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.topics.types import Dataset
from citewell.evaluation.waterfall import STEPS, stage_ranks
from citewell.pipeline.present import answer_as_json
from citewell.pipeline.retrieve import STAGES

HEAD = 10


def explain(indexed: Indexed, dataset: Dataset, query_id: str) -> dict[str, Any]:
    """The topic, its evidence with rank and score at every stage, the heads of all rankings, and the answer with its ledger.

    Raises DatasetInvalid for a query that the dataset does not have, or that has no judgement.
    """
    if query_id not in {topic.query_id for topic in dataset.topics}:
        raise DatasetInvalid(
            f"{dataset.location} has no query {query_id}", hint="Query ids are the `_id` of its questions."
        )
    topic = next((t for t in askable(dataset)[0] if t.query_id == query_id), None)
    if topic is None:
        raise DatasetInvalid(
            f"the query {query_id} of {dataset.location} has no judgement", hint="Give it qrels, evidence or `answerable`."
        )  # fmt: skip
    played, replayed = Player(indexed, dataset).play(topic)
    found = replayed.retrieved
    step = played.loss.step if topic.answerable else ""
    return {
        "query_id": query_id,
        "question": topic.text,
        "answerable": topic.answerable,
        "answers": list(topic.answers),
        "relevant": dict(dataset.qrels.get(query_id, {})),
        "evidence": {
            "known_by": played.gold.level,
            "spans": [{"doc_id": d, "start_char": s, "end_char": e} for d, s, e in played.gold.spans],
            "passages": stage_ranks(played.gold, replayed),
        },
        "stages": {
            stage: [
                asdict(c)
                | {"document": indexed.names.get(c.doc_id, ""), "evidence": c.chunk_id in played.gold.passages}
                for c in found.ranking(stage).head(HEAD).candidates
            ]
            for stage in STAGES
        },
        "lost_at": step,
        "why": STEPS.get(step, ""),
        "reason": played.loss.reason if topic.answerable else "",
        "right": played.right,
        "held_back": [s.text for s in played.found] if not played.answered else [],
        "answer": answer_as_json(replayed.answer, explain=True),
    }
