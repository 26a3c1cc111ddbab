"""What is read: BEIR folders, files of questions, TREC topics, qrels and runs; and what is told of bad ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citewell.core.errors import DatasetInvalid
from citewell.evaluation.topics.corpora import FolderCorpus, JsonlCorpus
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.trec import read_qrels, read_run, read_topics, write_qrels, write_run
from citewell.evaluation.topics.types import Evidence, Turn


def test_a_beir_folder_has_topics_judgements_answers_and_answer_spans(dataset: Path) -> None:
    data = read_dataset(dataset)
    assert [t.query_id for t in data.topics] == ["q1", "q2", "q3"]
    assert data.qrels == {"q1": {"d1": 1}, "q2": {"d2": 2}}
    assert data.topics[0].evidence == (Evidence("d1", "28 days", 19, 26),)
    assert data.topics[1].evidence == (Evidence("d2"),)
    assert [t.answerable for t in data.topics] == [True, True, False]
    assert isinstance(data.corpus, JsonlCorpus)


def test_only_judged_queries_are_kept_when_asked_and_a_limit_spreads_over_the_file(dataset: Path) -> None:
    assert [t.query_id for t in read_dataset(dataset, judged_only=True).topics] == ["q1", "q2"]
    assert [t.query_id for t in read_dataset(dataset, limit=2).topics] == ["q1", "q2"]
    rows = [{"_id": f"n{i}", "text": "leave", "evidence": ["d1"]} for i in range(100)]
    (dataset / "many.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spread = read_dataset(dataset / "many.jsonl", limit=4)
    assert [t.query_id for t in spread.topics] == ["n0", "n25", "n50", "n75"]


def test_a_query_without_judgements_is_told_with_file_and_line(dataset: Path) -> None:
    with (dataset / "queries.jsonl").open("a") as stream:
        stream.write('\n{"_id": "q4", "text": "nobody judged this"}\n')
    (note,) = read_dataset(dataset, judged_only=True).notes
    assert "queries.jsonl, line 4: the query q4 has no judgement" in note


def test_a_judged_query_that_has_no_text_is_an_error_with_file_and_line(dataset: Path) -> None:
    with (dataset / "qrels" / "test.tsv").open("a") as stream:
        stream.write("q9\td1\t1\n")
    with pytest.raises(
        DatasetInvalid, match=r"test\.tsv, line 4: judges the query q9, which .*queries\.jsonl does not have"
    ):
        read_dataset(dataset)


def test_a_file_of_questions_brings_history_evidence_and_tags(tmp_path: Path) -> None:
    row = {
        "_id": "q", "question": "And in Graz?", "history": [{"role": "user", "text": "When does work begin in Leeds?"}, {"role": "agent", "text": "At 8."}],
        "answers": ["At 7"], "evidence": [{"document": "hours.md", "quote": "at 7 in Graz", "start_char": 4, "end_char": 16}],
        "language": "en", "tags": ["date"],
    }  # fmt: skip
    (tmp_path / "q.jsonl").write_text(json.dumps(row))
    (topic,) = read_dataset(tmp_path / "q.jsonl").topics
    assert (topic.text, topic.answerable, topic.tags) == ("And in Graz?", True, ("date",))
    assert topic.history[1] == Turn("agent", "At 8.")
    assert topic.evidence == (Evidence("hours.md", "at 7 in Graz", 4, 16),)
    assert read_dataset(tmp_path / "q.jsonl").qrels == {"q": {"hours.md": 1}}
    (whole,) = read_dataset(tmp_path / "q.jsonl", history="user").topics
    assert whole.text == "When does work begin in Leeds? And in Graz?"


def test_the_sample_is_a_dataset_by_its_name() -> None:
    data = read_dataset(Path("sample"))
    assert (data.name, len(data.topics), len(data.qrels)) == ("sample", 60, 45)
    assert isinstance(data.corpus, FolderCorpus)


def test_trec_topics_are_read_from_records_and_from_tabbed_lines(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(
        "<top>\n<num> Number: 301\n<title> International\n organized crime\n<desc> …\n</top>\n"
    )
    (tmp_path / "t.tsv").write_text("7\twhat is nitrate\n8\tpump curves\n")
    assert [(t.query_id, t.text) for t in read_topics(tmp_path / "t.txt")[0]] == [
        ("301", "International organized crime")
    ]
    assert [(t.query_id, t.text) for t in read_topics(tmp_path / "t.tsv")[0]] == [
        ("7", "what is nitrate"),
        ("8", "pump curves"),
    ]


@pytest.mark.parametrize("beir", [True, False])
def test_qrels_that_were_written_are_read_back(tmp_path: Path, *, beir: bool) -> None:
    qrels = {"q1": {"a": 2, "b": 0}, "q2": {"c": 1}}
    write_qrels(qrels, tmp_path / "q", beir=beir)
    assert read_qrels(tmp_path / "q") == (qrels, {"q1": 2 - (not beir), "q2": 4 - (not beir)})


def test_a_run_that_was_written_is_read_back_in_its_order(tmp_path: Path) -> None:
    run = {"q1": {"b": 3.25, "a": 1.0 / 3, "a b": -2e-9}}
    write_run(run, tmp_path / "run", "tag with spaces")
    read, _ = read_run(tmp_path / "run")
    assert list(read["q1"]) == ["b", "a", "a%20b"]
    assert read["q1"]["a"] == pytest.approx(1 / 3, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\tyes\n", r"test\.tsv, line 2: needs query-id, corpus-id and a whole score"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1 d1 1\n", r"test\.tsv, line 2: needs"),
        ("qrels/test.tsv", "a\tb\n1\t2\n", r"test\.tsv, line 1: needs"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", r"test\.tsv is empty"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td1\t2\n", r"line 3: query q1 grades the document d1 2, before 1"),
        ("queries.jsonl", '{"_id": "q1", "text": "a"}\n{', r"queries\.jsonl, line 2: needs a JSON object with `_id`"),
        ("queries.jsonl", '{"_id": "q1", "text": " "}', r"queries\.jsonl, line 1: needs `text`"),
        ("queries.jsonl", '{"_id": "q1", "text": "a"}\n{"_id": "q1", "text": "b"}', r"line 2: the query q1 is in line 1 already"),
        ("queries.jsonl", "\n", r"queries\.jsonl is empty: it has no question"),
        ("answers.jsonl", '{"_id": "q1", "answers": "28"}', r"answers\.jsonl, line 1: `answers` needs a list"),
        ("answers.jsonl", '{"_id": "q1", "answerable": "yes"}', r"answers\.jsonl, line 1: `answerable` needs true or false"),
        ("answers.jsonl", '{"_id": "q1", "evidence": [{"document": "d", "start_char": 5, "end_char": 5}]}', r"line 1: the span \[5, 5\) holds nothing"),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_with_file_and_line(dataset: Path, name: str, content: str, told: str) -> None:
    (dataset / name).write_text(content)
    with pytest.raises(DatasetInvalid, match=told):
        read_dataset(dataset)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("q1 Q0 d1 1 0.5 t\nq1 Q0 d1 2 0.4 t\n", r"line 2: query q1 has the document d1 twice"),
        ("q1 Q0 d1 1 0.5\n", r"line 1: needs query-id, Q0"),
        ("q1 Q0 d1 1 high t\n", r"line 1: needs query-id, Q0"),
        ("q1 Q0 d1 1 nan t\n", r"line 1: needs query-id, Q0"),
        ("", "is empty"),
    ],
)
def test_a_bad_run_is_told_with_file_and_line(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "run").write_text(content)
    with pytest.raises(DatasetInvalid, match=told):
        read_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty: it has no document with text"),
        ('{"_id": "a", "text": ""}', "is empty: it has no document with text"),
        ('{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}', "line 2: the document a is in line 1 already"),
        ('{"text": "x"}', "line 1: needs a JSON object with `_id`"),
    ],
)
def test_a_bad_corpus_is_told_with_file_and_line(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "corpus.jsonl").write_text(content)
    with pytest.raises(DatasetInvalid, match=told):
        JsonlCorpus("c", tmp_path / "corpus.jsonl").entries()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<top>\n<num> 1\n<title> a\n<top>\n<num> 2\n<title> b\n</top>\n", "line 1: the topic is not closed"),
        (b"<top>\n<num> 1\n</top>\n", "line 1: a topic needs <num> and <title>"),
        (b"1 no tab here\n", "line 1: needs a query id, a tab and the question"),
        (b"1\tok\n2\t\xff\xfe\n", "line 2: is no UTF-8 text"),
        (b"1\ta\n1\tb\n", "line 2: the query 1 is in line 1 already"),
    ],
)
def test_bad_topics_are_told_with_file_and_line(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "t.txt").write_bytes(content)
    with pytest.raises(DatasetInvalid, match=told):
        read_topics(tmp_path / "t.txt")


def test_a_byte_order_mark_is_no_part_of_the_first_query(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"\xef\xbb\xbf7\twhat  is nitrate\n")
    (topic,) = read_topics(tmp_path / "t.tsv")[0]
    assert (topic.query_id, topic.text) == ("7", "what is nitrate")


def test_answers_that_are_there_twice_are_told_and_what_they_lack_stays(dataset: Path) -> None:
    row = {"_id": "q1", "text": "leave?", "answers": ["28"], "evidence": ["d1"]}
    (dataset / "queries.jsonl").write_text(json.dumps(row))
    (dataset / "qrels" / "test.tsv").write_text("q1 0 d1 1\n")
    (dataset / "answers.jsonl").write_text('{"_id": "q1", "answerable": true}')
    (topic,) = read_dataset(dataset).topics
    assert (topic.answers, topic.evidence) == (("28",), (Evidence("d1"),))
    (dataset / "answers.jsonl").write_text('{"_id": "q1"}\n{"_id": "q1"}')
    with pytest.raises(DatasetInvalid, match="line 2: the query q1 has answers already"):
        read_dataset(dataset)
