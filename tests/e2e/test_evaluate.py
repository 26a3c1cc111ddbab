"""The instrument through the real program, on the sample data: records, comparison, gate, tuning, made topics, the report in a browser."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from programs import run

from citewell.cli.evaluate import evaluate
from citewell.core.types import Ranking, rank_by_score
from citewell.pipeline import retrieve

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.slow
# What is tested here is measuring; only the committed baseline is measured with the cross-encoder, which takes a minute.
WITHOUT = {"CITEWELL_RERANK__MODEL": ""}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the sample has been measured: retrieval.json, answers.json, runs/."""
    where = tmp_path_factory.mktemp("evaluate")
    run(
        "evaluate",
        "retrieval",
        "--dataset",
        "sample",
        "--runs",
        "runs",
        "--json",
        "retrieval.json",
        cwd=where,
        **WITHOUT,
    )
    run(
        "evaluate",
        "answers",
        "--dataset",
        "sample",
        "--json",
        "answers.json",
        "--report",
        "answers.html",
        cwd=where,
        **WITHOUT,
    )
    return where


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_answers_are_measured_in_the_terms_of_the_field_and_the_waterfall_adds_up(place: Path) -> None:
    body = read(place / "answers.json")
    assert {"em", "f1", "containment", "citation_precision", "citation_recall", "abstention"} <= body.keys()
    assert {"precision", "recall", "f1", "auroc", "curve", "threshold_for_risk"} <= body["abstention"].keys()
    assert (body["topics"], body["answerable"], body["unanswerable"]) == (60, 45, 15)
    assert sum(body["waterfall"]["counts"].values()) == body["waterfall"]["answerable"] == 45
    assert body["citations"]["checked"] > 0
    assert body["citations"]["broken"] == 0
    assert body["citation_recall"] == 1.0


def test_the_committed_baseline_of_the_sample_holds(place: Path) -> None:
    done = run("evaluate", "gate", cwd=place)
    assert "passed: no measure fell" in done.stdout


