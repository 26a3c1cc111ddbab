"""The whole line through the real program: ingest, search, ask, documents, evaluation, and each way to go wrong."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from programs import run, run_json


@pytest.fixture
def indexed(folder: Path) -> Path:
    """The folder above `papers`, which has been ingested into `.citewell`."""
    run("ingest", folder, cwd=folder.parent)
    return folder.parent


def test_the_package_is_the_command(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "citewell", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout == run("--version", cwd=tmp_path).stdout


def test_from_a_folder_to_a_cited_answer_and_back_to_nothing(indexed: Path) -> None:
    before = run_json("status", cwd=indexed)
    again = run_json("ingest", "papers", cwd=indexed)
    assert (again["unchanged"], again["chunks_embedded"], again["published"]) == (3, 0, False)
    assert run_json("status", cwd=indexed) == before

    answer = run_json("ask", "How many days of annual leave does an employee have?", cwd=indexed)
    assert answer["status"] == "grounded"
    citation = answer["sentences"][0]["citations"][0]
    shown = run_json("documents", "show", citation["doc_id"], "--text", cwd=indexed)
    assert shown["text"][citation["start_char"] : citation["end_char"]] == citation["quote"]
    assert citation["quote"] in (indexed / citation["uri"]).read_text()
    assert run_json("ask", "Who won the football world cup in 1990?", cwd=indexed)["status"] == "abstained"
    streamed = run("ask", "How many days of annual leave does an employee have?", "--stream", cwd=indexed).stdout
    events = [json.loads(line) for line in streamed.splitlines()]
    assert events[-1]["event"] == "answer"
    assert [e["text"] for e in events if e["event"] == "sentence"] == [s["text"] for s in answer["sentences"]]

    (indexed / "papers" / "leave.md").unlink()
    assert run_json("ingest", "papers", "--prune", cwd=indexed)["removed"] == ["papers/leave.md"]
    assert all(p["uri"] != "papers/leave.md" for p in run_json("search", "annual leave", cwd=indexed)["passages"])

    pumps = next(d for d in run_json("documents", "list", cwd=indexed) if d["uri"] == "papers/pumps.txt")
    run("documents", "delete", pumps["doc_id"], cwd=indexed)
    assert [d["uri"] for d in run_json("documents", "list", cwd=indexed)] == ["papers/travel.md"]
    assert run_json("doctor", cwd=indexed)["healthy"]


def test_output_for_people_names_the_file_beside_each_quote(indexed: Path) -> None:
    out = run("ask", "How much may a hotel cost?", "--explain", cwd=indexed).stdout
    assert "“Hotels cost at most 145 euros a night.”" in out
    assert "[1] papers/travel.md" in out
    assert "context:" in out
    assert "papers/travel.md" in run("search", "hotel", cwd=indexed).stdout


def test_a_broken_file_sets_the_exit_code_and_is_kept_in_the_list(folder: Path) -> None:
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 cut")
    done = run("ingest", "papers", cwd=folder.parent, expect=3)
    assert "bad.pdf" in done.stderr
    assert [r["uri"] for r in run_json("status", cwd=folder.parent)["rejected"]] == ["papers/bad.pdf"]
    run("doctor", cwd=folder.parent)


def test_an_unreadable_file_is_told_and_the_others_go_on(folder: Path) -> None:
    """A link whose target is gone: the system refuses to read it, whoever asks."""
    (folder / "gone.md").symlink_to(folder / "nowhere.md")
    done = run("ingest", "papers", cwd=folder.parent, expect=3)
    assert "papers/gone.md: it cannot be read" in done.stderr
    assert done.stdout.startswith("3 added")


def test_a_directory_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder.parent / "file").write_text("in the way")
    assert "hint: Check the free space" in run("ingest", "papers", "--dir", "file", cwd=folder.parent, expect=1).stderr


def test_settings_come_from_the_file_the_environment_and_the_command_line(indexed: Path) -> None:
    plain = run_json("ask", "annual leave", cwd=indexed)["config_hash"]
    (indexed / "citewell.toml").write_text("[fusion]\ndense_weight = 0.3\n")
    from_file = run_json("ask", "annual leave", cwd=indexed)["config_hash"]
    same = run_json("ask", "annual leave", "--set", "fusion.dense_weight=0.5", cwd=indexed)["config_hash"]
    assert plain == same != from_file


def test_each_error_is_one_sentence_with_a_hint_and_a_non_zero_exit(indexed: Path) -> None:
    (indexed / "empty").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cases: list[tuple[tuple[object, ...], str]] = [
            (("ask", "  "), "blank"),
            (("ask", "x", "--dir", "nowhere"), "no index"),
            (("status", "--dir", "nowhere"), "no index"),
            (("documents", "delete", "x", "--dir", "nowhere"), "no index"),
            (("ingest", "missing"), "does not exist"),
            (("ingest", "empty"), "holds no file"),
            (("documents", "show", "0"), "no document"),
            (("ask", "x", "--set", "chunking.max_tokens=99"), "built with another"),
            (("ask", "x", "--set", "embedder.model=./no-model"), "no model folder"),
            (("ask", "x", "--set", "fusion.metod=rrf"), "fusion.metod"),
            (("ask", "x", "--set", "fusion=rrf"), "SECTION.FIELD=VALUE"),
            (("ask", "x", "--set", "a.b=1", "--set", "a.b.c=2"), "SECTION.FIELD=VALUE"),
            (("ask", "x", "--set", "embedder.by_language.xx=m"), "no language that can be told"),
            (("ask", "x", "--config", "no.toml"), "no.toml"),
            (("evaluate", "retrieval", "--dataset", "empty"), "neither queries.jsonl nor topics.jsonl"),
            (("serve", "--port", port), "in use"),
            (("serve", "--host", "0.0.0.0", "--port", 0), "without a key"),
        ]
        for arguments, fragment in cases:
            done = run(*arguments, cwd=indexed, expect=1)
            assert fragment in done.stderr, arguments
            assert done.stderr.count("error:") == done.stderr.count("hint:") == 1, done.stderr
            assert "Traceback" not in done.stderr
    assert json.loads(run("ask", " ", "--json", cwd=indexed, expect=1).stdout)["error"]["code"] == "query.invalid"
    assert "Usage" in run("ingest", cwd=indexed, expect=2).stderr
    assert "Usage" in run("aks", cwd=indexed, expect=2).stderr


def test_other_settings_are_tried_before_they_are_published(indexed: Path) -> None:
    candidate = ("--set", "chunking.max_tokens=32")
    assert not run_json("index", "rebuild", "--no-publish", *candidate, cwd=indexed)["published"]
    (indexed / "questions.txt").write_text("How many days of annual leave does an employee have?\n\nWho won in 1990?\n")
    assert run_json("generations", "compare", "2", "questions.txt", cwd=indexed)["summary"]["questions"] == 2
    assert "000009 is not kept" in run("generations", "compare", "9", "questions.txt", cwd=indexed, expect=1).stderr
    run("generations", "canary", "start", "2", "--share", "0.5", cwd=indexed)
    assert "no question" in run("generations", "canary", "report", cwd=indexed).stdout
    run("generations", "canary", "stop", cwd=indexed)
    assert "2 generations are" in run("generations", "verify", cwd=indexed).stdout
    for path in (indexed / ".citewell" / "generations" / "000002" / "blocks").glob("*.faiss"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert run_json("generations", "verify", "2", cwd=indexed, expect=1)[0]["place"] == "generation 000002"
    assert run_json("generations", "verify", "1", cwd=indexed) == []
    assert not run_json("index", "rebuild", "--no-publish", *candidate, cwd=indexed)["published"]
    run("generations", "publish", "3", cwd=indexed)
    assert run_json("search", "annual leave", cwd=indexed)["generation"] == "000003"


def test_an_index_of_another_embedder_is_refused(indexed: Path) -> None:
    """A model folder with other weights, of which only the checksum is looked at."""
    from citewell.core.models import BUNDLED_EMBEDDER, model_folder

    other = indexed / "other-model"
    other.mkdir()
    for path in model_folder(BUNDLED_EMBEDDER).iterdir():
        if path.is_file() and path.suffix == ".json":
            (other / path.name).write_bytes(path.read_bytes())
    (other / "model.safetensors").write_bytes(b"other weights")
    done = run("ask", "annual leave", "--set", "embedder.model=other-model", cwd=indexed, expect=1)
    assert "built with another embedder" in done.stderr


def test_retrieval_is_evaluated_from_the_command_line(tmp_path: Path) -> None:
    data = tmp_path / "tiny"
    (data / "qrels").mkdir(parents=True)
    (data / "corpus.jsonl").write_text(
        '{"_id": "a", "title": "Leave", "text": "28 days of leave"}\n{"_id": "b", "title": "", "text": "Hotels"}\n'
    )
    (data / "queries.jsonl").write_text('{"_id": "1", "text": "days of leave"}\n')
    (data / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n")
    done = run("evaluate", "retrieval", "--dataset", data, "--runs", "runs", "--json", "out.json", cwd=tmp_path)
    assert re.search(r"hybrid\s+1\.0000\s+\[1\.000, 1\.000\]", done.stdout)
    body = json.loads((tmp_path / "out.json").read_text())
    assert body["dataset"] == "tiny"
    assert body["stages"]["hybrid"] == {
        "nDCG@10": 1.0,
        "R@100": 1.0,
        "RR@10": 1.0,
        "AP": 1.0,
        "P@5": 0.2,
        "Judged@10": 0.5,
    }
    assert body["config_hash"]
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == [
        f"tiny.{s}.run" for s in ("bm25", "dense", "hybrid", "ltr", "rerank")
    ]


def test_help_does_not_import_what_it_does_not_need(tmp_path: Path) -> None:
    import subprocess
    import sys

    from programs import environment

    code = "import sys, click\nfrom citewell.cli.main import cli\ntry: cli(['--help'])\nexcept SystemExit: pass\nprint([m for m in ('torch','numpy','pydantic','fastapi','rich') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment(), check=True
    )
    assert done.stdout.rstrip().endswith("[]")
