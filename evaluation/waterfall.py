"""Blame: for an answerable topic, the first stage that lost its evidence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from citewell.core.types import Passage, Ranking
from citewell.evaluation.record import Waterfall
from citewell.evaluation.topics.gold import Gold
from citewell.pipeline.ask import Replay
from citewell.pipeline.retrieve import STAGES

# In the order of the path; the last two ends are the good one, and the one of which nothing can be said.
STEPS: dict[str, str] = {
    "not_ingested": "not in the index: no relevant document, or its text is not there",
    "split": "split across passages: none holds the evidence whole",
    "not_retrieved": "neither BM25 nor dense has it at the depth of retrieval",
    "fused_out": "retrieved, but below the depth that fusion passes on",
    "reranked_out": "reranked out of the passages that fill the context",
    "dropped": "dropped by context assembly",
    "abstained": "in the context, but the service abstained",
    "not_cited": "in the context, but other passages are cited",
    "wrong": "cited, but the quoted sentence is not the answer",
    "answered": "answered rightly",
    "unknown": "nobody says where the answer stands",
}
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """Where a topic's evidence was lost, and what the stage said of it."""

    step: str
    reason: str = ""


def blame(gold: Gold, played: Replay, *, right: bool, in_context: int) -> Loss:
    """The first stage that lost the evidence; where several passages hold it, the one that came furthest counts.

    `right` says whether the served answer is right, `in_context` is the most passages that the context may hold.
    """
    answer, found = played.answer, played.retrieved
    if answer.status != "abstained" and right:
        return Loss("answered")
    if gold.level == "unknown":
        return Loss("unknown")
    if gold.lost:
        return Loss(gold.lost)
    if all(_rank(ranking, gold.passages) > len(ranking) for ranking in (found.bm25, found.dense)):
        return Loss("not_retrieved")
    if not any(chunk_id in found.passages for chunk_id in gold.passages):
        fused, ordered = _rank(found.hybrid, gold.passages), _rank(found.ltr, gold.passages)
        return Loss(
            "fused_out", f"rank {fused} after fusion, {ordered} after learning to rank, {len(found.passages)} go on"
        )
    markers = {p.marker for p in answer.context.passages if p.chunk.chunk_id in gold.passages and _whole(p, gold)}
    if not markers:
        return _kept_out(gold, played, in_context)
    if answer.status == "abstained":
        below = f"sufficiency {answer.sufficiency.probability:.2f} below {answer.threshold:.2f}"
        return Loss(
            "abstained",
            below if answer.sufficiency.probability < answer.threshold else "no sentence passed verification",
        )
    cited = {c.marker for sentence in answer.sentences for c in sentence.citations}
    return Loss("wrong") if markers & cited else Loss("not_cited")


def waterfall(losses: Iterable[tuple[str, Loss]]) -> Waterfall:
    """Counts, the ledger's reasons and some examples by step; the counts add up to the topics."""
    by_step: dict[str, list[str]] = defaultdict(list)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for query_id, loss in losses:
        by_step[loss.step].append(query_id)
        if loss.step == "dropped":
            reasons[loss.step][loss.reason] += 1
    return Waterfall(
        answerable=sum(map(len, by_step.values())),
        counts={step: len(by_step[step]) for step in STEPS},
        reasons={step: dict(counted.most_common()) for step, counted in reasons.items()},
        examples={step: by_step[step][:EXAMPLES] for step in STEPS if by_step[step] and step != "answered"},
    )


def _kept_out(gold: Gold, played: Replay, in_context: int) -> Loss:
    found = played.retrieved
    fused, ordered, after = (_rank(r, gold.passages) for r in (found.hybrid, found.ltr, found.final))
    if min(fused, ordered) <= in_context < after:
        told = f"rank {fused} after fusion, {ordered} after learning to rank, {after} after the cross-encoder"
        return Loss("reranked_out", told)
    ledger = {d.chunk_id: d.reason for d in played.answer.context.dropped}
    reasons = [
        ledger[c.chunk_id] for c in found.final.candidates if c.chunk_id in gold.passages and c.chunk_id in ledger
    ]
    return Loss("dropped", _kind(reasons[0]) if reasons else "cut short to fit the budget")


def _whole(passage: Passage, gold: Gold) -> bool:
    """Whether the evidence is in what the context kept of a passage, which may have been cut short."""
    start, end = passage.chunk.start_char, passage.chunk.start_char + len(passage.text)
    spans = [span for span in gold.spans if span[0] == passage.chunk.doc_id]
    return not gold.spans or any(start <= span[1] and span[2] <= end for span in spans)


def _kind(reason: str) -> str:
    """The ledger's reason without what is particular to one context."""
    return "near-duplicate of a kept passage" if reason.startswith("near-duplicate") else reason


def _rank(ranking: Ranking, passages: Collection[str]) -> int:
    """The best rank of these passages; one beyond the end when the ranking has none."""
    return next((c.rank for c in ranking.candidates if c.chunk_id in passages), len(ranking) + 1)


def stage_ranks(gold: Gold, played: Replay) -> list[dict[str, object]]:
    """Each evidence passage with its rank and score at every stage; None where a stage does not have it."""
    found = played.retrieved
    rows: list[dict[str, object]] = []
    for chunk_id in sorted(gold.passages, key=lambda c: _rank(found.final, {c})):
        row: dict[str, object] = {"chunk_id": chunk_id}
        for stage in STAGES:
            hit = next((c for c in found.ranking(stage).candidates if c.chunk_id == chunk_id), None)
            row[stage] = {"rank": hit.rank, "score": round(hit.score, 6)} if hit else None
        rows.append(row)
    return rows
