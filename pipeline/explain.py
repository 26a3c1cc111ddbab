"""Why a passage stands where it stands for a question: every number of the first stage and of fusion, and the formula they go into."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from citewell.core.errors import PassageNotFound
from citewell.core.scores import min_max, z_score
from citewell.core.types import Candidate
from citewell.index.fusion import reciprocal_rank_fusion
from citewell.index.lexical import TermScore
from citewell.pipeline.ask import read_query
from citewell.pipeline.retrieve import STAGES, FirstStage, first_stage, learn_to_rank, rerank_head
from citewell.pipeline.wiring import Engine


def explain(
    engine: Engine, question: str, chunk_id: str, groups: frozenset[str] | None = None, filter: str = ""
) -> dict[str, Any]:
    """The scores of one passage at each stage, and what they are made of. Raises PassageNotFound for one that the caller may not see."""
    query = read_query(engine, question, groups, filter)
    snapshot = engine.snapshot(query.groups, filter=query.filter)
    stored = engine.catalog.passages([Candidate(chunk_id, "", 0.0, 1)], query.groups).get(chunk_id)
    first = first_stage(engine, snapshot, query)
    try:
        terms = snapshot.bm25.explain(query.text, chunk_id)
    except (KeyError, ValueError):
        stored = None
    if stored is None:
        raise PassageNotFound(f"there is no passage {chunk_id}")
    hybrid = first.fuse(engine.settings.fusion)
    ltr = learn_to_rank(engine, first, hybrid)
    final, _ = rerank_head(engine, query, ltr)
    ranks = {
        name: next((c.rank for c in ranking.candidates if c.chunk_id == chunk_id), None)
        for name, ranking in zip(STAGES, (first.bm25, first.dense, hybrid, ltr, final), strict=True)
    }
    cosine = snapshot.dense.score(query, [chunk_id])[chunk_id]
    return {
        "query": query.text,
        "languages": list(snapshot.bm25.terms(query.text).languages),
        "chunk_id": chunk_id,
        "uri": stored.uri,
        "text": stored.chunk.text,
        "terms": [{**asdict(term), "formula": _bm25_formula(term)} for term in terms],
        "bm25": sum(term.score for term in terms),
        "cosine": cosine,
        "fusion": _fusion(engine, first, chunk_id),
        "ranks": ranks,
        "generation": snapshot.generation,
    }


def _bm25_formula(term: TermScore) -> str:
    """Weight times idf times saturation, with its numbers; k1 and b are those of the settings."""
    return (
        f"{term.score:.4f} = {term.weight:g} * ln(1 + ({term.passages} - {term.passages_with} + 0.5) / ({term.passages_with} + 0.5)) [= {term.idf:.4f}] "
        f"* {term.occurrences} * (k1 + 1) / ({term.occurrences} + k1 * (1 - b + b * {term.length} / {term.mean_length:.1f}))"
    )


def _fusion(engine: Engine, first: FirstStage, chunk_id: str) -> dict[str, Any]:
    """The parts of the fused score; nothing but the method for a passage that is no candidate."""
    settings = engine.settings.fusion
    if settings.method == "rrf":
        ranks = [
            next((c.rank for c in r.candidates if c.chunk_id == chunk_id), None) for r in (first.bm25, first.dense)
        ]
        told = " + ".join(f"1 / ({settings.rrf_k} + {rank})" for rank in ranks if rank is not None)
        fused = reciprocal_rank_fusion([first.bm25, first.dense], settings.rrf_k).get(chunk_id)
        return {"method": "rrf", "fused": fused, "formula": f"{fused:.4f} = {told}" if fused is not None else None}
    bm25, dense = first.scores
    if chunk_id not in bm25:
        return {"method": settings.method, "fused": None, "formula": None}
    normalise = min_max if settings.method == "min_max" else z_score
    parts = {"bm25": normalise(bm25)[chunk_id], "dense": normalise(dense)[chunk_id]}
    weight = settings.dense_weight
    fused = (1 - weight) * parts["bm25"] + weight * parts["dense"]
    formula = f"{fused:.4f} = {1 - weight:g} * {parts['bm25']:.4f} + {weight:g} * {parts['dense']:.4f}"
    ranges = {name: [min(scores.values()), max(scores.values())] for name, scores in (("bm25", bm25), ("dense", dense))}
    return {"method": settings.method, "parts": parts, "ranges": ranges, "fused": fused, "formula": formula}
