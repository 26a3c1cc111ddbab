"""Models in GGUF files, run in this process by llama.cpp (package xllamacpp).

The library serves itself on a port of the loopback address, and here that port asks for a key that nobody is told. Conversations go by call;
the port only counts tokens, which has no call.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import httpx

from citewell.core.answers import Usage
from citewell.core.errors import ModelFailed, ModelUnavailable
from citewell.core.language import Completion, Listener, Message
from citewell.core.machine import available_threads

INSTALL = "pip install 'citewell[llama]'"
PROMPT = "prompt"
LOOKUP = 6, 24  # tokens that must stand in the prompt already, and those after them that are guessed
MOST_DRAFTED, SURE = 16, 0.75  # tokens that a draft model guesses at most, and the probability below which it stops
LEAST_DRAFTED, LEAST_ACCEPTED = 256, 0.4  # a guess costs about as much as it spares where fewer than that are right
_log = logging.getLogger("citewell.language")
COUNTED = 4096  # texts whose length in tokens is remembered
READ_AT_ONCE = (
    128  # tokens of a prompt between two looks at the time and at who waits; no slower than all at once on a processor
)
_SEED = 13


class LlamaModel:
    """A model in the GGUF file that `find` gives, which may raise ModelUnavailable when the model is first used. One conversation at a time; the prefix that it shares with the last one is not read again."""

    is_structured = takes_any_schema = True

    def __init__(self, name: str, find: Callable[[], Path], window: int, threads: int = 0, draft: str = "") -> None:
        """`draft` guesses tokens ahead (speculative decoding): PROMPT, a GGUF file, or nothing."""
        self._name = name
        self._find = find
        self._window = window
        self._threads = threads
        self._draft = draft
        self.guesses = Guesses()
        self._turn, self._loading = threading.Lock(), threading.Lock()
        self._started: Any = None
        self._key = secrets.token_urlsafe(24)
        self._counted = lru_cache(COUNTED)(self._count)

    @property
    def name(self) -> str:
        """What it was named."""
        return self._name

    @property
    def window(self) -> int:
        """Tokens of prompt and answer together."""
        return self._window

    @property
    def tokens(self) -> LlamaModel:
        """Counts by itself."""
        return self

    def count(self, text: str) -> int:
        """How many tokens the text has."""
        return self._counted(text)

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as the model's own template writes it."""
        answer = self._post("apply-template", {"messages": _turns(messages)})
        return str(answer["prompt"])

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None = None
    ) -> Completion:  # fmt: skip
        """Greedy, so that the same conversation has the same answer. Raises ModelUnavailable or ModelFailed."""
        events = _Events(time.monotonic() + seconds, listener)
        request: dict[str, Any] = {
            "messages": _turns(messages), "temperature": 0.0, "seed": _SEED, "max_tokens": max_tokens, "stream": True,
            "stream_options": {"include_usage": True}, "cache_prompt": True, "return_progress": True,
        }  # fmt: skip
        server = self._server
        if schema is not None:
            request["grammar"] = _grammar(schema)
        if not self._turn.acquire(timeout=max(0.0, seconds)):
            raise ModelUnavailable(f"{self.name} is busy with other questions", hint="Ask again later.")
        try:
            server.handle_chat_completions(request, events.take)
        except Exception as error:  # the library raises plain RuntimeErrors
            raise ModelFailed(f"{self.name} fails: {type(error).__name__}: {str(error)[:200]}") from error
        finally:
            self._turn.release()
        if events.error:
            raise ModelFailed(f"{self.name} fails: {events.error}")
        if events.late:
            raise ModelFailed(
                f"{self.name} took longer than {seconds:.0f} s",
                hint="Raise generate.timeout_s, or take a smaller model.",
            )
        done = events.completion()
        self.guesses.count(done.usage)
        if self._draft and not self.guesses.pay:
            self._go_on_without()
        return done

    def close(self) -> None:
        """Closes the connection to its port and unloads the model."""
        with self._loading:
            self._unload()

    @property
    def address(self) -> str:
        """Where its OpenAI-compatible port listens, for the key `self.key` alone."""
        return str(self._server.listening_address)

    @property
    def key(self) -> str:
        """The key of its port, drawn anew with every start."""
        return self._key

    @property
    def _server(self) -> Any:
        """The library's server; the first that asks loads the model, and others wait for it."""
        with self._loading:
            if self._started is None:
                self._started = self._start()
            return self._started

    def _unload(self) -> None:
        """While nobody loads it."""
        if "_client" in self.__dict__:
            self._client.close()
            del self.__dict__["_client"]
        self._started = None

    def _go_on_without(self) -> None:
        """Nothing is guessed from now on: too little of it is right. The model is loaded anew for that, without its kept prefix."""
        if not self._turn.acquire(blocking=False):
            return  # whoever has the turn comes here after it
        try:
            with self._loading:
                _log.info(
                    "%s: %d of %d guessed tokens were right, which does not pay; nothing is guessed from now on",
                    self.name, self.guesses.accepted, self.guesses.drafted,
                )  # fmt: skip
                self._draft = ""
                self._unload()
        finally:
            self._turn.release()

    def _start(self) -> Any:
        xllamacpp = _library(self._name)
        path = self._find()
        if not path.is_file():
            raise ModelUnavailable(f"there is no file {path}", hint="Check generate.model.")
        settings = xllamacpp.CommonParams()
        settings.model.path = str(path)
        settings.n_ctx = self._window
        settings.n_parallel = 1
        settings.n_batch = settings.n_ubatch = READ_AT_ONCE
        settings.api_keys = [self._key]
        settings.warmup = False
        settings.ui = False
        settings.offline = True
        settings.verbosity = -1
        threads = available_threads(self._threads)
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
        _let_guess(settings.speculative, xllamacpp.common_speculative_type, self._draft, threads)
        try:
            return xllamacpp.Server(settings)
        except Exception as error:
            raise ModelUnavailable(
                f"{path.name} cannot be loaded: {str(error)[:200]}",
                hint="Check that it is a GGUF file that llama.cpp knows.",
            ) from error

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.address, headers={"Authorization": f"Bearer {self._key}"}, timeout=60.0, trust_env=False
        )

    def _post(self, route: str, body: Mapping[str, Any]) -> dict[str, Any]:
        client = self._client
        try:
            answer = client.post(f"/{route}", json=body)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError, RuntimeError) as error:  # that it is closed is a RuntimeError
            if self.__dict__.get("_client") is not client:  # the model was loaded anew meanwhile
                return self._post(route, body)
            raise ModelFailed(f"{self.name} does not answer: {type(error).__name__}") from error
        return found

    def _count(self, text: str) -> int:
        return len(self._post("tokenize", {"content": text, "add_special": False, "parse_special": True})["tokens"])


