"""A language model that says what it is told to say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twins import WordCounter

from citewell.core.answers import Usage
from citewell.core.language import Completion, Listener, Message


@dataclass(frozen=True)
class Breaks:
    """A reply that ends with an error."""

    text: str
    error: Exception


@dataclass(frozen=True)
class Cut:
    """A reply for which the tokens did not suffice."""

    text: str


class Scripted:
    """Says what it is told to say, one reply after the other, a few characters at a time; an exception is raised."""

    name, window, is_structured, takes_any_schema, tokens = "scripted", 4096, True, True, WordCounter()
    piece = 7
    usage = Usage(10, 5, 2, 1)

    def __init__(self, *replies: str | Exception | Breaks | Cut) -> None:
        self._replies = list(replies)
        self.asked: list[Sequence[Message]] = []
        self.schemas: list[Mapping[str, Any] | None] = []
        self.said = ""
        self.before: Callable[[str], bool] = lambda said: True  # whether to go on, asked before each piece

    def close(self) -> None: ...

    def render(self, messages: Sequence[Message]) -> str:
        return "\n".join(message.content for message in messages)

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None = None
    ) -> Completion:  # fmt: skip
        self.asked.append(messages)
        self.schemas.append(schema)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        text = reply if isinstance(reply, str) else reply.text
        self.said = ""
        for at in range(0, len(text), self.piece):
            assert self.before(self.said)
            self.said += text[at : at + self.piece]
            if listener is not None and not listener.take(text[at : at + self.piece]):
                return Completion(self.said, self.usage, whole=False)
        if isinstance(reply, Breaks):
            raise reply.error
        return Completion(text, self.usage, whole=not isinstance(reply, Cut))


def reply(*sentences: tuple[str, list[int]], answerable: bool = True) -> str:
    return json.dumps({"answerable": answerable, "sentences": [{"text": t, "citations": c} for t, c in sentences]})


class Heard(list[str]):
    """Takes the pieces of a reply, up to so many."""

    def __init__(self, most: int = 10_000) -> None:
        super().__init__()
        self.most = most
        self.restarts = 0

    def take(self, piece: str) -> bool:
        if piece:
            self.append(piece)
        return len(self) < self.most

    def restart(self) -> bool:
        self.restarts += 1
        self.clear()
        return True
