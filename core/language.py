"""Language models as the pipeline sees them: messages in, a text out, within limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from citewell.core.answers import Usage
from citewell.core.protocols import TokenCounter

Role = Literal["system", "user", "assistant"]


class Listener(Protocol):
    """Hears a reply while it is written."""

    def take(self, piece: str) -> bool:
        """The next piece, which may be empty while nothing comes; whether more is wanted."""
        ...

    def restart(self) -> bool:
        """A try failed and the next begins anew; False where something of it was shown already, which cannot be taken back."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote; `whole` is False where its tokens ran out."""

    text: str
    usage: Usage
    whole: bool = True


@runtime_checkable
class LanguageModel(Protocol):
    """Completes conversations, the same one always alike."""

    @property
    def name(self) -> str:
        """What it is called in answers and settings; never a secret."""
        ...

    @property
    def tokens(self) -> TokenCounter:
        """Its tokenizer."""
        ...

    @property
    def window(self) -> int:
        """Tokens that prompt and answer may have together."""
        ...

    @property
    def is_structured(self) -> bool:
        """Whether it can be held to a schema."""
        ...

    @property
    def takes_any_schema(self) -> bool:
        """Whether a schema may have alternatives at its root."""
        ...

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as one text, as long in tokens as what the model reads."""
        ...

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None = None
    ) -> Completion:  # fmt: skip
        """At most `max_tokens` tokens within so many seconds; pieces go to `listener` as they are made, and where it wants no more the
        completion ends there. Raises ModelUnavailable or ModelFailed."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...