def reverse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fused ranking comes out upside down."""
    straight = retrieve.fuse

    def upside_down(*arguments: Any) -> Ranking:
        ranking = straight(*arguments)
        return rank_by_score(ranking.scorer, {c.chunk_id: -c.score for c in ranking.candidates}, {c.chunk_id: c.doc_id for c in ranking.candidates})  # fmt: skip

    monkeypatch.setattr(retrieve, "fuse", upside_down)


def test_the_gate_fails_when_the_order_of_results_is_reversed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reverse(monkeypatch)
    done = CliRunner().invoke(
        evaluate,
        ["gate", "--dir", str(place / ".citewell"), "--json", str(place / "gate.json"), "--set", "rerank.model="],
    )
    assert done.exit_code == 1
    assert "FAILED: hybrid nDCG@10 fell from" in done.output
    verdict = read(place / "gate.json")
    assert not verdict["passed"]
    assert any(fall["measure"] == "hybrid nDCG@10" and fall["significant"] for fall in verdict["falls"])
    assert not any(fall["measure"].startswith("bm25") for fall in verdict["falls"])


def test_a_gate_against_a_record_fails_when_a_setting_makes_it_worse(place: Path) -> None:
    same = run("evaluate", "gate", "--baseline", "retrieval.json", cwd=place, **WITHOUT)
    assert "passed" in same.stdout
    worse = run(
        "evaluate",
        "gate",
        "--baseline",
        "retrieval.json",
        cwd=place,
        expect=1,
        CITEWELL_FUSION__DENSE_WEIGHT="0",
        **WITHOUT,
    )
    assert "FAILED: hybrid nDCG@10 fell" in worse.stdout
    assert "setting fusion.dense_weight: 0.5 in the baseline, 0.0 now" in worse.stdout


def test_runs_and_records_are_compared(place: Path) -> None:
    a, b = "runs/sample.bm25.run", "runs/sample.hybrid.run"
    body = json.loads(run("evaluate", "compare", a, b, "--dataset", "sample", "--json", "-", cwd=place).stdout)
    row = body["measures"][0]
    assert (row["measure"], row["topics"], row["significant"]) == ("nDCG@10", 45, True)
    assert row["difference"]["low"] <= row["difference"]["mean"] <= row["difference"]["high"]
    itself = run("evaluate", "compare", a, a, "--dataset", "sample", cwd=place).stdout
    assert "no difference: every topic has the same value in both" in itself
    assert "right" in run("evaluate", "compare", "answers.json", "answers.json", cwd=place).stdout


def test_tuning_reports_held_out_figures_and_writes_only_a_real_gain(place: Path) -> None:
    done = run(
        "evaluate",
        "tune",
        "--dataset",
        "sample",
        "--folds",
        "3",
        "--write",
        "tuned.toml",
        "--json",
        "-",
        cwd=place,
        **WITHOUT,
    )
    body = json.loads(done.stdout)
    assert len(body["folds"]) == 3
    assert body["tried"] > 20
    assert body["verdicts"][0].startswith("hybrid ")
    assert (body["written"] is not None) == body["significant"] == (place / "tuned.toml").exists()


def test_a_question_is_replayed(place: Path) -> None:
    out = run("evaluate", "answers", "--dataset", "sample", "--explain", "s03", cwd=place).stdout
    assert "s03: When do holidays left over from last year expire?" in out
    assert "evidence known by span" in out
    error = run("evaluate", "answers", "--dataset", "sample", "--explain", "s99", cwd=place, expect=1).stderr
    assert "has no query s99" in error


def test_questions_are_made_and_measured_on_the_index_that_is_there(folder: Path) -> None:
    where = folder.parent
    run("ingest", folder, cwd=where)
    out = run("evaluate", "synthesise", "--out", "made", cwd=where, **WITHOUT).stdout
    assert "synthetic questions written to" in out
    body = json.loads(run("evaluate", "retrieval", "--dataset", "made", "--json", "-", cwd=where, **WITHOUT).stdout)
    assert body["stages"]["hybrid"]["nDCG@10"] > 0.5
    assert "synthetic" in body["notes"][0]
    out = run(
        "evaluate", "paraphrase", "--dataset", "made", "--kinds", "lower,typos", "--no-answers", cwd=where, **WITHOUT
    ).stdout
    assert "typos" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("retrieval", "--dataset", "nowhere"), "nowhere does not exist"),
        (("retrieval", "--dataset", "sample", "--qrels", "bad.qrels"), "bad.qrels, line 2: needs query-id"),
        (("retrieval", "--dataset", "sample", "--queries", "empty.jsonl"), "empty.jsonl is empty: it has no question"),
        (("answers", "--dataset", "sample", "--judge", "no.module:judge"), "the judge no.module:judge cannot be loaded"),
        (("compare", "twice.run", "twice.run", "--dataset", "sample"), "twice.run, line 2: query s01 has the document a twice"),
        (("compare", "a.run", "a.run"), "there are no qrels to judge it by"),
        (("gate", "--baseline", "empty.jsonl"), "is no JSON"),
        (("tune", "--dataset", "sample", "--measure", "nDGC@10"), "unknown measure"),
        (("report", "bad.qrels"), "is no JSON"),
        (("synthesise", "--out", "x"), "there is no index"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    (tmp_path / "bad.qrels").write_text("s01 0 a 1\ns01 a 1\n")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "twice.run").write_text("s01 Q0 a 1 2.0 t\ns01 Q0 a 2 1.0 t\n")
    (tmp_path / "a.run").write_text("s01 Q0 a 1 2.0 t\n")
    error = run("evaluate", *arguments, cwd=tmp_path, expect=1).stderr
    assert told in error
    assert "hint:" in error
    assert "Traceback" not in error


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="the system package chromium is not installed")
def test_the_report_opens_from_disk_without_a_request_and_its_plots_are_seen(place: Path) -> None:
    from PIL import Image
    from playwright.sync_api import sync_playwright

    done = run(
        "evaluate", "report", "retrieval.json", "answers.json", "--out", "report.html", "--plots", "plots", cwd=place
    )
    assert "report written to report.html" in done.stdout
    body = read(place / "report-figures.json")
    assert [record["kind"] for record in body["records"]] == ["retrieval", "answers"]
    requested: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        problems: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((place / "report.html").as_uri())
        text = page.inner_text("body")
        figures = page.locator("figure")
        shots = [figures.nth(i).locator("svg").screenshot() for i in range(figures.count())]
        page.screenshot(path=place / "report.png", full_page=True)
        browser.close()
    assert requested == [(place / "report.html").as_uri()]
    assert problems == []
    for word in ("exact match", "token F1", "containment", "citation precision", "citation recall", "AUROC", "risk"):
        assert word in text, word
    # recall by depth, two latencies, risk/coverage, waterfall, bm25 and dense against hybrid, hybrid against learning to rank
    assert len(shots) == 8
    for shot in shots:
        colours = Image.open(io.BytesIO(shot)).convert("RGB").getcolors(1 << 24)
        assert colours is not None
        saturated = sum(n for n, (r, g, b) in colours if max(r, g, b) - min(r, g, b) > 60)
        assert saturated > 200, "a plot shows coloured marks"
    assert len(list((place / "plots").glob("*.png"))) == 8
    assert (place / "answers.html").is_file()
