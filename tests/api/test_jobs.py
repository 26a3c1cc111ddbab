"""Jobs over HTTP: what was accepted is made searchable by the service itself, and jobs can be seen and stopped."""

from __future__ import annotations

import time
from pathlib import Path

import bombs
import pytest
from fastapi.testclient import TestClient

from citewell.pipeline.build import queue_paths, queue_upload
from citewell.pipeline.ingestion.service import JobKeeper
from citewell.pipeline.wiring import Engine

WAIT_S = 60


def ended(client: TestClient, job: int) -> dict[str, object]:
    """The job, once it has ended."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        told: dict[str, object] = client.get(f"/v1/jobs/{job}").json()
        if told["ended_at"]:
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def test_an_upload_that_is_not_waited_for_is_kept_and_becomes_searchable(client: TestClient) -> None:
    sent = client.post(
        "/v1/documents?wait=false", files={"file": ("gate.md", b"# Gate\n\nThe gate closes at ten o'clock.")}
    )
    assert (sent.status_code, sent.json()["outcome"]) == (202, "queued")
    job = ended(client, sent.json()["job"])
    assert (job["state"], job["outcomes"], job["added"]) == ("done", {"added": 1}, ["uploads/gate.md"])
    found = client.post("/v1/search", json={"query": "When does the gate close?"}).json()["passages"]
    assert found[0]["uri"] == "uploads/gate.md"


def test_an_upload_survives_the_process_that_took_it(engine: Engine, client: TestClient) -> None:
    job = queue_upload(engine, "late.md", b"# Late\n\nIt came before the service was there.")
    assert ended(client, job)["added"] == ["uploads/late.md"]


def test_an_archive_is_a_folder_of_documents(client: TestClient) -> None:
    sent = client.post("/v1/documents", files={"file": ("box.zip", bombs.nested_zip(depth=1))}).json()
    assert sent["outcome"] == "container"
    assert all(uri.startswith("uploads/box.zip/") for uri in sent["documents"])
    assert sent["documents"]


def test_what_is_refused_is_a_dead_letter(client: TestClient) -> None:
    refused = client.post("/v1/documents", files={"file": ("secret.zip", bombs.zip_encrypted())})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "file.encrypted")
    (letter,) = client.get("/v1/dead-letters").json()
    assert (letter["uri"], letter["code"], letter["attempts"]) == ("uploads/secret.zip", "file.encrypted", 1)


def test_jobs_are_listed_paused_and_cancelled(
    client: TestClient, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobKeeper, "look_once", lambda keeper: [])  # else the service may be done before it is paused
    (folder / "new.md").write_text("# New\n\nA new paragraph about turbines.")
    before = client.get("/v1/jobs").json()
    assert [job["state"] for job in before] == ["done"]
    job = queue_paths(engine, [folder]).job
    assert client.post(f"/v1/jobs/{job}/pause").json()["state"] == "paused"
    assert client.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert client.post(f"/v1/jobs/{job}/resume").json()["error"]["code"] == "job.state"
    assert client.get("/v1/jobs/999").json()["error"]["code"] == "job.not_found"
    assert client.post(f"/v1/jobs/{job}/burn").status_code == 422
