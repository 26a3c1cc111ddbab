"""How much a cross-encoder counts is found where its word helps, and nowhere else."""

from __future__ import annotations

import numpy as np

from citewell.rerank.blend import Blend
from citewell.rerank.train.share import ReadNeed, fit_share, share_ndcg


def made(seed: int, text: str, *, told: bool) -> list[ReadNeed]:
    """Needs whose one relevant candidate the cross-encoder knows (`told`), or the stages before it."""
    chance = np.random.default_rng(seed)
    needs = []
    for _ in range(40):
        right, noise = chance.random(20), chance.random(20)
        gains = np.zeros(20)
        gains[int(right.argmax())] = 1
        needs.append(ReadNeed(text, *((noise, right) if told else (right, noise)), gains, 1.0))
    return needs


def test_it_counts_for_questions_and_not_for_needs() -> None:
    asked, needs = made(1, "which one is it", told=True), made(2, "one of them", told=False)
    blend = fit_share({"asked": asked, "needs": needs}, {"asked": 0.5, "needs": 0.5})
    scores = (1.0, 0.5, 0.0)
    assert blend.share("which one is it", scores) > 0.4
    assert blend.share("one of them", scores) < 0.2
    assert share_ndcg(blend, asked) > share_ndcg(Blend({}), asked) + 0.2
    assert share_ndcg(blend, needs) > share_ndcg(Blend({}), needs) - 0.05
    assert fit_share({"asked": asked, "needs": needs}, {"asked": 0.5, "needs": 0.5}) == blend


def test_what_was_not_read_stays_below() -> None:
    need = ReadNeed("one", np.array([0.0, 0.0]), np.array([0.0, 0.0]), np.array([0.0, 0.0, 1.0]), 1.0)
    assert share_ndcg(Blend({"any": 0.5}), [need]) == 1 / np.log2(4)
