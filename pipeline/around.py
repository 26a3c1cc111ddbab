"""Around a search: corrections of its words, what its results have in common, passages like one of them, and their neighbours.

Everything here is asked as the caller who searches: what may not be read leaves no trace in it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from citewell.core.errors import PassageNotFound
from citewell.core.types import Candidate, Chunk, Query, Ranking, rank_by_score
from citewell.index.fusion import fuse, union
from citewell.index.snapshot import Snapshot
from citewell.index.store.filtering import tags_of_metadata
from citewell.pipeline.retrieve import Retrieved
from citewell.pipeline.wiring import Engine

TELLING_TERMS = 25
FACETS = ("source", "language", "type", "tag")


def corrections(engine: Engine, snapshot: Snapshot, query: Query) -> dict[str, str]:
    """For words of the query that stand in no passage, how a word one letter away is written in the documents."""
    found: dict[str, str] = {}
    for word, term in snapshot.bm25.corrections(query.text).items():
        ids = snapshot.bm25.holding(term)
        passages = engine.catalog.passages(
            [Candidate(key, "", 0.0, rank) for rank, key in enumerate(ids, 1)], query.groups
        )
        for stored in passages.values():
            text = stored.chunk.headed_text
            spans = snapshot.bm25.spans(text, [term])
            if spans:
                found[word] = text[slice(*spans[0])].lower()
                break
    return found


def facets(engine: Engine, found: Retrieved) -> dict[str, dict[str, int]]:
    """How many of the documents that were found have each source, language, media type and tag, the most frequent first."""
    doc_ids = list(dict.fromkeys(candidate.doc_id for candidate in found.final.candidates))
    counts: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    for facts in engine.catalog.facts_of(doc_ids, found.query.groups):
        counts["source"][facts.source] += 1
        counts["language"][facts.language] += 1
        counts["type"][facts.media_type] += 1
        counts["tag"].update(tags_of_metadata(facts.metadata))
    return {
        name: dict(sorted(counter.items(), key=lambda item: (-item[1], item[0]))) for name, counter in counts.items()
    }


def capped(ranking: Ranking, per_document: int) -> Ranking:
    """The ranking with at most so many passages of a document, in their order."""
    seen: Counter[str] = Counter()
    over: set[str] = set()
    for candidate in ranking.candidates:
        seen[candidate.doc_id] += 1
        if seen[candidate.doc_id] > per_document:
            over.add(candidate.chunk_id)
    return ranking.without(over)


def more_like(engine: Engine, chunk_id: str, query: Query, depth: int) -> Ranking:
    """Passages like one: by the terms that tell it from others and by its vector, fused as a question's are; the passage itself is left out.

    `query` says as whom and within what is looked. Raises PassageNotFound.
    """
    snapshot = engine.snapshot(query.groups, filter=query.filter)
    stored = engine.catalog.passages([Candidate(chunk_id, "", 0.0, 1)], query.groups).get(chunk_id)
    if stored is None or not snapshot.dense.has(chunk_id):
        raise PassageNotFound(f"there is no passage {chunk_id}")
    telling = snapshot.bm25.telling(stored.chunk.headed_text, TELLING_TERMS)
    bm25 = snapshot.bm25.search_terms(telling, depth + 1)
    vector = snapshot.dense.vectors([chunk_id])[0]
    dense = snapshot.dense.search_vector(vector, depth + 1)
    both = union(bm25, dense)

    def scores() -> tuple[dict[str, float], dict[str, float]]:
        similarities = snapshot.dense.vectors(both) @ vector
        return snapshot.bm25.score_terms(telling, both), dict(zip(both, similarities.tolist(), strict=True))

    fused = fuse(bm25, dense, scores, engine.settings.fusion)
    rest = fused.without({chunk_id}).head(depth)
    return rank_by_score("like", rest.scores(), {c.chunk_id: c.doc_id for c in rest.candidates})


def neighbours(
    engine: Engine, chunk_id: str, groups: frozenset[str] | None = None, reach: int = 1
) -> dict[str, list[dict[str, Any]]]:
    """The passages before and after one in its document, in reading order. Raises PassageNotFound."""
    stored = engine.catalog.passages([Candidate(chunk_id, "", 0.0, 1)], groups).get(chunk_id)
    chunks = [] if stored is None else engine.catalog.chunks_of(stored.chunk.doc_id)
    at = next((i for i, chunk in enumerate(chunks) if chunk.chunk_id == chunk_id), None)
    if at is None:
        raise PassageNotFound(f"there is no passage {chunk_id}")

    def told(some: list[Chunk]) -> list[dict[str, Any]]:
        return [
            {"chunk_id": c.chunk_id, "start_char": c.start_char, "end_char": c.end_char, "text": c.text} for c in some
        ]

    return {"before": told(chunks[max(0, at - reach) : at]), "after": told(chunks[at + 1 : at + 1 + reach])}
