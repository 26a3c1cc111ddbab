"""Small decisions by a language model: yes or no, a number within bounds, one of some words; nothing else can come back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from citewell.core.errors import ModelFailed
from citewell.core.language import LanguageModel, Message

MOST_TOKENS = 24
_YES, _NO = re.compile(r"^\W*(?:yes|true)\b", re.I), re.compile(r"^\W*(?:no|false)\b", re.I)
_INTEGER = re.compile(r"-?\d{1,15}")


class Undecided(ModelFailed):
    """A model says nothing that decides."""


def decide(model: LanguageModel, messages: Sequence[Message], kind: Any, seconds: float) -> Any:
    """The model's decision as `kind`: `bool`, `int` (also `Annotated` with bounds) or a `Literal` of words.

    It is held to a schema where it can be, else its words are read; one that says neither is asked once more. Raises Undecided where that
    says nothing either, and what the model raises.
    """
    form: type[BaseModel] = create_model(
        "Decision", __config__=ConfigDict(extra="forbid", strict=True), value=(kind, ...)
    )
    schema = form.model_json_schema() if model.is_structured else None
    asked = [*messages]
    for _ in range(2):
        said = model.complete(asked, schema, MOST_TOKENS, seconds).text
        for value in (_from_json(said), _from_words(said, kind)):
            try:
                return form(value=value).value  # type: ignore[attr-defined]
            except ValidationError:
                continue
        asked = [
            *messages,
            Message("assistant", said[:200]),
            Message("user", f"Reply with {_wanted(kind)} and nothing else."),
        ]
    raise Undecided(f"{model.name} does not decide: it says {said[:80]!r}")


def _from_json(said: str) -> object:
    try:
        value = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return value.get("value") if isinstance(value, dict) else value


def _from_words(said: str, kind: Any) -> object:
    """What the first word, number or option of a text decides; None for nothing."""
    if kind is bool:
        return True if _YES.match(said) else False if _NO.match(said) else None
    if get_origin(kind) is Literal:
        named = [(at, option) for option in get_args(kind) if (at := said.casefold().find(str(option).casefold())) >= 0]
        return min(named)[1] if named else None
    number = _INTEGER.search(said)
    return int(number[0]) if number else None


def _wanted(kind: Any) -> str:
    if kind is bool:
        return "yes or no"
    return f"one of {', '.join(map(str, get_args(kind)))}" if get_origin(kind) is Literal else "a number"
