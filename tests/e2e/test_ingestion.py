"""Ingestion through the real program: what would be done, jobs that others work on, standard input, letters, and the report as a page."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from programs import PROGRAM, environment, run, run_json


@pytest.mark.slow
def test_from_a_dry_run_to_a_finished_job(folder: Path) -> None:
    place = folder.parent
    told = run_json("ingest", "papers", "--dry-run", cwd=place)
    assert (len(told["added"]), told["unchanged"]) == (3, 0)
    assert not (place / ".citewell").exists()
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 cut")
    job = run_json("ingest", "papers", "--detach", cwd=place)["job"]
    assert run_json("jobs", "pause", job, cwd=place)["state"] == "paused"
    assert run("jobs", "resume", job, "--detach", cwd=place).stdout.split()[:2] == [str(job), "running"]
    assert run_json("worker", "--until-idle", cwd=place)["jobs"] == [job]
    assert run("jobs", "list", cwd=place).stdout.splitlines()[0].endswith("3 added, 1 dead")
    shown = run_json("jobs", "show", job, cwd=place)
    assert (shown["job"]["state"], shown["report"]["outcomes"]) == ("done", {"added": 3, "dead": 1})
    (letter,) = run_json("dead-letter", "list", cwd=place)
    assert (letter["uri"], letter["code"]) == ("papers/bad.pdf", "file.broken")
    (folder / "bad.pdf").write_text("<html><body><p>Mended, as a page.</p></body></html>")
    assert run_json("dead-letter", "retry", cwd=place)["added"] == ["papers/bad.pdf"]
    run("jobs", "cancel", job, cwd=place, expect=1)


@pytest.mark.slow
def test_standard_input_is_a_document_and_the_report_a_page(folder: Path) -> None:
    place = folder.parent
    run("ingest", "papers", "--html", "report.html", cwd=place)
    assert "3 added" in (place / "report.html").read_text()
    piped = subprocess.run(
        [PROGRAM, "ingest", "-", "--name", "gate.html"], input=b"<html><body><p>The gate closes at ten o'clock.</p></body></html>",
        cwd=place, env=environment(), capture_output=True, timeout=120,
    )  # fmt: skip
    assert piped.returncode == 0, piped.stderr.decode()
    assert run_json("search", "gate closes", cwd=place)["passages"][0]["uri"] == "uploads/gate.html"
    assert "--name" in run("ingest", "-", cwd=place, expect=2).stderr
