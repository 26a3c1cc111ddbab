"""What models are trained on: questions of the parts that may train, wrong passages that are wrong, and nothing of `measure`."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from citewell.cli.main import cli
from citewell.core.errors import DatasetInvalid, ModelMismatch, SettingsError
from citewell.core.models import require_checksums, write_checksums
from citewell.core.settings import load_settings
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.topics.datasets import read_dataset
from citewell.pipeline.wiring import Engine
from citewell.rerank.declaration import declared
from citewell.rerank.train.groups import bucket
from citewell.training.blend import fit_ranker
from citewell.training.judged import needs_of, questions_of
from citewell.training.mine import mine
from citewell.training.prepare import Sources, prepare
from citewell.training.questions import TRAINED_BUCKETS, Asked, asked_of_dataset, asked_of_text, refuse_measured
from citewell.training.spoil import spoil

EVERY = range(20)


@pytest.fixture(scope="module")
def sample(sample_engine: Engine) -> Indexed:
    """The sample documents as a dataset's."""
    names = {s.doc_id: s.uri.partition("/")[2] for s in sample_engine.catalog.summaries()}
    return Indexed(sample_engine, names, "")


@pytest.fixture(scope="module")
def asked(sample: Indexed) -> list[Asked]:
    return list(asked_of_dataset(sample, read_dataset(Path("sample"))))


def test_what_is_measured_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "measure" / "scifact"
    inside.mkdir(parents=True)
    link = tmp_path / "innocent"
    link.symlink_to(inside)
    for path in (inside, link, inside / "corpus.jsonl"):
        with pytest.raises(DatasetInvalid, match="never trained on"):
            refuse_measured(path)
        with pytest.raises(DatasetInvalid, match="never trained on"):
            Sources(datasets=(path,))
    refuse_measured(tmp_path / "train")


def test_nothing_to_train_on_is_told() -> None:
    with pytest.raises(DatasetInvalid, match="nothing to train on"):
        Sources()


def test_a_question_brings_the_passage_with_its_evidence(asked: Sequence[Asked]) -> None:
    assert len(asked) > 20
    for item in asked:
        assert item.chunk.chunk_id in item.holding
        assert item.text == item.chunk.text
        assert all(0 <= start < end <= len(item.text) for start, end in item.spans)
        if not item.ranked:
            assert item.answerable is False
            assert item.spans == ()


def test_questions_made_of_text_lack_what_they_were_made_of(sample: Indexed) -> None:
    made = list(asked_of_text(sample, "sample", per_document=50, seed=1))
    assert {item.kind for item in made} == {"heading", "sentence", "title"}
    assert made == list(asked_of_text(sample, "sample", per_document=50, seed=1))
    for item in made:
        if item.kind in {"heading", "title"}:
            assert item.question not in item.header
            assert item.question != item.text.split("\n")[0]
    assert len({item.question for item in made}) == len(made)
    sentences = [item for item in made if item.kind == "sentence"]
    shortened = [item for item in sentences if len(item.text) < len(item.chunk.text)]
    assert len(shortened) > len(sentences) / 2
    assert all(bucket(item.title) in TRAINED_BUCKETS for item in made)
    assert max(sum(1 for i in asked_of_text(sample, "s", 2, 1) if i.title == item.title) for item in made) <= 2


def test_wrong_passages_hold_no_answer_and_come_from_parts_that_may_train(
    sample: Indexed, asked: Sequence[Asked]
) -> None:
    groups = list(mine(sample.engine, asked, 2, 13))
    by_question = {item.question: item for item in asked}
    titles = {s.title for s in sample.engine.catalog.summaries()}
    assert groups
    for group in groups:
        item = by_question[group.question]
        assert group.passages[0].text == item.text
        assert len(group.passages) == 3
        assert item.text not in [p.text for p in group.passages[1:]]
        for passage in group.passages[1:]:
            assert not any(len(a) >= 3 and a.casefold() in passage.text.casefold() for a in item.answers)
            title = next((t for t in titles if t and passage.header.startswith(t)), "")
            assert not title or bucket(title) in TRAINED_BUCKETS
    assert groups == list(mine(sample.engine, asked, 2, 13))


def test_a_passage_preferred_to_a_made_questions_own_is_no_negative(sample: Indexed) -> None:
    made = list(asked_of_text(sample, "sample", per_document=50, seed=1))
    for group in mine(sample.engine, made, 2, 13):
        assert group.prior[0] == max(group.prior)


def beir(folder: Path, count: int) -> Path:
    """A tiny dataset in the BEIR layout."""
    (folder / "qrels").mkdir(parents=True)
    towns = [f"town{i}" for i in range(count)]
    rows = [
        {"_id": t, "title": t, "text": f"The mayor of {t} has been person{i} for many years. " * 3}
        for i, t in enumerate(towns)
    ]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"_id": f"q{i}", "text": f"Who is the mayor of {t}?"} for i, t in enumerate(towns)]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    lines = [f"q{i}\t{t}\t1" for i, t in enumerate(towns)]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(lines) + "\n")
    answers = [
        {"_id": f"q{i}", "answers": [f"person{i}"], "answerable": True, "evidence": [t]} for i, t in enumerate(towns)
    ]
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    return folder


