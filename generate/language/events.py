"""What an OpenAI-compatible service answers, read with no trust in its form: events, texts, what it took, and what it complains of."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from citewell.core.answers import Usage
from citewell.core.errors import ModelFailed, ModelUnavailable
from citewell.generate.language.untrusted import masked

MAX_LINE = 200_000  # characters of one event
MOST_COMPLAINT = 2048  # bytes that are read of an error
MOST_TOLD = 200  # characters of it that are told
MOST_TOKENS = 10**9
MOST_WAIT_S = 3600.0
OVER: dict[str, Any] = {}  # what `events_of` gives for the mark at the end of a stream
CUT = frozenset({"length", "max_tokens", "content_filter"})  # ends of a text that is not whole
_HINT = "Check the address in generate.model; until it answers, answers are quoted from the documents."


async def events_of(response: httpx.Response, name: str, most: int) -> AsyncIterator[dict[str, Any]]:
    """The events of a stream, at most so many, or the one object of an answer that is none; OVER for `[DONE]`."""
    events = 0
    async for line in _lines(response, name):
        data = line[5:].strip() if line.startswith("data:") else line.strip()
        if not data or data.startswith((":", "event:", "id:", "retry:")):
            continue
        if data == "[DONE]":
            yield OVER
            return
        events += 1
        if events > most:
            raise ModelFailed(f"{name} does not come to an end", hint=_HINT)
        try:
            event = json.loads(data)
            _require_form(event)
        except (ValueError, TypeError, RecursionError) as error:
            raise ModelUnavailable(f"{name} answers what is no completion", hint=_HINT) from error
        if event.get("error"):
            raise ModelUnavailable(f"{name} fails: {masked(_message(event))}", hint=_HINT)
        yield event


def _require_form(event: Any) -> None:
    """Raises TypeError unless it looks like a completion, or a part of one."""
    if not isinstance(event, dict) or not isinstance(event.get("usage") or {}, dict):
        raise TypeError("event")
    for choice in event.get("choices") or []:
        if not isinstance(choice, dict) or not isinstance(choice.get("delta") or choice.get("message") or {}, dict):
            raise TypeError("choices")


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


def end_of(event: Mapping[str, Any]) -> str:
    """Why a text ends here, as the service calls it; empty where it goes on. A whole message needs no reason."""
    if event is OVER:
        return "stop"
    choices = event.get("choices") or []
    ends = [choice.get("finish_reason") or ("stop" if choice.get("message") else "") for choice in choices]
    return next((str(end) for end in ends if end), "")


def text_of(choice: Mapping[str, Any]) -> str:
    """What a choice adds to the text; some services give a list of parts."""
    content = (choice.get("delta") or choice.get("message") or {}).get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def whole_text(pieces: Sequence[str]) -> str:
    """The pieces as one text that can be encoded: halves of a sign that came apart are put together, single ones replaced."""
    return "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def usage_of(told: Mapping[str, Any]) -> Usage:
    """What a service says that it took; 0 for what is no number of tokens."""
    details = told.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(_tokens(told.get("prompt_tokens")), _tokens(told.get("completion_tokens")), _tokens(cached), 1)


def _tokens(value: Any) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return int(value) if is_number and 0 <= value <= MOST_TOKENS else 0


async def complaint(response: httpx.Response, secret: str) -> str:
    """Why a service refuses, in its own words, cut, and without the key or anything that looks like one; empty where it says nothing."""
    data = b""
    async for part in response.aiter_bytes():
        data += part
        if len(data) >= MOST_COMPLAINT:
            break
    text = data[:MOST_COMPLAINT].decode("utf-8", "replace").strip()
    try:
        told = _message(json.loads(text))
    except (ValueError, RecursionError):
        told = "" if text.startswith("<") else text
    return masked(told.replace(secret, "…") if secret else told)[:MOST_TOLD]


def _message(event: Any) -> str:
    """The words of an error in any of the usual forms."""
    for _ in range(4):
        if isinstance(event, list) and event:
            event = event[0]
        elif isinstance(event, dict):
            event = next((event[name] for name in ("error", "message", "detail", "msg") if event.get(name)), "")
    return event if isinstance(event, str) else ""


def wait_of(retry_after: str) -> float:
    """Seconds that the header `Retry-After` asks for: a number, or a date; 0 where it says neither."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return min(max(seconds, 0.0), MOST_WAIT_S) if math.isfinite(seconds) else 0.0
