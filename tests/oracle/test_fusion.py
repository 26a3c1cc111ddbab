"""Fusion by hand."""

from __future__ import annotations

import pytest

from citewell.core.scores import min_max, z_score
from citewell.core.settings import FusionSettings
from citewell.core.types import Ranking, rank_by_score
from citewell.index.fusion import fuse, reciprocal_rank_fusion, weighted_sum


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


def test_z_scores_are_standard_deviations_above_the_mean_and_constant_lists_are_zero() -> None:
    scores = z_score({"a": 1.0, "b": 3.0, "c": 5.0})
    assert scores == pytest.approx({"a": -(1.5**0.5), "b": 0.0, "c": 1.5**0.5})
    assert z_score({"a": 7.0, "b": 7.0}) == {"a": 0.0, "b": 0.0}
    assert z_score({}) == {}


def test_each_method_of_the_settings_is_its_formula() -> None:
    bm25 = rank_by_score("bm25", {"a": 8.0, "b": 2.0}, {"a": "d", "b": "d"})
    dense = rank_by_score("dense", {"b": 0.9, "c": 0.5}, {"b": "d", "c": "d"})
    scores = {"a": 8.0, "b": 2.0, "c": 0.0}, {"a": 0.1, "b": 0.9, "c": 0.5}
    summed = fuse(bm25, dense, lambda: scores, FusionSettings(dense_weight=0.25))
    assert summed.scores() == pytest.approx({"a": 0.75, "b": 0.75 * 0.25 + 0.25, "c": 0.25 * 0.5})
    z = fuse(bm25, dense, lambda: scores, FusionSettings(method="z_score", dense_weight=1.0))
    assert [c.chunk_id for c in z.candidates] == ["b", "c", "a"]
    rrf = fuse(bm25, dense, lambda: scores, FusionSettings(method="rrf"))
    assert rrf.scores() == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 1 / 61, "c": 1 / 62})
