"""A cross-encoder behind HTTP: both shapes of request and answer, and every way in which it can fail."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from twins import make_chunk

from citewell.core.errors import CitewellError, ModelFailed, ModelUnavailable, SettingsError
from citewell.core.settings import RerankSettings
from citewell.core.types import Query
from citewell.rerank.endpoint import EndpointReranker, is_endpoint

URL = "http://reranker.test/rerank"
PASSAGES = [make_chunk("1", "red"), make_chunk("2", "blue")]
TEI = [{"index": 1, "score": 0.9}, {"index": 0, "score": -2.5}]
JINA = {"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": -2.5}]}


def score(answer: Callable[[httpx.Request], httpx.Response], **settings: object) -> list[float]:
    values = RerankSettings.model_validate({"model": URL} | settings)
    return list(EndpointReranker(values, httpx.MockTransport(answer)).score(Query("which colour?"), PASSAGES))


def test_text_embeddings_inference() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=TEI)

    assert score(answer, endpoint_key="secret") == [-2.5, 0.9]
    assert json.loads(asked[0].content) == {
        "query": "which colour?", "texts": [p.headed_text for p in PASSAGES],
        "raw_scores": True, "truncate": True,
    }  # fmt: skip
    assert asked[0].headers["Authorization"] == "Bearer secret"


def test_jina() -> None:
    asked: list[dict[str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return httpx.Response(200, json=JINA)

    assert score(answer, endpoint_api="jina", endpoint_model="some-model") == [-2.5, 0.9]
    assert asked[0]["model"] == "some-model"
    assert asked[0]["top_n"] == 2


def refuse(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (refuse, ModelUnavailable, "does not answer: ConnectError"),
        (lambda _: httpx.Response(503), ModelFailed, "status 503"),
        (lambda _: httpx.Response(302, headers={"Location": "http://elsewhere.test/"}), ModelFailed, "status 302"),
        (lambda _: httpx.Response(200, text="no JSON"), ModelFailed, "does not speak tei"),
        (lambda _: httpx.Response(200, json=TEI[:1]), ModelFailed, "does not speak tei"),
        (lambda _: httpx.Response(200, text='[{"index":1e400,"score":1}]'), ModelFailed, "does not speak tei"),
        (lambda _: httpx.Response(200, text="[" + "1," * 600_000), ModelFailed, "says too much"),
        (lambda _: httpx.Response(200, json=JINA), ModelFailed, "does not speak tei"),
        (lambda _: httpx.Response(200, text='[{"index":0,"score":NaN},{"index":1,"score":1}]'), ModelFailed, "no numbers"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_in_a_sentence(
    answer: Callable[[httpx.Request], httpx.Response], error: type[CitewellError], told: str
) -> None:
    with pytest.raises(error, match=told):
        score(answer)


def test_many_passages_are_sent_in_several_calls() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["texts"]
        sizes.append(len(texts))
        return httpx.Response(200, json=[{"index": i, "score": len(sizes) * 100 + i} for i in range(len(texts))])

    reranker = EndpointReranker(RerankSettings(model=URL), httpx.MockTransport(answer))
    scores = reranker.score(Query("q"), [make_chunk(str(i), "text") for i in range(40)])
    assert sizes == [32, 8]
    assert scores == [*(100.0 + i for i in range(32)), *(200.0 + i for i in range(8))]
    assert reranker.score(Query("q"), []) == []


@pytest.mark.parametrize("address", ["http://", "https://user:secret@host.test/", "https://host.test/?key=secret"])
def test_an_address_with_a_secret_or_without_a_host_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        EndpointReranker(RerankSettings(model=address))
    assert "secret" not in caught.value.message.replace("the secret", "")


def test_only_urls_are_endpoints() -> None:
    assert is_endpoint(URL)
    assert not is_endpoint("org/name")
    assert not is_endpoint("/a/folder")
