"""Blending: the cross-encoder moves what it has seen and nothing else."""

from __future__ import annotations

from twins import OverlapReranker, make_chunk

from citewell.core.settings import RerankSettings
from citewell.core.types import Query, rank_by_score
from citewell.rerank.cascade import rerank

CHUNKS = {
    c.chunk_id: c
    for c in (
        make_chunk(d, t)
        for d, t in (("1", "red"), ("2", "red blue"), ("3", "red blue green"), ("4", "blue red green grey"))
    )
}
IDS = list(CHUNKS)
FUSED = rank_by_score("f", dict(zip(IDS, (4.0, 3.0, 2.0, 1.0), strict=True)), {c: CHUNKS[c].doc_id for c in IDS})
QUERY = Query("red blue green")


def test_weight_one_follows_the_cross_encoder_within_the_depth() -> None:
    result = rerank(QUERY, FUSED, CHUNKS, OverlapReranker(), RerankSettings(depth=3, weight=1.0))
    assert [c.chunk_id for c in result.candidates] == [IDS[2], IDS[1], IDS[0], IDS[3]]


def test_weight_zero_keeps_the_fused_order() -> None:
    result = rerank(QUERY, FUSED, CHUNKS, OverlapReranker(), RerankSettings(depth=3, weight=0.0))
    assert [c.chunk_id for c in result.candidates] == IDS


def test_scores_blend_by_hand() -> None:
    result = rerank(QUERY, FUSED, CHUNKS, OverlapReranker(), RerankSettings(depth=3, weight=0.25))
    # first stage min-max over the seen: 1, 1/2, 0; overlap 1, 2, 3 gives 0, 1/2, 1
    assert result.scores()[IDS[0]] == 1 + 0.75 * 1 + 0.25 * 0
    assert result.scores()[IDS[1]] == 1 + 0.75 * 0.5 + 0.25 * 0.5


def test_a_passage_deleted_meanwhile_is_left_out() -> None:
    alive = {key: chunk for key, chunk in CHUNKS.items() if key != IDS[0]}
    result = rerank(QUERY, FUSED, alive, OverlapReranker(), RerankSettings())
    assert IDS[0] not in result.scores()
