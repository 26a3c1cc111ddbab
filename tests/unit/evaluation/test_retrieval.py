"""Retrieval through the serving path: stages, depths, slices, spans, runs, and an index that is built once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citewell.core.errors import DatasetInvalid
from citewell.core.settings import load_settings
from citewell.core.types import rank_by_score
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.retrieval import evaluate_retrieval
from citewell.evaluation.slices import found_by, script, slice_topics
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.gold import GoldFinder, locate
from citewell.evaluation.topics.types import Evidence, Topic
from citewell.ingest.jobs import Silent
from citewell.pipeline.wiring import Engine


class Counting(Silent):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.told = 0

    def advance(self, done: int, total: int, what: str) -> None:
        self.told += 1


def test_the_serving_path_is_measured_and_its_runs_are_written(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset, judged_only=True)
    first, second = Counting(), Counting()
    settings = load_settings(rerank={"model": ""})
    indexed = index_dataset(data, settings, tmp_path, progress=first)
    again = index_dataset(data, settings, tmp_path, progress=second)
    assert indexed.engine.directory == again.engine.directory
    assert first.told > 0
    assert second.told == 0, "a dataset is indexed once"
    record = evaluate_retrieval(indexed, data, measures=["nDCG@10", "R@100"], runs=tmp_path / "runs")
    assert (record.dataset, record.topics) == ("tiny", 2)
    assert record.stages["hybrid"]["nDCG@10"] == 1.0
    assert record.depths["bm25"]["1"] == 1.0
    assert record.into_rerank == {
        "depth": 20.0,
        "recall": 1.0,
        "order hybrid": 1.0,
        "order ltr": 1.0,
        "order rerank": 1.0,
    }
    assert record.passages["hybrid"]["span R@5"] == 1.0, "q1 has an answer span"
    assert record.per_topic["dense"]["nDCG@10"].keys() == {"q1", "q2"}
    assert "no cross-encoder" in record.notes[0]
    lines = (tmp_path / "runs" / "tiny.hybrid.run").read_text().splitlines()
    assert lines[0].split()[:4] == ["q1", "Q0", "d1", "1"]


def test_other_index_settings_have_an_index_of_their_own(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset)
    one = index_dataset(data, load_settings(), tmp_path)
    other = index_dataset(data, load_settings(chunking={"method": "none"}), tmp_path)
    ranking = index_dataset(data, load_settings(fusion={"method": "rrf"}), tmp_path)
    assert one.engine.directory != other.engine.directory
    assert one.engine.directory == ranking.engine.directory


def test_an_unknown_stage_is_told(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset)
    with pytest.raises(DatasetInvalid, match="unknown stage"):
        evaluate_retrieval(index_dataset(data, load_settings(), tmp_path), data, stages=["bm52"])


def test_questions_are_asked_of_the_live_index_by_uri_or_by_path_within_the_source(
    engine: Engine, tmp_path: Path
) -> None:
    rows = [
        {"_id": "a", "text": "annual leave", "evidence": ["leave.md"]},
        {"_id": "b", "text": "hotel price", "evidence": ["papers/travel.md"]},
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = read_dataset(tmp_path / "mine.jsonl")
    record = evaluate_retrieval(index_dataset(data, load_settings(), engine.directory), data, measures=["RR@10"])
    assert record.stages["hybrid"] == {"RR@10": 1.0}


def test_topics_are_sliced_by_what_they_are_and_single_valued_slices_are_left_out() -> None:
    topics = {
        "a": Topic("a", "error E41 of the pump", tags=("code",)),
        "b": Topic("b", "wie lange dauert die Kündigungsfrist für einen neuen Vertrag", language="de"),
    }
    slices = slice_topics(topics, {"a": {"d": 1}, "b": {"d": 1, "e": 2, "f": 0}})
    assert slices["identifiers or numbers"] == {"with": ["a"], "without": ["b"]}
    assert slices["length"] == {"5-8 words": ["a"], "9-15 words": ["b"]}
    assert slices["language"] == {"de": ["b"], "und-Latn": ["a"]}
    assert slices["relevant documents"] == {"1": ["a"], "2-3": ["b"]}
    assert "turn" not in slices
    assert "tag" not in slices


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Wo ist es?", "und-Latn"),
        ("年次休暇は何日", "und-Hani"),
        ("كم عدد الأيام", "und-Arab"),
        ("сколько", "und-Cyrl"),
        ("12?", "und"),
    ],
)
def test_the_script_of_a_question_is_that_of_most_of_its_letters(text: str, tag: str) -> None:
    assert script(text) == tag


def test_which_first_stage_retriever_found_the_evidence_depends_on_the_depth_in_documents() -> None:
    bm25 = rank_by_score("bm25", {"p1": 3.0, "p2": 2.0, "p3": 1.0}, {"p1": "d1", "p2": "d1", "p3": "d2"})
    dense = rank_by_score("dense", {"p4": 1.0}, {"p4": "d3"})
    relevant = {"d2"}
    assert found_by(bm25, dense, relevant, 2) == "only bm25"
    assert found_by(dense, bm25, relevant, 2) == "only dense"
    assert found_by(bm25, bm25, relevant, 2) == "both"
    assert found_by(bm25, dense, relevant, 1) == "none"


def test_a_quote_is_found_whatever_lies_between_its_words() -> None:
    text = "Shift | Hours\nLate | 14:00\u201322:00 | 12 % of basic pay"
    ((start, end),) = locate(text, "late 14:00-22:00  12 % OF basic")
    assert text[start:end] == "Late | 14:00\u201322:00 | 12 % of basic"
    assert [text[a:b] for a, b in locate(text, "asic pay")] == ["asic pay"]
    assert locate(text, "early shift") == []
    chinese = "员工每年有二十八天的年假。"
    assert [chinese[a:b] for a, b in locate(chinese, "二十八 天")] == ["二十八天"]
    assert [a for a, _ in locate("the caf\u00e9 opens", "cafe\u0301 opens")] == [4]
    assert locate("Caucasian", "asian") == [], "a single word is a whole word"
    assert locate(text, " | ") == []


def test_evidence_is_known_by_span_by_answer_or_by_document(engine: Engine) -> None:
    finder = GoldFinder(engine.catalog, {s.doc_id: s.uri for s in engine.catalog.summaries()})
    span = finder.find(Topic("q", "?", evidence=(Evidence("papers/leave.md", "five days may be carried"),)), {})
    assert (span.level, span.lost, len(span.spans)) == ("span", "", 1)
    answer = finder.find(Topic("q", "?", answers=("28 days",)), {"papers/leave.md": 1, "papers/travel.md": 0})
    assert (answer.level, len(answer.passages)) == ("answer", 1)
    document = finder.find(Topic("q", "?", answers=("unheard of",)), {"papers/leave.md": 1})
    assert (document.level, document.passages >= answer.passages) == ("document", True)
    assert finder.find(Topic("q", "?"), {}).level == "unknown"
    assert finder.find(Topic("q", "?"), {"papers/gone.md": 1}).lost == "not_ingested"
    lost = finder.find(Topic("q", "?", evidence=(Evidence("papers/leave.md", "text that the parser lost"),)), {})
    assert lost.lost == "not_ingested"


def test_evidence_that_was_lost_counts_zero_in_every_measure(dataset: Path, tmp_path: Path) -> None:
    """A parser that loses a document, or a chunker that cuts evidence to pieces, must not raise the mean."""
    rows = [
        {"_id": "a", "text": "annual leave of employees", "evidence": [{"document": "d1", "quote": "28 days"}]},
        {
            "_id": "b",
            "text": "annual leave of employees",
            "evidence": [{"document": "d1", "quote": "words that are not there"}],
        },
        {"_id": "c", "text": "annual leave of employees", "evidence": [{"document": "d4", "quote": "it had no text"}]},
    ]
    (dataset / "lost.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = read_dataset(dataset, queries=dataset / "lost.jsonl", qrels=_qrels(dataset, "a d1", "b d1", "c d4"))
    record = evaluate_retrieval(index_dataset(data, load_settings(), tmp_path), data, stages=["bm25"])
    assert record.passages["bm25"]["passage nDCG@10"] == pytest.approx(1 / 3, abs=1e-6)
    assert record.passages["bm25"]["span R@5"] == pytest.approx(1 / 3, abs=1e-6)
    assert record.into_rerank.keys() == {"depth", "recall"}


def _qrels(folder: Path, *pairs: str) -> Path:
    (folder / "other.qrels").write_text("".join(f"{q} 0 {d} 1\n" for q, d in map(str.split, pairs)))
    return folder / "other.qrels"


def test_files_that_could_not_be_read_are_told_with_the_figures_and_a_corpus_without_any_is_an_error(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "set"
    (folder / "corpus").mkdir(parents=True)
    (folder / "topics.jsonl").write_text('{"_id": "a", "text": "annual leave", "evidence": ["leave.md"]}')
    (folder / "corpus" / "bad.pdf").write_bytes(b"%PDF-1.7 cut")
    with pytest.raises(DatasetInvalid, match=r"no document of .* could be indexed: 1 files failed"):
        index_dataset(read_dataset(folder), load_settings(), tmp_path)
    (folder / "corpus" / "leave.md").write_text("# Leave\n\nEverybody has 28 days of annual leave.\n")
    data = read_dataset(folder)
    indexed = index_dataset(data, load_settings(), tmp_path)
    assert indexed.notes == ("1 files of the corpus could not be read, such as set/bad.pdf",)
    assert evaluate_retrieval(indexed, data).notes[0] == indexed.notes[0]


def test_an_indexing_that_did_not_end_is_taken_up_again(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = read_dataset(dataset)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("citewell.evaluation.topics.corpora.ingest_documents", killed)
        with pytest.raises(KeyboardInterrupt):
            index_dataset(data, load_settings(), tmp_path)
    assert len(index_dataset(data, load_settings(), tmp_path).names) == 3
