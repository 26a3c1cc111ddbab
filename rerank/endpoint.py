"""A cross-encoder behind HTTP: Text Embeddings Inference's `/rerank`, or the shape that Jina and Cohere share."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import httpx

from citewell.core.errors import ModelFailed, ModelUnavailable
from citewell.core.settings import RerankSettings
from citewell.core.types import Chunk, Query

_HINT = "Check rerank.model, rerank.endpoint_api and rerank.endpoint_key; rerank.on_failure = skip answers without it."


def is_endpoint(model: str) -> bool:
    """Whether `rerank.model` names an endpoint."""
    return model.startswith(("http://", "https://"))


class EndpointReranker:
    """Sends question and passages to `rerank.model`. Raises ModelUnavailable when nothing answers, ModelFailed for a wrong answer."""

    name = "endpoint"
    score_range = None  # what the scores mean is the other side's affair

    def __init__(self, settings: RerankSettings, transport: httpx.BaseTransport | None = None) -> None:
        self._settings = settings
        key = settings.endpoint_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
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
        if not passages:
            return []
        texts = [f"{p.header}\n{p.text}" if p.header else p.text for p in passages]
        try:
            response = self._client.post(self._settings.model, json=self._body(query.text, texts))
        except httpx.HTTPError as error:
            what = f"the reranking endpoint {self._settings.model} does not answer: {type(error).__name__}"
            raise ModelUnavailable(what, hint=_HINT) from error
        if response.status_code != httpx.codes.OK:
            raise ModelFailed(
                f"the reranking endpoint {self._settings.model} answers with status {response.status_code}", hint=_HINT
            )
        return self._scores(response, len(texts))

    def _body(self, question: str, texts: list[str]) -> dict[str, Any]:
        if self._settings.endpoint_api == "tei":
            return {"query": question, "texts": texts, "raw_scores": True, "truncate": True}
        model = {"model": self._settings.endpoint_model} if self._settings.endpoint_model else {}
        return model | {"query": question, "documents": texts, "top_n": len(texts), "return_documents": False}

    def _scores(self, response: httpx.Response, count: int) -> list[float]:
        """TEI answers `[{index, score}]`, the others `{results: [{index, relevance_score}]}`."""
        try:
            body = response.json()
            rows = body if self._settings.endpoint_api == "tei" else body["results"]
            field = "score" if self._settings.endpoint_api == "tei" else "relevance_score"
            scores = {int(row["index"]): float(row[field]) for row in rows}
            values = [scores[index] for index in range(count)]
        except (ValueError, KeyError, TypeError) as error:
            what = f"the reranking endpoint {self._settings.model} does not speak {self._settings.endpoint_api}"
            raise ModelFailed(what, hint=_HINT) from error
        if not all(map(math.isfinite, values)):
            raise ModelFailed(f"the reranking endpoint {self._settings.model} gives scores that are no numbers", hint=_HINT)  # fmt: skip
        return values
