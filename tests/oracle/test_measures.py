"""Measures against independent tools: trec_eval on the written run, scikit-learn's AUROC, scipy's permutation test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from scipy.stats import permutation_test
from sklearn.metrics import roc_auc_score

from citewell.core.scores import auroc
from citewell.evaluation.measures.ranking import parse_measures, values_by_topic
from citewell.evaluation.measures.statistics import permutation_p
from citewell.evaluation.topics.trec import canonical_run, write_run

TREC_NAMES = {"nDCG@10": "ndcg_cut_10", "R@100": "recall_100", "AP": "map", "P@5": "P_5"}


def test_measures_equal_those_of_trec_eval_reading_the_run_that_was_written(tmp_path: Path) -> None:
    """Also with ties and with scores that differ only beyond single precision, which trec_eval would reorder by name."""
    chance = np.random.default_rng(1)
    qrels = {
        f"q{q}": {f"d{d}": int(chance.integers(0, 3)) for d in chance.choice(300, 40, replace=False)} for q in range(30)
    }
    run = {
        f"q{q}": {
            f"d{d}": float(1000 + chance.integers(0, 5) + chance.random() * 1e-6) for d in chance.permutation(300)[:150]
        }
        for q in range(28)
    }
    measured = values_by_topic(parse_measures([*TREC_NAMES, "RR@10"]), qrels, canonical_run(run))
    write_run(canonical_run(run), tmp_path / "x.run", "tag")
    with (tmp_path / "x.run").open() as stream:
        read = pytrec_eval.parse_run(stream)
    judged = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut", "recall", "map", "P", "recip_rank"}).evaluate(read)
    for ours, theirs in TREC_NAMES.items():
        for query_id, value in measured[ours].items():
            assert value == pytest.approx(judged.get(query_id, {}).get(theirs, 0.0), abs=5e-5), (ours, query_id)
    for query_id, value in measured["RR@10"].items():
        reciprocal = judged.get(query_id, {}).get("recip_rank", 0.0)
        assert value == pytest.approx(reciprocal if reciprocal >= 0.1 else 0.0, abs=5e-5)


def test_auroc_equals_that_of_scikit_learn() -> None:
    chance = np.random.default_rng(2)
    labels = chance.integers(0, 2, 200).astype(bool).tolist()
    scores = np.round(chance.random(200), 1).tolist()
    positive = [score for score, label in zip(scores, labels, strict=True) if label]
    negative = [score for score, label in zip(scores, labels, strict=True) if not label]
    assert auroc(positive, negative) == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize(("size", "tolerance"), [(9, 1e-9), (40, 0.012)])
def test_the_permutation_test_equals_that_of_scipy(size: int, tolerance: float) -> None:
    """Exactly where all sign patterns are counted, within the error of 10,000 draws otherwise."""
    differences = np.random.default_rng(size).normal(0.2, 1, size)
    theirs = permutation_test(
        (differences, np.zeros(size)), lambda a, b, axis: np.mean(a - b, axis=axis), permutation_type="samples", vectorized=True,
        n_resamples=np.inf if size < 12 else 20_000, rng=np.random.default_rng(3),
    )  # fmt: skip
    assert permutation_p(differences) == pytest.approx(theirs.pvalue, abs=tolerance)
