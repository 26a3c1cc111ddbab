"""The status and shape of every error, and who is let in."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from citewell.api.app import create_app
from citewell.api.errors import STATUS_OF
from citewell.core import errors
from citewell.core.settings import load_settings
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.wiring import Engine

QUESTION = {"question": "How many days of leave?"}


def told(client: TestClient, method: str, path: str, **arguments: object) -> tuple[int, str]:
    response = client.request(method, path, **arguments)  # type: ignore[arg-type]
    error = response.json()["error"]
    assert error["message"]
    assert error["hint"]
    return response.status_code, error["code"]


def test_every_error_class_has_a_status() -> None:
    classes = {c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.CitewellError)}
    assert classes == STATUS_OF.keys()


@pytest.mark.parametrize(
    ("method", "path", "arguments", "expected"),
    [
        ("POST", "/v1/answer", {"json": {"question": "  "}}, (400, "query.invalid")),
        ("POST", "/v1/answer", {"json": {"question": "x" * 3000}}, (400, "query.invalid")),
        ("POST", "/v1/answer", {"json": {"query": "x"}}, (422, "request.invalid")),
        ("POST", "/v1/answer", {"content": b"{"}, (422, "request.invalid")),
        ("POST", "/v1/search", {"json": {"query": "x", "limit": 0}}, (422, "request.invalid")),
        ("GET", "/v1/documents/none", {}, (404, "document.not_found")),
        ("DELETE", "/v1/documents/none", {}, (404, "document.not_found")),
        ("GET", "/v1/documents/none/text", {}, (404, "document.not_found")),
        ("POST", "/v1/documents", {"files": {"file": ("x.pdf", b"%PDF-1.4 cut")}}, (422, "file.broken")),
        ("POST", "/v1/documents", {"files": {"file": ("x.txt", b"")}}, (422, "file.no_text")),
        ("POST", "/v1/documents", {"files": {"file": ("x.exe", b"MZ")}}, (415, "file.unsupported")),
        ("POST", "/v1/documents", {}, (422, "request.invalid")),
        ("GET", "/nowhere", {}, (404, "http.404")),
        ("PUT", "/v1/answer", {}, (405, "http.405")),
    ],
)
def test_errors_have_one_shape(
    client: TestClient, method: str, path: str, arguments: dict[str, object], expected: tuple[int, str]
) -> None:
    assert told(client, method, path, **arguments) == expected


def test_a_body_over_the_limit_is_refused_before_it_is_read(engine: Engine, make_engine: Callable[..., Engine]) -> None:
    app = create_app(make_engine(engine.directory, load_settings(api={"max_upload_bytes": 1000})))
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1))
    assert told(client, "POST", "/v1/documents", files={"file": ("x.txt", b"x" * 200_000)}) == (413, "file.too_large")
    assert told(client, "POST", "/v1/documents", files={"file": ("x.txt", b"x" * 1500)}) == (413, "file.too_large")
    assert told(client, "POST", "/v1/answer", content=iter([b"{}"])) == (411, "http.411")


def test_a_missing_index_and_a_busy_writer_are_told(
    client: TestClient, engine: Engine, tmp_path: Path, make_engine: Callable[..., Engine]
) -> None:
    empty = TestClient(
        create_app(make_engine(tmp_path / "empty")), base_url="http://127.0.0.1", client=("127.0.0.1", 1)
    )
    assert told(empty, "POST", "/v1/answer", json=QUESTION) == (409, "index.missing")
    assert told(empty, "GET", "/readyz") == (503, "index.missing")
    with CatalogWriter(engine.directory, engine.settings.storage):
        response = client.post("/v1/documents", files={"file": ("x.txt", b"some text")})
    assert (response.status_code, response.json()["error"]["retryable"]) == (409, True)
    assert response.headers["retry-after"]


def test_an_unexpected_error_is_told_without_its_inside(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("secret path /x/y")

    monkeypatch.setattr("citewell.api.routes.search", explode)
    response = client.post("/v1/search", json={"query": "x"})
    assert response.status_code == 500
    assert "secret" not in response.text


def test_pages_of_other_sites_and_rebound_names_are_refused(client: TestClient) -> None:
    assert told(client, "POST", "/v1/answer", json=QUESTION, headers={"Origin": "https://evil.example"}) == (
        403,
        "access.denied",
    )
    assert told(client, "POST", "/v1/answer", json=QUESTION, headers={"Host": "evil.example:8765"}) == (
        403,
        "access.denied",
    )
    monkey = {"Origin": "https://monkey.example"}
    assert told(client, "POST", "/v1/answer", json=QUESTION, headers=monkey) == (403, "access.denied")
    assert told(client, "POST", "/v1/answer", json=QUESTION, headers={"Origin": "http://[x"}) == (403, "access.denied")
    same = {"Origin": "http://127.0.0.1:8765"}
    assert client.post("/v1/answer", json=QUESTION, headers=same).status_code == 200


def test_another_machine_needs_the_key(keyed: TestClient, client: TestClient) -> None:
    stranger = TestClient(client.app, base_url="http://127.0.0.1", client=("10.1.2.3", 1))
    assert told(stranger, "POST", "/v1/answer", json=QUESTION) == (403, "access.denied")
    assert told(keyed, "POST", "/v1/answer", json=QUESTION) == (401, "access.key_required")
    assert told(keyed, "POST", "/v1/answer", json=QUESTION, headers={"Authorization": "Bearer wrong"}) == (
        401,
        "access.key_required",
    )
    assert keyed.post("/v1/answer", json=QUESTION, headers={"Authorization": "Bearer s3cret"}).status_code == 200
    assert keyed.get("/healthz").status_code == 200


def test_half_characters_in_a_question_are_no_error(client: TestClient) -> None:
    body = b'{"question": "\\ud800 annual leave"}'
    assert client.post("/v1/answer", content=body, headers={"Content-Type": "application/json"}).status_code == 200
