"""Datasets, measures and runs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from citewell.core.errors import DatasetInvalid
from citewell.core.settings import load_settings
from citewell.evaluation.datasets import read_dataset
from citewell.evaluation.measures import evaluate_run, parse_measures
from citewell.evaluation.retrieval import evaluate_retrieval, index_dataset
from citewell.pipeline.wiring import Engine

CORPUS = [
    {"_id": "d1", "title": "Leave", "text": "Every employee has 28 days of annual leave."},
    {"_id": "d2", "title": "", "text": "Hotels cost at most 145 euros a night."},
    {"_id": "d3", "title": "Pumps", "text": "The pump moves 12 litres a minute."},
    {"_id": "d4", "title": "", "text": ""},
]
QUERIES = [
    {"_id": "q1", "text": "annual leave days"},
    {"_id": "q2", "text": "price of hotels"},
    {"_id": "q3", "text": "not judged"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\n"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, CORPUS)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, QUERIES)))
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder


def test_only_judged_queries_are_asked_and_a_limit_takes_the_first(dataset: Path) -> None:
    assert [q.query_id for q in read_dataset(dataset).queries] == ["q1", "q2"]
    assert [q.query_id for q in read_dataset(dataset, limit=1).queries] == ["q1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("qrels/test.tsv", "a\tb\n1\t2\n"), ("queries.jsonl", "{"), ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n")],
)
def test_a_bad_file_is_told_with_its_place(dataset: Path, name: str, content: str) -> None:
    (dataset / name).write_text(content)
    with pytest.raises(DatasetInvalid, match=r"tsv|jsonl"):
        read_dataset(dataset)


def test_ndcg_is_the_formula_and_a_topic_without_results_counts_zero() -> None:
    qrels = {"q1": {"a": 2, "b": 1}, "q2": {"c": 1}}
    run = {"q1": {"x": 3.0, "b": 2.0, "a": 1.0}}
    result = evaluate_run(parse_measures(["nDCG@10", "RR@10"]), qrels, run)
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    expected = (1 / math.log2(3) + 2 / math.log2(4)) / ideal
    assert result["nDCG@10"].per_topic["q1"] == pytest.approx(expected)
    assert result["nDCG@10"].mean == pytest.approx(expected / 2)
    assert result["RR@10"].per_topic == {"q1": 0.5, "q2": 0.0}
    assert result["RR@10"].low <= result["RR@10"].mean <= result["RR@10"].high


def test_an_unknown_measure_is_told() -> None:
    with pytest.raises(DatasetInvalid, match="unknown measure"):
        parse_measures(["nDGC@10"])


def test_the_serving_path_is_measured_and_its_runs_are_written(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset)
    engine, first = index_dataset(data, load_settings(), tmp_path / "cache")
    again, second = index_dataset(data, load_settings(), tmp_path / "cache")
    assert (first.passages, second.chunks_embedded, second.unchanged) == (3, 0, 3)
    result = evaluate_retrieval(engine, data, measures=["nDCG@10", "R@100"], runs=tmp_path / "runs")
    body = result.as_json()
    assert body["dataset"] == "tiny"
    assert result.stages["hybrid"]["nDCG@10"].mean == 1.0
    assert "no cross-encoder" in result.notes[0]
    lines = (tmp_path / "runs" / "tiny.hybrid.run").read_text().splitlines()
    assert lines[0].split()[:4] == ["q1", "Q0", "d1", "1"]
    engine.close()
    again.close()


def test_an_unknown_stage_is_told(dataset: Path, engine: Engine) -> None:
    with pytest.raises(DatasetInvalid, match="unknown stage"):
        evaluate_retrieval(engine, read_dataset(dataset), stages=["bm52"], measures=["nDCG@10"])
