"""Questions that nobody should ask: an answer or a clear refusal, never an error of ours."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

ODD = {
    "only stop words": "what is the of and to in",
    "only signs": "?!… --- ***",
    "regular expression": r"(.*)+$ [a-z]{1,999} \d+ ^(a+)+$",
    "query language": 'body:leave AND NOT +title:"x"~5 || field:[a TO *] OR *:*',
    "mixed scripts": "annual 休暇 отпуск إجازة วันหยุด휴가 leave",
    "invisible characters": "\u200b\u200d\u2060\ufeffan\u00adnual\u202e leave\u2066",
    "only invisible": "\u200b\u200c\u2060",
    "one long word": "a" * 1900,
    "combining marks": "e\u0301" * 800,
    "emoji": "🙂" * 500 + " leave",
    "surrogate": "leave \ud800",
    "nul": "leave \x00 annual",
    "many words": " ".join(["leave"] * 300),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_question_is_answered_or_refused(client: TestClient, name: str) -> None:
    text = ODD[name]
    for route, field in (("answer", "question"), ("search", "query")):
        body = f'{{"{field}": {_quoted(text)}}}'
        response = client.post(
            f"/v1/{route}", content=body.encode("utf-8", "surrogatepass"), headers={"Content-Type": "application/json"}
        )
        assert response.status_code in {200, 400, 422}, (route, response.text)
        if response.status_code != 200:
            assert response.json()["error"]["hint"]


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)


def test_ten_thousand_words_are_too_many(client: TestClient) -> None:
    response = client.post("/v1/search", json={"query": "leave " * 10_000})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "query.invalid")


@pytest.mark.parametrize(
    "filter",
    [
        "text:*",
        'text:"?!"',
        "text:a*",
        "path:" + "*" * 200,
        "(" * 60 + "a:1" + ")" * 60,
        "text:leave OR",
        "id<3",
        "\x00:1",
    ],
)
def test_an_odd_filter_is_applied_or_refused(client: TestClient, filter: str) -> None:
    response = client.post("/v1/search", json={"query": "annual leave", "filter": filter})
    assert response.status_code in {200, 400}
    if response.status_code == 400:
        assert response.json()["error"]["code"] == "query.filter_invalid"


def test_a_word_that_stands_nowhere_is_told(client: TestClient) -> None:
    body = client.post("/v1/search", json={"query": "zyzzyva qwertzuiop"}).json()
    assert "none of the question's words" in body["warnings"][0]
    assert client.post("/v1/search", json={"query": "anual leave"}).json()["corrections"] == {"anual": "annual"}


def test_search_lists_marks_facets_neighbours_likes_and_explanations(client: TestClient) -> None:
    body = client.post("/v1/search", json={"query": '"annual leave"', "facets": True, "per_document": 1}).json()
    assert [p["uri"] for p in body["passages"]] == ["papers/leave.md"]
    hit = body["passages"][0]
    assert {hit["text"][a:b].lower() for a, b in hit["highlights"]} == {"annual", "leave"}
    assert body["facets"]["type"]
    told = client.post("/v1/explain", json={"query": "annual leave", "chunk_id": hit["chunk_id"]}).json()
    assert {term["term"] for term in told["terms"]} == {"annual", "leav"}
    assert client.post("/v1/similar", json={"chunk_id": hit["chunk_id"]}).status_code == 200
    assert client.get(f"/v1/passages/{hit['chunk_id']}/neighbours").json().keys() == {"before", "after"}
    assert client.get("/v1/passages/0000000000000000/neighbours").status_code == 404
    assert (
        client.post("/v1/explain", json={"query": "x", "chunk_id": "0" * 16}).json()["error"]["code"]
        == "passage.not_found"
    )