def _library(name: str) -> Any:
    """The package. Raises ModelUnavailable."""
    try:
        try:
            import xllamacpp
        except ModuleNotFoundError:
            raise
        except ImportError:  # it needs the system's libgomp, which small systems lack; PyTorch brings its own
            import torch  # noqa: F401
            import xllamacpp
    except ModuleNotFoundError as error:
        raise ModelUnavailable(f"{name} needs the package xllamacpp", hint=f"Install it: {INSTALL}") from error
    except ImportError as error:
        raise ModelUnavailable(
            f"xllamacpp cannot be loaded: {error}",
            hint="Install the library that it names (libgomp: libgomp1 in Debian).",
        ) from error
    return xllamacpp


@dataclass(slots=True)
class Guesses:
    """Tokens that were guessed ahead, and whether enough of them were right for it to pay."""

    drafted: int = 0
    accepted: int = 0

    def count(self, usage: Usage) -> None:
        """Those of one completion."""
        self.drafted += usage.drafted_tokens
        self.accepted += usage.accepted_tokens

    @property
    def pay(self) -> bool:
        """True as well while too few are known."""
        return self.drafted < LEAST_DRAFTED or self.accepted >= LEAST_ACCEPTED * self.drafted


def _let_guess(speculative: Any, kinds: Any, draft: str, threads: int) -> None:
    """Sets how tokens are guessed. A draft model guesses on only while it is sure, so that its length follows the text. Raises ModelUnavailable."""
    if draft == PROMPT:
        speculative.types = [kinds.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
        speculative.ngram_simple.size_n, speculative.ngram_simple.size_m = LOOKUP
    elif draft:
        path = Path(draft).expanduser()
        if not path.is_file():
            raise ModelUnavailable(f"there is no file {path}", hint="Check generate.draft.")
        speculative.types = [kinds.COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE]
        speculative.draft.mparams.path = str(path)
        speculative.draft.n_max, speculative.draft.p_min = MOST_DRAFTED, SURE
        speculative.draft.cpuparams.n_threads = speculative.draft.cpuparams_batch.n_threads = threads


class _Events:
    """Takes the events of one completion, and stops it when its time is over or nobody wants more."""

    def __init__(self, ends: float, listener: Listener | None) -> None:
        self._ends = ends
        self._listener = listener
        self._wanted = True
        self._pieces: list[str] = []
        self._used: Mapping[str, Any] = {}
        self._timings: Mapping[str, Any] = {}
        self._finish = ""
        self.error = ""
        self.late = False

    def take(self, event: Any) -> bool:
        """Takes an event, or a list of them, and says whether to stop."""
        for one in event if isinstance(event, list) else [event]:
            self._take(one)
        self.late = time.monotonic() > self._ends
        return self.late or bool(self.error) or not self._wanted

    def _take(self, event: Mapping[str, Any]) -> None:
        self.error = str(event["error"])[:200] if "error" in event else self.error
        self._used = event.get("usage") or self._used
        self._timings = event.get("timings") or self._timings
        for choice in event.get("choices") or []:
            self._finish = choice.get("finish_reason") or self._finish
            piece = (choice.get("delta") or {}).get("content") or ""
            if piece:
                self._pieces.append(piece)
            if self._listener is not None:  # while the prompt is read there are events without a piece
                self._wanted = self._wanted and self._listener.take(piece)

    def completion(self) -> Completion:
        """What was written."""
        cached = (self._used.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        used = Usage(
            int(self._used.get("prompt_tokens", 0)), int(self._used.get("completion_tokens", 0)), int(cached), 1,
            drafted_tokens=int(self._timings.get("draft_n", 0)), accepted_tokens=int(self._timings.get("draft_n_accepted", 0)),
        )  # fmt: skip
        return Completion("".join(self._pieces), used, whole=self._wanted and self._finish != "length")


def _grammar(schema: Mapping[str, Any]) -> str:
    """The schema as a grammar (llguidance) without white space between its parts: nothing is spent on layout."""
    compact = {**schema, "x-guidance": {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}}
    return "%llguidance {}\nstart: %json " + json.dumps(compact)


def _turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]
