"""A language model that says what it is told to say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from twins import WordCounter

from citewell.core.answers import Usage
from citewell.core.language import Completion, Message, Told


class Scripted:
    """Says what it is told to say, one reply after the other; an exception is raised."""

    name, window, is_structured, tokens = "scripted", 4096, True, WordCounter()

    def __init__(self, *replies: str | Exception) -> None:
        self._replies = list(replies)
        self.asked: list[Sequence[Message]] = []
        self.schemas: list[Mapping[str, Any] | None] = []

    def close(self) -> None: ...

    def render(self, messages: Sequence[Message]) -> str:
        return "\n".join(message.content for message in messages)

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, tell: Told | None = None
    ) -> Completion:  # fmt: skip
        self.asked.append(messages)
        self.schemas.append(schema)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        if tell is not None:
            tell(reply)
        return Completion(reply, Usage(10, 5, 2, 1))


def reply(*sentences: tuple[str, list[int]], answerable: bool = True) -> str:
    return json.dumps({"answerable": answerable, "sentences": [{"text": t, "citations": c} for t, c in sentences]})