def test_sources_become_groups_once(tmp_path: Path) -> None:
    folder = beir(tmp_path / "towns", 40)
    with pytest.raises(DatasetInvalid, match="same name"):
        Sources(datasets=(folder, folder))
    sources = Sources(datasets=(folder,), texts=(tmp_path / "copy",))
    shutil.copytree(folder, tmp_path / "copy")
    groups = list(prepare(sources, load_settings(), tmp_path / "cache", negatives=2))
    assert groups
    questions = [g.question for g in groups if g.kind == "asked"]
    assert len(set(questions)) == len(questions) > 10
    assert {g.split for g in groups} <= {"train", "dev"}
    assert all(bucket(g.passages[0].header) in TRAINED_BUCKETS for g in groups)
    assert all(g.spans and g.answerable for g in groups if g.kind == "asked")
    few = list(prepare(sources, load_settings(), tmp_path / "cache", negatives=2, per_source=5))
    assert 0 < sum(1 for g in few if g.kind == "asked") <= 5
    assert 0 < sum(1 for g in few if g.kind == "sentence") <= 10  # of either source


def test_learning_to_rank_is_fitted_on_the_blend_part_alone(
    sample: Indexed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = questions_of(sample, read_dataset(Path("sample")), EVERY)  # type: ignore[arg-type]
    assert len(questions) > 20
    assert all(j.ideal > 0 for j in questions)
    assert not questions_of(sample, read_dataset(Path("sample")), range(0))
    needs = needs_of(sample, EVERY, 13)
    assert needs
    for need in needs:
        _, head = need.head(sample.engine)
        assert not need.without & set(head.scores())
        assert need.gains(head).sum() == len(need.relevant & set(head.scores()))
    monkeypatch.setattr("citewell.training.judged.LEAST_SET", 1)
    fitted = fit_ranker(Sources(datasets=(beir(tmp_path / "towns", 60),)), load_settings(), tmp_path / "cache", 13)
    assert set(fitted) == {"terms", "fitted", "held_out", "seed"}
    seen = [count for sets in (fitted["fitted"], fitted["held_out"]) for count, *_ in sets.values()]  # type: ignore[attr-defined]
    assert sum(seen) == sum(1 for i in range(60) if bucket(f"town{i}") >= 14)


def test_a_blend_is_fitted_and_declared(tmp_path: Path, tiny_reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citewell.training.judged.LEAST_SET", 1)
    model = Path(shutil.copytree(tiny_reader, tmp_path / "model"))
    write_checksums(model)
    towns = beir(tmp_path / "towns", 60)
    arguments = [
        "train",
        "blend",
        str(model),
        "--data",
        str(towns),
        "--index",
        str(tmp_path / "cache"),
        "--forwards",
        "4",
    ]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    fitted = json.loads(done.stdout)
    assert fitted["fitted"]["towns questions"][2] >= fitted["fitted"]["towns questions"][1]
    assert json.loads((model / "rerank.json").read_text())["blend"] == fitted["terms"]
    require_checksums(model)
    (model / "rerank.json").write_text('{"blend": {"asked": NaN}}')
    with pytest.raises(ModelMismatch):
        declared(model)


def test_the_commands_refuse_measure_in_a_sentence(tmp_path: Path) -> None:
    inside = beir(tmp_path / "measure" / "towns", 3)
    out = ["--out", str(tmp_path / "out")]
    for command, rest in (("reranker", out), ("ltr", out), ("blend", [str(tmp_path)])):
        done = CliRunner().invoke(cli, ["train", command, "--data", str(inside), *rest])
        assert isinstance(done.exception, DatasetInvalid)
        assert "never trained on" in done.exception.message


PASSAGE = "In 1905 Anna Berg moved from Oslo to Bergen, the largest town of the west, where Carl Dahl taught her."


@pytest.mark.parametrize(
    ("question", "kind", "expected"),
    [
        ("In what year did Anna Berg move?", "name", {"In what year did Oslo move?", "In what year did Bergen move?", "In what year did Carl Dahl move?"}),
        ("What happened in 1905?", "number", {f"What happened in {1905 + by}?" for by in (-20, -10, -7, -3, 3, 7, 10, 20)}),
        ("What is the largest town?", "opposite", {"What is the smallest town?"}),
    ],
)  # fmt: skip
def test_a_question_is_spoiled_by_one_change(question: str, kind: str, expected: set[str]) -> None:
    seen = {spoil(question, PASSAGE, random.Random(seed)) for seed in range(40)}
    assert seen
    assert {(text, kind) for text in expected} >= {made for made in seen if made} != set()


def test_a_negation_is_made_only_where_nothing_else_can_be() -> None:
    made = [spoil("Why did she move?", PASSAGE, random.Random(seed)) for seed in range(200)]
    assert set(made) == {None, ("Why didn't she move?", "negation")}
    assert 30 < sum(1 for one in made if one) < 90


@pytest.mark.slow
def test_the_command_trains_goes_on_and_refuses_other_sources(tmp_path: Path, tiny_cross_encoder: Path) -> None:
    folder = beir(tmp_path / "towns", 40)
    arguments = [
        "train",
        "reranker",
        "--data",
        str(folder),
        "--out",
        str(tmp_path / "run"),
        "--start",
        str(tiny_cross_encoder),
    ]
    options = ["--epochs", "0.5", "--max-tokens", "48", "--negatives", "2", "--dtype", "float32"]
    done = CliRunner().invoke(cli, [*arguments, *options], catch_exceptions=False)
    events = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "end"]
    require_checksums(tmp_path / "run" / "best")
    assert "Started from" in (tmp_path / "run" / "best" / "README.md").read_text()
    again = CliRunner().invoke(cli, [*arguments, *options], catch_exceptions=False)
    events = [json.loads(line) for line in again.output.splitlines() if line.startswith("{")]
    assert events[0]["step"] == events[0]["steps"], "nothing is left to do"
    other = CliRunner().invoke(cli, [*arguments, *options, "--seed", "5"])
    assert isinstance(other.exception, SettingsError)
    assert "other sources" in other.exception.message
