"""A language model behind another: what a wrapper does not change is the model's."""

from __future__ import annotations

from collections.abc import Sequence

from citewell.core.language import LanguageModel, Message
from citewell.core.protocols import TokenCounter


class WrappedModel:
    """All but `complete`, which the wrapper is for."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def tokens(self) -> TokenCounter:
        """The model's."""
        return self._model.tokens

    @property
    def window(self) -> int:
        """The model's."""
        return self._model.window

    @property
    def is_structured(self) -> bool:
        """The model's."""
        return self._model.is_structured

    @property
    def takes_any_schema(self) -> bool:
        """The model's."""
        return self._model.takes_any_schema

    def render(self, messages: Sequence[Message]) -> str:
        """The model's."""
        return self._model.render(messages)

    def close(self) -> None:
        """The model's."""
        self._model.close()
