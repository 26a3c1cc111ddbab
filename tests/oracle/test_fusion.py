"""Fusion by hand."""

from __future__ import annotations

import pytest

from citewell.core.scores import min_max
from citewell.core.types import Ranking, rank_by_score
from citewell.index.fusion import reciprocal_rank_fusion, weighted_sum


def ranking(*ids: str) -> Ranking:
    return rank_by_score("s", {c: float(-i) for i, c in enumerate(ids)}, dict.fromkeys(ids, "d"))


def test_rrf_sums_one_over_k_plus_rank() -> None:
    scores = reciprocal_rank_fusion([ranking("a", "b", "c"), ranking("c", "d")], 60)
    assert scores == {
        "a": 1 / (60 + 1),
        "b": 1 / (60 + 2),
        "c": pytest.approx(1 / (60 + 3) + 1 / (60 + 1)),
        "d": 1 / (60 + 2),
    }


def test_min_max_maps_to_the_unit_interval_and_constant_lists_to_one_half() -> None:
    assert min_max({"a": 2.0, "b": 6.0, "c": 3.0}) == {"a": 0.0, "b": 1.0, "c": 0.25}
    assert min_max({"a": 7.0, "b": 7.0}) == {"a": 0.5, "b": 0.5}
    assert min_max({}) == {}


def test_the_weighted_sum_blends_both_scales() -> None:
    fused = weighted_sum({"a": 10.0, "b": 0.0, "c": 5.0}, {"a": 0.2, "b": 0.6, "c": 0.4}, 0.3)
    assert fused == pytest.approx({"a": 0.7, "b": 0.3, "c": 0.7 * 0.5 + 0.3 * 0.5})


def test_a_missing_score_is_an_error_and_not_zero() -> None:
    with pytest.raises(ValueError, match="every candidate"):
        weighted_sum({"a": 1.0}, {"b": 1.0}, 0.5)
