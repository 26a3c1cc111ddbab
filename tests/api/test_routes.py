"""Each route, on a real index with the real embedder."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from fastapi.testclient import TestClient

from citewell.index.store.catalog import CATALOG_NAME
from citewell.pipeline.wiring import Engine

QUESTION = {"question": "How many days of annual leave does an employee have?"}


def first_document(client: TestClient, ending: str) -> dict[str, str]:
    found: dict[str, str] = next(d for d in client.get("/v1/documents").json() if d["uri"].endswith(ending))
    return found


def test_an_answer_cites_text_that_the_service_shows(client: TestClient) -> None:
    body = client.post("/v1/answer", json=QUESTION).json()
    assert body["status"] == "grounded"
    citation = body["sentences"][0]["citations"][0]
    shown = client.get(
        f"/v1/documents/{citation['doc_id']}/text",
        params={"version": citation["version"], "start": citation["start_char"], "end": citation["end_char"]},
    ).json()
    assert shown["text"] == citation["quote"] == "Every employee has 28 days of annual leave a year."
    assert body["context"] is None
    assert body["timings_ms"]["total"] > 0


def test_an_explained_answer_has_its_ledger_and_trace(client: TestClient) -> None:
    body = client.post("/v1/answer", json=QUESTION | {"explain": True}).json()
    assert body["context"]["token_count"] <= body["context"]["token_budget"]
    assert [row["stage"] for row in body["trace"]][:3] == ["open", "bm25", "dense"]


def test_what_the_documents_do_not_hold_is_refused_with_status_200(client: TestClient) -> None:
    response = client.post("/v1/answer", json={"question": "Who won the football world cup in 1990?"})
    assert (response.status_code, response.json()["status"], response.json()["sentences"]) == (200, "abstained", [])


def events_of(text: str) -> list[tuple[str, dict[str, object]]]:
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def test_a_streamed_answer_ends_with_the_same_answer(client: TestClient) -> None:
    whole = client.post("/v1/answer", json=QUESTION).json()
    response = client.post("/v1/answer/stream", json=QUESTION)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    kinds = [kind for kind, _ in events]
    assert kinds[0] == "stage"
    assert kinds[-1] == "answer"
    last = events[-1][1]
    assert {k: last[k] for k in whole if k in last and k != "timings_ms"} == {
        k: v for k, v in whole.items() if k in last and k != "timings_ms"
    }
    said = [told for kind, told in events if kind == "sentence"]
    assert [{k: v for k, v in one.items() if k != "checked"} for one in said] == last["sentences"]
    assert all(one["checked"] for one in said)


def test_an_error_of_a_stream_has_its_status_or_is_its_last_event(
    client: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = client.post("/v1/answer/stream", json={"question": " "})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "query.invalid")

    def broken(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(type(engine.generators[-1]), "generate", broken)
    response = client.post("/v1/answer/stream", json=QUESTION)
    kind, told = events_of(response.text)[-1]
    assert (response.status_code, kind) == (200, "error")
    assert told["error"]["code"] == "server.error"  # type: ignore[index]
    assert "the inside" not in response.text


def test_a_search_lists_passages_with_their_scores(client: TestClient) -> None:
    body = client.post("/v1/search", json={"query": "blocked inlet", "limit": 2}).json()
    assert [p["rank"] for p in body["passages"]] == [1, 2]
    assert body["passages"][0]["uri"] == "papers/pumps.txt"
    assert {"dense", "hybrid"} <= body["passages"][0]["scores"].keys()


def test_an_upload_is_searchable_when_it_is_answered_and_gone_when_deleted(client: TestClient) -> None:
    file = {"file": ("gate.md", b"# Gate\n\nThe northern gate closes at ten in the evening.", "text/markdown")}
    added = client.post("/v1/documents", files=file)
    assert (added.status_code, added.json()["outcome"]) == (201, "added")
    assert client.post("/v1/documents", files=file).json()["outcome"] == "unchanged"
    doc_id = added.json()["doc_id"]
    assert client.get(f"/v1/documents/{doc_id}").json()["uri"] == "uploads/gate.md"
    ask = {"question": "When does the northern gate close?"}
    assert client.post("/v1/answer", json=ask).json()["sentences"][0]["citations"][0]["doc_id"] == doc_id
    assert client.delete(f"/v1/documents/{doc_id}").json() == {"doc_id": doc_id, "uri": "uploads/gate.md"}
    cited = [c["doc_id"] for s in client.post("/v1/answer", json=ask).json()["sentences"] for c in s["citations"]]
    assert doc_id not in cited
    assert client.get(f"/v1/documents/{doc_id}").status_code == 404
    assert client.get(f"/v1/documents/{doc_id}/text").status_code == 404


def test_a_version_that_is_kept_no_longer_is_gone(client: TestClient, engine: Engine) -> None:
    doc_id = next(s.doc_id for s in engine.catalog.summaries() if s.uri == "papers/leave.md")
    version = engine.catalog.document(doc_id).version
    with closing(sqlite3.connect(engine.directory / CATALOG_NAME, isolation_level=None)) as db:
        db.execute("UPDATE documents SET text = '' WHERE doc_id = ?", (doc_id,))
    response = client.get(f"/v1/documents/{doc_id}/text", params={"version": version})
    assert (response.status_code, response.json()["error"]["code"]) == (410, "document.version_gone")
    assert "storage.keep_versions_days" in response.json()["error"]["hint"]


def test_a_replaced_upload_keeps_its_earlier_version_readable(client: TestClient) -> None:
    def upload(text: bytes) -> str:
        doc_id: str = client.post("/v1/documents", files={"file": ("gate.txt", text, "text/plain")}).json()["doc_id"]
        return doc_id

    doc_id = upload(b"The gate closes at ten o'clock.")
    version = client.get(f"/v1/documents/{doc_id}").json()["version"]
    upload(b"The gate closes at nine o'clock.")
    assert "ten" in client.get(f"/v1/documents/{doc_id}/text", params={"version": version}).json()["text"]
    assert "nine" in client.get(f"/v1/documents/{doc_id}/text").json()["text"]


def test_status_tells_what_is_there_and_how_the_caches_help(client: TestClient) -> None:
    for _ in range(2):
        client.post("/v1/answer", json={"question": "How many days of annual leave are there?"})
    told = client.get("/v1/status").json()
    assert told["index"]["documents"] == 3
    assert told["index"]["encoders"]["models"]["all-MiniLM-L6-v2"]["bulk"]
    caches = {cache["name"]: cache for cache in told["caches"]}
    assert {"question vectors", "passage vectors", "scores", "readings"} == set(caches)
    assert caches["scores"]["hits"] > 0
    assert 0 < caches["scores"]["hit_rate"] <= 1


def test_the_service_says_that_it_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json() == {"status": "ready", "generation": "000001"}


def test_the_page_and_the_documentation_load_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for address in ("/", "/docs", "/page/page.js", "/page/page.css"):
        response = client.get(address)
        assert response.status_code == 200
        assert "https://" not in response.text
        assert "//cdn" not in response.text
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


@pytest.mark.parametrize("offset", [(0, 10), (3, 3), (5, 10**9)])
def test_a_text_is_given_in_part(client: TestClient, offset: tuple[int, int]) -> None:
    document = first_document(client, "leave.md")
    whole = client.get(f"/v1/documents/{document['doc_id']}/text").json()["text"]
    part = client.get(f"/v1/documents/{document['doc_id']}/text", params={"start": offset[0], "end": offset[1]}).json()
    assert part["text"] == whole[offset[0] : offset[1]]
