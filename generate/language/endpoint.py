"""Models behind OpenAI-compatible HTTP: servers on this machine (Ollama, llama.cpp, vLLM, SGLang) and hosted ones."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx

from citewell.core.addresses import bearer, check_address
from citewell.core.errors import CitewellError, ModelFailed, ModelUnavailable, SettingsError
from citewell.core.language import Completion, Listener, Message
from citewell.core.protocols import TokenCounter
from citewell.core.settings import GenerateSettings
from citewell.generate.language.events import CUT, complaint, end_of, events_of, text_of, usage_of, wait_of, whole_text

CONNECT_S = 5.0
LOOK_S = 0.5  # between looks whether anybody still waits, while nothing comes
MOST_KEPT = 8  # connections that stay open between questions
EVENTS_BESIDES = 64  # beside one for each token of the answer; a stream that has more does not come to an end
SAFETY = 1.3  # by which another tokenizer may need more tokens than ours
_SEED = 13
_HINT = "Check generate.model, generate.endpoint_model and the key; until it answers, answers are quoted from the documents."
_BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_REFUSED = frozenset({400, 422})
# What not every service takes, and how a complaint names it; without it there is an answer all the same.
_OPTIONAL = {
    "response_format": re.compile(r"response.?format|json.?schema|structured|grammar", re.I),
    "stream_options": re.compile(r"stream.?options|include.?usage", re.I),
    "seed": re.compile(r"\bseed\b", re.I),
    "temperature": re.compile(r"temperature", re.I),
    "cache_prompt": re.compile(r"cache.?prompt", re.I),
}
_OTHER_NAME = "max_completion_tokens"
_TOO_LITTLE = "A model that thinks before it answers needs more tokens: raise generate.answer_tokens."
_STATUS_HINTS = {
    400: "Not every model of a service takes a schema: try another one, or generate.structured = false.",
    401: "Check the key: generate.endpoint_key, generate.keys, or the service's environment variable.",
    403: "Check the key, and whether it may use this model.",
    404: "Check the model's name and the address.",
}


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


_loops: list[asyncio.AbstractEventLoop] = []
_making = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    """The loop on which requests run, in a thread of its own: only there a deadline holds whatever the other side does."""
    with _making:
        if not _loops:
            _loops.append(asyncio.new_event_loop())
            threading.Thread(target=_loops[0].run_forever, name="citewell-endpoints", daemon=True).start()
        return _loops[0]


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
        self._secret = key
        self._headers = bearer(key, "generate")
        self._left_out: set[str] = set()
        self._named: dict[str, str] = {}
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
                asking = asyncio.ensure_future(self._ask(messages, schema, max_tokens, listener))
                try:
                    while not (await asyncio.wait({asking}, timeout=LOOK_S))[0]:
                        if listener is not None and not listener.take(""):
                            raise ModelFailed(f"nobody waits for what {self.name} writes")
                    return asking.result()
                finally:
                    asking.cancel()
        except TimeoutError as error:
            raise ModelUnavailable(f"{self.name} took longer than {seconds:.1f} s", hint=_HINT) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            failed = ModelUnavailable(f"{self.name} does not answer: {type(error).__name__}", hint=_HINT)
            failed.was_read = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise failed from error
        except CitewellError:
            raise
        except Exception as error:  # whatever a service answers, the question goes on
            raise ModelFailed(f"{self.name} answers what cannot be read: {type(error).__name__}", hint=_HINT) from error

    async def _ask(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, listener: Listener | None
    ) -> Completion:
        """One request; once more for each part of it that the service complains of and that can be left out."""
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
        while True:
            asked = {self._named.get(name, name): value for name, value in body.items() if name not in self._left_out}
            async with self._client.stream("POST", f"{self._url}/chat/completions", json=asked) as response:
                if response.status_code == httpx.codes.OK:
                    return await self._read(response, max_tokens, listener)
                told = await complaint(response, self._secret)
            if not self._adapts(response.status_code, told, asked):
                raise self._refusal(response, told)

    def _adapts(self, status: int, told: str, asked: Mapping[str, Any]) -> bool:
        """Whether something can be left out or called otherwise from now on, after this complaint."""
        if status not in _REFUSED:
            return False
        if "max_tokens" in asked and _OTHER_NAME in told:
            self._named["max_tokens"] = _OTHER_NAME
            return True
        names = [name for name, pattern in _OPTIONAL.items() if name in asked and pattern.search(told)]
        self._left_out.update(names)
        return bool(names)

    def _refusal(self, response: httpx.Response, told: str) -> CitewellError:
        status = response.status_code
        problem = f"{self.name} answers with status {status}{f': {told}' if told else ''}"
        error: ModelUnavailable | ModelFailed
        if status in _BUSY:
            error = ModelUnavailable(problem, hint=_HINT)
            error.wait_s = wait_of(response.headers.get("Retry-After", ""))
        else:
            error = ModelFailed(problem, hint=_STATUS_HINTS.get(status, _HINT))
        error.was_read = False
        return error

    async def _read(self, response: httpx.Response, max_tokens: int, listener: Listener | None) -> Completion:
        pieces: list[str] = []
        used: Mapping[str, Any] = {}
        finish = ""
        async for event in events_of(response, self.name, max_tokens + EVENTS_BESIDES):
            used = event.get("usage") or used
            finish = finish or end_of(event)
            for choice in event.get("choices") or []:
                if piece := text_of(choice):
                    pieces.append(piece)
                    if listener is not None and not listener.take(piece):
                        return Completion(whole_text(pieces), usage_of(used), whole=False)
        if not pieces and finish in CUT:
            raise ModelFailed(f"{self.name} wrote nothing ({finish})", hint=_TOO_LITTLE)
        if not pieces or not finish:
            raise ModelUnavailable(f"{self.name} {'breaks off' if pieces else 'answers nothing'}", hint=_HINT)
        return Completion(whole_text(pieces), usage_of(used), whole=finish not in CUT)
