"""What the cross-encoder sees, and how its score joins that of the first stage."""

from __future__ import annotations

from collections.abc import Mapping

from citewell.core.protocols import Reranker
from citewell.core.scores import min_max
from citewell.core.settings import RerankSettings
from citewell.core.types import Chunk, Query, Ranking, rank_by_score

# Added to what the cross-encoder has seen, so that it stays above what it has not.
SEEN_BONUS = 1.0


def rerank(
    query: Query, fused: Ranking, chunks: Mapping[str, Chunk], reranker: Reranker, settings: RerankSettings
) -> Ranking:
    """The first `depth` candidates by (1 - w) * minmax(first stage) + w * minmax(cross-encoder), the others below, as they were.

    Candidates whose passage is not in `chunks` (deleted meanwhile) are left out.
    """
    alive = [c for c in fused.candidates if c.chunk_id in chunks]
    seen, unseen = alive[: settings.depth], alive[settings.depth :]
    cross = reranker.score(query, [chunks[c.chunk_id] for c in seen])
    first_stage = min_max({c.chunk_id: c.score for c in seen})
    second_stage = min_max({c.chunk_id: score for c, score in zip(seen, cross, strict=True)})
    blended = {
        key: SEEN_BONUS + (1 - settings.weight) * first_stage[key] + settings.weight * second_stage[key]
        for key in first_stage
    }
    blended |= min_max({c.chunk_id: c.score for c in unseen})
    return rank_by_score(reranker.name, blended, {c.chunk_id: c.doc_id for c in alive})
