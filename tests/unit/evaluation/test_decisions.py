"""Comparing, gating and tuning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from citewell.core.errors import DatasetInvalid, SettingsError
from citewell.core.settings import load_settings
from citewell.core.types import Query
from citewell.evaluation import tune as tuning
from citewell.evaluation.compare import compare, read_side
from citewell.evaluation.gate import judge, measure, measure_again, same_topics, slim
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.record import read_records, write_json
from citewell.evaluation.retrieval import evaluate_retrieval
from citewell.evaluation.settings_file import write_settings
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.trec import write_run

QRELS = {f"q{i:02d}": {"right": 1} for i in range(30)}


def write(path: Path, best: dict[str, str]) -> Path:
    """A run whose first document for each query is given."""
    rows = []
    for query_id, first in best.items():
        second = "wrong" if first == "right" else "right"
        rows += [f"{query_id} Q0 {first} 1 2.0 t", f"{query_id} Q0 {second} 2 1.0 t"]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_better_run_is_significantly_better_and_a_run_is_like_itself(tmp_path: Path) -> None:
    worse = write(tmp_path / "a.run", {q: "wrong" if i < 20 else "right" for i, q in enumerate(QRELS)})
    better = write(tmp_path / "b.run", {q: "wrong" if i == 25 else "right" for i, q in enumerate(QRELS)})
    a, b = (read_side(path, QRELS, ["RR@10", "P@1"], None) for path in (worse, better))
    found = compare(a, b)
    row = found.rows[0]
    assert (row.measure, row.topics) == ("RR@10", 30)
    assert row.difference.mean == pytest.approx((20 * 0.5 - 1 * 0.5) / 30)
    assert (row.difference.wins, row.difference.ties, row.difference.losses) == (20, 9, 1)
    assert row.difference.low < row.difference.mean < row.difference.high
    assert row.significant
    assert row.p_holm == pytest.approx(2 * row.difference.p, abs=1e-12), "two measures were looked at"
    assert found.changed[0].query_id == "q00"
    same = compare(a, a)
    assert all((r.difference.mean, r.difference.p, r.significant) == (0.0, 1.0, False) for r in same.rows)
    assert same.changed == ()


def test_a_query_that_a_run_lacks_counts_zero_and_one_that_nobody_judged_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.run").write_text("q00 Q0 right 1 1.0 t\nelse Q0 right 1 1.0 t\n")
    side = read_side(tmp_path / "a.run", QRELS, ["RR@10"], None)
    assert sum(side.measured["RR@10"].values()) == 1.0
    assert len(side.measured["RR@10"]) == 30
    assert "line 2: the query else has no judgement in the qrels" in side.notes[0]
    assert "29 judged queries have no result" in side.notes[1]
    (tmp_path / "b.run").write_text("else Q0 right 1 1.0 t\n")
    with pytest.raises(DatasetInvalid, match=r"b\.run, line 1: neither the query else nor any other"):
        read_side(tmp_path / "b.run", QRELS, ["RR@10"], None)
    with pytest.raises(DatasetInvalid, match="no qrels to judge it by"):
        read_side(tmp_path / "a.run", None, ["RR@10"], None)


def test_records_are_compared_as_a_whole_or_by_stage_and_bad_ones_are_told(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset, judged_only=True)
    record = evaluate_retrieval(index_dataset(data, load_settings(), tmp_path), data, measures=["nDCG@10"])
    write_json(record.model_dump(mode="json"), tmp_path / "r.json")
    whole = read_side(tmp_path / "r.json", None, [], None)
    assert "hybrid nDCG@10" in whole.measured
    assert read_side(tmp_path / "r.json", None, [], "dense").measured.keys() == {"nDCG@10"}
    with pytest.raises(DatasetInvalid, match="no stage colbert"):
        read_side(tmp_path / "r.json", None, [], "colbert")
    with pytest.raises(DatasetInvalid, match="no measure and topic in common"):
        compare(whole, read_side(write(tmp_path / "a.run", {"q00": "right"}), QRELS, ["P@1"], None))
    for content, told in (("{", "line 1: is no JSON"), ("{}", "is no record"), ('{"kind": "answers"}', "is no record")):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(DatasetInvalid, match=told):
            read_records(tmp_path / "bad.json")


def test_the_gate_passes_what_is_as_before_and_names_what_fell(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset)
    indexed = index_dataset(data, load_settings(), tmp_path)
    now = measure(indexed, data)
    baseline = [slim(record) for record in now]
    write_json([record.model_dump(mode="json") for record in baseline], tmp_path / "base.json")
    known = read_records(tmp_path / "base.json")
    assert judge(known, now).passed
    refusing = index_dataset(data, load_settings(generate={"threshold": 1.0}), tmp_path)
    verdict = judge(known, measure_again(refusing, data, known), tolerance=0.1)
    fallen = {fall.measure for fall in verdict.falls}
    assert fallen == {"right", "short_f1", "containment", "evidence_recall"}, (
        "F1 was small, and its fall is within 1.5 topics of 2"
    )
    assert "fell from 1.0000 to 0.0000, by more than the tolerance of 0.750" in verdict.falls[-1].sentence()
    assert "setting generate.threshold: 0.4 in the baseline, 1.0 now" in verdict.notes


def test_a_baseline_of_other_questions_is_told(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset)
    known = measure(index_dataset(data, load_settings(), tmp_path), data)
    with pytest.raises(DatasetInvalid, match="the baseline has 3 queries that sample does not have, such as q1"):
        same_topics(read_dataset(Path("sample")), known)


class Table(tuning.Trial):
    """A trial whose values are given: better with more weight on dense for even topics, worse for odd ones, or noise."""

    def __init__(self, effect: dict[str, float]) -> None:
        self.effect = effect
        self._values = {}

    def values(self, overrides: Any, stage: str = "rerank") -> dict[str, float]:
        weight = overrides.get("fusion.dense_weight", 0.5) if overrides.get("fusion.method") == "min_max" else 0.5
        return {q: 0.5 + gain * (weight - 0.5) for q, gain in self.effect.items()}


def test_the_best_settings_are_chosen_on_the_given_topics_only() -> None:
    trial = Table({"a": 1.0, "b": -1.0})
    assert tuning.choose(trial, ["a"], load_settings())["fusion.dense_weight"] == 1.0
    assert tuning.choose(trial, ["b"], load_settings())["fusion.dense_weight"] == 0.0
    assert tuning.choose(Table({"a": 0.0}), ["a"], load_settings()) == {}, (
        "the present settings stay unless others are better"
    )


def test_folds_part_the_topics_and_are_the_same_each_time() -> None:
    topics = [f"q{i}" for i in range(23)]
    folds = tuning.split_folds(topics, 5)
    assert sorted(map(len, folds)) == [4, 4, 5, 5, 5]
    assert frozenset.union(*folds) == set(topics)
    assert folds == tuning.split_folds(topics, 5)


def test_bm25_parameters_are_tuned_only_where_the_engine_has_them() -> None:
    lexical = tuning.KNOBS[0]
    assert lexical.candidates(load_settings()) == []
    assert {"lexical.engine": "rank_bm25", "lexical.k1": 0.9, "lexical.b": 0.3} in lexical.candidates(
        load_settings(lexical={"engine": "rank_bm25"})
    )
    with pytest.raises(SettingsError, match="compiled in"):
        load_settings(lexical={"k1": 0.9})


def test_what_tuning_tries_is_what_serves(dataset: Path, tmp_path: Path) -> None:
    """The value of a trial equals that of an evaluation with the same settings, for BM25 parameters, fusion, depth and reranking."""
    rows = [{"_id": f"n{i}", "text": text, "evidence": [doc]} for i, (text, doc) in enumerate([("employee days", "d1"), ("cost of a night", "d2"), ("litres a minute", "d3"), ("pump days", "d3")])]  # fmt: skip
    (dataset / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (dataset / "answers.jsonl").unlink()
    (dataset / "qrels" / "test.tsv").unlink()
    data = read_dataset(dataset)
    base = load_settings(lexical={"engine": "rank_bm25"}, retrieve={"depth": 2})
    indexed = index_dataset(data, base, tmp_path)

    class Shortest:
        name = fingerprint = "shortest"
        blend = None

        def score(self, query: Query, passages: Any) -> list[float]:
            return [-float(len(p.text)) for p in passages]

    for overrides in (
        {},
        {"fusion.method": "z_score", "fusion.dense_weight": 0.1},
        {"fusion.method": "rrf", "fusion.rrf_k": 10},
        {"retrieve.depth": 20, "lexical.k1": 2.0, "lexical.b": 0.3},
        {"rerank.max_forwards": 1, "rerank.weight": 1.0},
    ):
        for reranker in (None, Shortest()):
            indexed.engine.__dict__["reranker"] = reranker
            trial = tuning.Trial(indexed, data, "RR@10")
            settings = tuning.with_overrides(base, overrides)
            other = index_dataset(data, settings, tmp_path)
            other.engine.__dict__["reranker"] = reranker
            expected = evaluate_retrieval(other, data, measures=["RR@10"]).per_topic
            for stage in ("bm25", "dense", "hybrid", "ltr", "rerank"):
                assert trial.values(overrides, stage) == pytest.approx(expected[stage]["RR@10"], abs=1e-6), (
                    overrides,
                    stage,
                )


def test_tuning_says_plainly_what_does_not_help_and_keeps_what_is_there(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset, judged_only=True)
    indexed = index_dataset(data, load_settings(rerank={"model": ""}), tmp_path)
    with pytest.raises(DatasetInvalid, match="2 judged queries, too few for 5 folds"):
        tuning.tune(indexed, data)
    rows = [{"_id": f"n{i}", "text": "annual leave days", "evidence": ["d1"]} for i in range(10)]
    (dataset / "easy.jsonl").write_text("\n".join(map(json.dumps, rows)))
    easy = read_dataset(dataset / "easy.jsonl")
    result = tuning.tune(indexed, easy, folds=2)
    assert (result.default, result.tuned, result.gain.mean, result.chosen) == (1.0, 1.0, 0.0, {})
    assert not result.significant
    assert result.verdicts[0].startswith("hybrid does not help here: nDCG@10 1.0000")
    assert result.verdicts[1].startswith("learning to rank does not help here")
    assert result.verdicts[2] == "reranking: no cross-encoder is configured"


def test_a_reranker_that_hurts_is_named(dataset: Path, tmp_path: Path) -> None:
    rows = [{"_id": f"n{i}", "text": "annual leave days of employees", "evidence": ["d1"]} for i in range(12)]
    (dataset / "easy.jsonl").write_text("\n".join(map(json.dumps, rows)))
    indexed = index_dataset(read_dataset(dataset), load_settings(rerank={"weight": 1.0}), tmp_path)

    class Reversed:
        name = fingerprint = "reversed"
        blend = None

        def score(self, query: Query, passages: Any) -> list[float]:
            return [float(i) for i in range(len(passages))]

    indexed.engine.__dict__["reranker"] = Reversed()
    result = tuning.tune(indexed, read_dataset(dataset / "easy.jsonl"), folds=2)
    assert result.verdicts[2].startswith("reranking hurts here")


def test_settings_are_written_into_a_file_that_keeps_its_comments(tmp_path: Path) -> None:
    file = tmp_path / "citewell.toml"
    file.write_text('# ours\n[fusion]\nmethod = "rrf"  # for now\nrrf_k = 10\n')
    write_settings({"fusion.method": "z_score", "retrieve.depth": 50}, file)
    text = file.read_text()
    assert "# ours" in text
    assert "# for now" in text
    settings = load_settings(file)
    assert (settings.fusion.method, settings.fusion.rrf_k, settings.retrieve.depth) == ("z_score", 10, 50)
    file.write_text("[fusion\n")
    with pytest.raises(SettingsError, match="is no TOML"):
        write_settings({"fusion.method": "rrf"}, file)


def test_a_comparison_shows_the_measure_that_moved_and_not_merely_the_first(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset, judged_only=True)
    record = evaluate_retrieval(index_dataset(data, load_settings(), tmp_path), data, measures=["nDCG@10", "nDCG@20"])
    worse = record.model_copy(
        update={
            "per_topic": record.per_topic
            | {"hybrid": {"nDCG@10": {"q1": 0.0, "q2": 0.0}, "nDCG@20": {"q1": 0.0, "q2": 0.0}}}
        }
    )
    for number, one in enumerate((record, worse)):
        write_json(one.model_dump(mode="json"), tmp_path / f"{number}.json")
    found = compare(*(read_side(tmp_path / f"{n}.json", None, [], None) for n in (0, 1)))
    assert (found.changed_in, len(found.changed)) == ("hybrid nDCG@10", 2)
    again = measure_again(index_dataset(data, load_settings(), tmp_path), data, [record])
    assert again[0].measured().keys() == record.measured().keys(), "a gate measures what its baseline has"


def test_names_with_spaces_are_the_same_in_run_and_qrels(tmp_path: Path) -> None:
    run = {"q 1": {"annual leave.pdf": 2.0, "annual_leave.pdf": 1.0}}
    write_run(run, tmp_path / "x.run", "t")
    side = read_side(tmp_path / "x.run", {"q 1": {"annual leave.pdf": 1}}, ["RR@10"], None)
    assert list(side.measured["RR@10"].values()) == [1.0]


def test_an_empty_list_of_records_is_told(tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("[]")
    with pytest.raises(DatasetInvalid, match="is empty: it has no record"):
        read_records(tmp_path / "none.json")


def test_settings_that_would_not_load_are_not_written(tmp_path: Path) -> None:
    file = tmp_path / "citewell.toml"
    file.write_text("# ours\n")
    with pytest.raises(SettingsError, match="compiled in"):
        write_settings({"lexical.k1": 0.9}, file)
    assert file.read_text() == "# ours\n"
    assert list(tmp_path.iterdir()) == [file]
