"""Learning to rank: what the candidates know of each other, and a model that only reorders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from citewell.core.errors import ModelMismatch, ModelUnavailable
from citewell.core.facts import CandidateFacts
from citewell.core.types import rank_by_score
from citewell.rerank.blend import CAUTIOUS, MOST, Blend, blend_of
from citewell.rerank.features import FEATURES, TRAITS, describe, traits_of
from citewell.rerank.learned import LinearRanker, Weights
from citewell.rerank.train.linear import Judged, fit, ideal_dcg, ndcg


def facts(scores: list[float], vectors: list[list[float]]) -> CandidateFacts:
    ids = [f"{i:016x}" for i in range(len(scores))]
    array = np.array(vectors, dtype=np.float32)
    array /= np.linalg.norm(array, axis=1, keepdims=True)
    ranking = rank_by_score("f", dict(zip(ids, scores, strict=True)), dict.fromkeys(ids, "d"))
    return CandidateFacts(ranking, array)


# Three passages on one thing, and one that stands alone with the same score as the last of them.
TOPIC = facts([1.0, 0.9, 0.5, 0.5], [[1, 0], [1, 0.1], [1, 0.05], [0, 1]])


def test_company_counts() -> None:
    rows, _ = describe("a statement", TOPIC)
    feedback = rows[:, FEATURES.index("feedback")]
    assert feedback[2] > feedback[3]
    assert rows.shape == (4, len(FEATURES))
    assert rows.min() >= 0
    assert rows.max() <= 1


def test_neighbours_by_hand() -> None:
    rows, _ = describe("a statement", facts([1.0, 0.5, 0.0], [[1, 0], [0.9, 0.1], [0, 1]]))
    # with two others each, the mean fused score of the others: .25, .5, .75; scaled: 0, .5, 1
    assert rows[:, FEATURES.index("neighbours")].tolist() == pytest.approx([0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How long is the road?", 1.0),
        ("who wrote it", 1.0),
        ("Wann beginnt es", 1.0),
        ("road length", 0.0),
        ("whole wheat", 0.0),
    ],
)
def test_a_question_is_told_from_a_statement(question: str, asked: float) -> None:
    assert describe(question, TOPIC)[1][TRAITS.index("asked")] == asked


def test_peak_is_how_far_the_first_stands_out() -> None:
    steep = describe("q", facts([1.0, 0.0, 0.0], [[1, 0]] * 3))[1][TRAITS.index("peak")]
    flat = describe("q", facts([1.0, 1.0, 0.0], [[1, 0]] * 3))[1][TRAITS.index("peak")]
    assert (steep, flat) == (1.0, 0.5)


def test_a_single_candidate_and_none() -> None:
    one = facts([3.0], [[1, 0]])
    assert [c.chunk_id for c in LinearRanker.bundled().rank("q", one).candidates] == ["0" * 16]
    none = CandidateFacts(rank_by_score("f", {}, {}), np.zeros((0, 2), dtype=np.float32))
    assert len(LinearRanker.bundled().rank("q", none)) == 0


def test_without_terms_the_fused_order_stays() -> None:
    ranked = LinearRanker(Weights(terms={})).rank("q", TOPIC)
    assert [c.chunk_id for c in ranked.candidates] == [c.chunk_id for c in TOPIC.ranking.candidates]


def test_weights_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"weights\.json"):
        LinearRanker.read(tmp_path)
    (tmp_path / "weights.json").write_text("{")
    with pytest.raises(ModelMismatch):
        LinearRanker.read(tmp_path)
    (tmp_path / "weights.json").write_text(json.dumps({"terms": {"magic": 1.0}}))
    with pytest.raises(ModelMismatch, match="magic"):
        LinearRanker.read(tmp_path)
    (tmp_path / "weights.json").write_text('{"terms": {"feedback": NaN}}')
    with pytest.raises(ModelMismatch):
        LinearRanker.read(tmp_path)


def made(seed: int, useful: int) -> list[Judged]:
    """Questions whose relevant passage is told by the feature number `useful`."""
    chance = np.random.default_rng(seed)
    judged = []
    for _ in range(30):
        rows = chance.random((20, len(FEATURES)))
        gains = np.zeros(20)
        gains[int(rows[:, useful].argmax())] = 1
        judged.append(Judged(rows, np.array([1.0, 0.0, 0.3, 0.0]), gains, ideal_dcg([1.0])))
    return judged


def test_fitting_finds_the_feature_that_tells() -> None:
    useful = FEATURES.index("neighbours")
    weights, figures = fit({"made": made(1, useful)}, {"made": 1.0})
    before, after = figures["made"]
    assert after > before + 0.2
    assert ndcg(weights, made(2, useful)) > ndcg(Weights(terms={}), made(2, useful)) + 0.2
    assert fit({"made": made(1, useful)}, {"made": 1.0})[0] == weights


def test_fitting_leaves_alone_what_is_best_already() -> None:
    weights, _ = fit({"made": made(3, FEATURES.index("fused"))}, {"made": 1.0})
    assert weights.terms == {}


def test_a_question_is_long_between_eight_and_twenty_four_words() -> None:
    long = TRAITS.index("long")
    shares = [traits_of(" ".join(["word"] * words), np.array([1.0, 0.0]))[long] for words in (1, 8, 16, 24, 90)]
    assert shares == [0, 0, 0.5, 1, 1]


def test_a_blend_adds_its_terms_and_stays_within_bounds() -> None:
    scores = (1.0, 0.5, 0.0)  # the peak is 0.75
    assert Blend({"any": 0.2, "asked": 0.3}).share("why so", scores) == pytest.approx(0.5)
    assert Blend({"any": 0.2, "asked": 0.3}).share("red paint", scores) == pytest.approx(0.2)
    assert Blend({"any": 0.1, "peak": 0.4}).share("red paint", scores) == pytest.approx(0.4)
    assert Blend({"any": 9.0}).share("red paint", scores) == MOST
    assert Blend({"any": -1.0}).share("red paint", scores) == 0
    assert blend_of(None).share("why so", scores) == pytest.approx(CAUTIOUS)


def test_a_blend_refuses_a_trait_that_does_not_exist() -> None:
    with pytest.raises(ModelMismatch, match="weather"):
        Blend({"weather": 1.0})
