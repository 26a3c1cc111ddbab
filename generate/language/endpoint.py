"""Models behind OpenAI-compatible HTTP: servers on this machine (Ollama, llama.cpp, vLLM, SGLang) and hosted ones."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx

from citewell.core.addresses import bearer, check_address
from citewell.core.answers import Usage
from citewell.core.errors import ModelFailed, ModelUnavailable, SettingsError
from citewell.core.language import Completion, Listener, Message
from citewell.core.protocols import TokenCounter
from citewell.core.settings import GenerateSettings

CONNECT_S = 5.0
MOST_KEPT = 8  # connections that stay open between questions
MAX_LINE = 200_000  # characters of one event
EVENTS_BESIDES = 64  # beside one for each token of the answer; a stream that has more does not come to an end
SAFETY = 1.3  # by which another tokenizer may need more tokens than ours
_SEED = 13
_HINT = "Check generate.model, generate.endpoint_model and the key; until it answers, answers are quoted from the documents."
_BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Preset:
    """A service: where it is, and the environment variable of its key. `extra` is what its requests need besides."""

    url: str
    key: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


PRESETS = {
    "ollama": Preset("http://127.0.0.1:11434/v1"),
    "llamacpp": Preset("http://127.0.0.1:8080/v1", extra={"cache_prompt": True}),
    "vllm": Preset("http://127.0.0.1:8000/v1"),
    "sglang": Preset("http://127.0.0.1:30000/v1"),
    "groq": Preset("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "together": Preset("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "fireworks": Preset("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "deepinfra": Preset("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "cerebras": Preset("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "clarifai": Preset("https://api.clarifai.com/v2/ext/openai/v1", "CLARIFAI_PAT"),
    "siliconflow": Preset("https://api.siliconflow.com/v1", "SILICONFLOW_API_KEY"),
    "huggingface": Preset("https://router.huggingface.co/v1", "HF_TOKEN"),
}


def is_endpoint(model: str) -> bool:
    """Whether `generate.model` names an endpoint: an address, or a preset and a model."""
    return model.startswith(("http://", "https://")) or model.partition(":")[0] in PRESETS


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop on which requests run, in a thread of its own: only there a deadline holds whatever the other side does."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="citewell-endpoints", daemon=True).start()
    return loop


@dataclass(frozen=True, slots=True)
class _Counter:
    """Counts with a tokenizer that is not the endpoint's, and so that no other would need more."""

    own: TokenCounter

    def count(self, text: str) -> int:
        """At least as many as the endpoint's tokenizer finds, for scripts that ours knows."""
        return max(int(SAFETY * self.own.count(text)), len(text.encode()) // 4)


class EndpointModel:
    """Asks an endpoint. Raises SettingsError for an address that is none or holds a secret: addresses are shown in errors and traces."""

    takes_any_schema = False  # not every service does

    def __init__(
        self, settings: GenerateSettings, tokens: TokenCounter, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        preset, _, named = settings.model.partition(":")
        known = PRESETS.get(preset)
        self._url = (known.url if known else settings.model).rstrip("/")
        self._model = named if known and named else settings.endpoint_model
        self._extra = dict(known.extra) if known else {}
        self._structured = settings.structured
        self._window = settings.window
        self._tokens = _Counter(tokens)
        check_address(self._url, "generate")
        variable = known.key if known else ""
        key = settings.endpoint_key.get_secret_value() or os.environ.get(variable, "")
        if variable and not key:
            raise SettingsError(f"{preset} needs a key", hint=f"Set {variable}, or generate.endpoint_key.")
        self._headers = bearer(key, "generate")
        self._transport = transport

    @property
    def name(self) -> str:
        """Model and host."""
        return f"{self._model or 'model'} at {urlsplit(self._url).netloc}"

    @property
    def tokens(self) -> TokenCounter:
        """An estimate from above."""
        return self._tokens

    @property
    def window(self) -> int:
        """As set."""
        return self._window

    @property
    def is_structured(self) -> bool:
        """Whether it is asked for JSON by a schema."""
        return self._structured

    def render(self, messages: Sequence[Message]) -> str:
        """The turns with as much around them as templates put there."""
        return "\n".join(f"<|start|>{message.role}\n{message.content}<|end|>" for message in messages)

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        """One for all requests: making one costs more than asking. Nothing is taken from the environment, no proxies among it: passages go
        where the settings say, nowhere else."""
        return httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_S), headers=self._headers, transport=self._transport, trust_env=False,
            follow_redirects=False, limits=httpx.Limits(max_connections=None, max_keepalive_connections=MOST_KEPT),
        )  # fmt: skip

    def close(self) -> None:
        """Closes what is open to it."""
        if "_client" in self.__dict__:
            asyncio.run_coroutine_threadsafe(self.__dict__.pop("_client").aclose(), _loop()).result(CONNECT_S)

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None = None
    ) -> Completion:  # fmt: skip
        """One request, over after so many seconds whatever happens. ModelUnavailable: worth another try; ModelFailed: not."""
        future = asyncio.run_coroutine_threadsafe(
            self._within(messages, schema, max_tokens, seconds, listener), _loop()
        )
        return future.result()

    async def _within(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None
    ) -> Completion:  # fmt: skip
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(messages, schema, max_tokens, listener)
        except TimeoutError as error:
            raise ModelUnavailable(f"{self.name} took longer than {seconds:.1f} s", hint=_HINT) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ModelUnavailable(f"{self.name} does not answer: {type(error).__name__}", hint=_HINT) from error

    async def _ask(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, listener: Listener | None
    ) -> Completion:
        body: dict[str, Any] = {
            **self._extra, "messages": [{"role": m.role, "content": m.content} for m in messages], "temperature": 0, "seed": _SEED,
            "max_tokens": max_tokens, "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        if self._model:
            body["model"] = self._model
        if schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "strict": True, "schema": schema},
            }
        pieces: list[str] = []
        used: Mapping[str, Any] = {}
        finish = ""
        async with self._client.stream("POST", f"{self._url}/chat/completions", json=body) as response:
            if response.status_code != httpx.codes.OK:
                problem = f"{self.name} answers with status {response.status_code}"
                raise (ModelUnavailable if response.status_code in _BUSY else ModelFailed)(problem, hint=_HINT)
            async for event in self._events(response, max_tokens + EVENTS_BESIDES):
                used = event.get("usage") or used
                for choice in event.get("choices") or []:
                    finish = choice.get("finish_reason") or finish
                    piece = (choice.get("delta") or choice.get("message") or {}).get("content")
                    if isinstance(piece, str) and piece:
                        pieces.append(piece)
                        if listener is not None and not listener.take(piece):
                            return _completion(pieces, used, "length")
        if not pieces and not finish:
            raise ModelUnavailable(f"{self.name} answers nothing", hint=_HINT)
        return _completion(pieces, used, finish)

    async def _events(self, response: httpx.Response, most: int) -> AsyncIterator[dict[str, Any]]:
        """The events of a stream, at most so many, or the one object of an answer that is none."""
        events = 0
        async for line in _lines(response, self.name):
            data = line[5:].strip() if line.startswith("data:") else line.strip()
            if not data or data.startswith((":", "event:", "id:", "retry:")):
                continue
            if data == "[DONE]":
                return
            events += 1
            if events > most:
                raise ModelFailed(f"{self.name} does not come to an end", hint=_HINT)
            try:
                event = json.loads(data)
                if not isinstance(event, dict):
                    raise TypeError(data[:20])
                choices = event.get("choices") or []
                if not all(
                    isinstance(c, dict) and isinstance(c.get("delta") or c.get("message") or {}, dict) for c in choices
                ):
                    raise TypeError("choices")
                if not isinstance(event.get("usage") or {}, dict):
                    raise TypeError("usage")
            except (ValueError, TypeError, RecursionError) as error:
                raise ModelUnavailable(f"{self.name} answers what is no completion", hint=_HINT) from error
            if event.get("error"):
                raise ModelUnavailable(f"{self.name} fails: {str(event['error'])[:200]}", hint=_HINT)
            yield event


def _completion(pieces: Sequence[str], used: Mapping[str, Any], finish: str) -> Completion:
    cached = (used.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    usage = Usage(int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0), int(cached), 1)
    return Completion("".join(pieces), usage, whole=finish != "length")


async def _lines(response: httpx.Response, name: str) -> AsyncIterator[str]:
    """The lines of an answer, none of them without end."""
    rest = ""
    async for text in response.aiter_text():
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            yield line.rstrip("\r")
        if len(rest) > MAX_LINE:
            raise ModelFailed(f"{name} says too much", hint=_HINT)
    if rest.strip():
        yield rest
