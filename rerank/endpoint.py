"""A cross-encoder behind HTTP: Text Embeddings Inference's `/rerank`, or the shape that Jina and Cohere share."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any

import httpx

from citewell.core.addresses import bearer, check_address
from citewell.core.errors import ModelFailed, ModelUnavailable
from citewell.core.settings import RerankSettings
from citewell.core.types import Chunk, Query

PASSAGES_A_CALL = 32  # what Text Embeddings Inference takes by default
MAX_ANSWER_BYTES = 1_000_000
_HINT = "Check rerank.model, rerank.endpoint_api and rerank.endpoint_key; rerank.on_failure = skip answers without it."


def is_endpoint(model: str) -> bool:
    """Whether `rerank.model` names an endpoint."""
    return model.startswith(("http://", "https://"))


class EndpointReranker:
    """Sends question and passages to `rerank.model`.

    Raises ModelUnavailable when nothing answers, ModelFailed for a wrong answer, SettingsError for an address that is none or that
    holds a secret: addresses are shown in errors and traces.
    """

    name = "endpoint"
    blend = None  # what the scores are worth is not known

    def __init__(self, settings: RerankSettings, transport: httpx.BaseTransport | None = None) -> None:
        self._settings = settings
        check_address(settings.model, "rerank")
        headers = bearer(settings.endpoint_key.get_secret_value(), "rerank")
        # No proxies or other settings from the environment: passages go where the settings say, nowhere else.
        self._client = httpx.Client(
            timeout=settings.endpoint_timeout_s, headers=headers, transport=transport, trust_env=False, follow_redirects=False
        )  # fmt: skip

    @property
    def fingerprint(self) -> str:
        """Names the endpoint and the model asked for; what it computes with is not known."""
        key = f"{self._settings.model}\0{self._settings.endpoint_model}"
        return hashlib.sha256(key.encode()).hexdigest()[:16]

    def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
        """The endpoint's score of each passage, in their order."""
        scores: list[float] = []
        for at in range(0, len(passages), PASSAGES_A_CALL):
            texts = [passage.headed_text for passage in passages[at : at + PASSAGES_A_CALL]]
            scores += self._scores(self._answer(query.text, texts), len(texts))
        return scores

    def _answer(self, question: str, texts: list[str]) -> bytes:
        try:
            with self._client.stream("POST", self._settings.model, json=self._body(question, texts)) as response:
                if response.status_code != httpx.codes.OK:
                    what = f"the reranking endpoint {self._settings.model} answers with status {response.status_code}"
                    raise ModelFailed(what, hint=_HINT)
                body = b""
                for part in response.iter_bytes():
                    body += part
                    if len(body) > MAX_ANSWER_BYTES:
                        raise ModelFailed(f"the reranking endpoint {self._settings.model} says too much", hint=_HINT)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = f"the reranking endpoint {self._settings.model} does not answer: {type(error).__name__}"
            raise ModelUnavailable(what, hint=_HINT) from error
        return body

    def _body(self, question: str, texts: list[str]) -> dict[str, Any]:
        if self._settings.endpoint_api == "tei":
            return {"query": question, "texts": texts, "raw_scores": True, "truncate": True}
        model = {"model": self._settings.endpoint_model} if self._settings.endpoint_model else {}
        return model | {"query": question, "documents": texts, "top_n": len(texts), "return_documents": False}

    def _scores(self, answer: bytes, count: int) -> list[float]:
        """TEI answers `[{index, score}]`, the others `{results: [{index, relevance_score}]}`."""
        try:
            body = json.loads(answer)
            rows = body if self._settings.endpoint_api == "tei" else body["results"]
            field = "score" if self._settings.endpoint_api == "tei" else "relevance_score"
            scores = {int(row["index"]): float(row[field]) for row in rows}
            values = [scores[index] for index in range(count)]
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            what = f"the reranking endpoint {self._settings.model} does not speak {self._settings.endpoint_api}"
            raise ModelFailed(what, hint=_HINT) from error
        if not all(map(math.isfinite, values)):
            raise ModelFailed(f"the reranking endpoint {self._settings.model} gives scores that are no numbers", hint=_HINT)  # fmt: skip
        return values
