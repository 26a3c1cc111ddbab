"""The modules of a model of sentence-transformers as one network."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn


class Chain(nn.Module):
    """Modules that hand a dictionary on, one after the other, of which one entry is the result."""

    def __init__(self, modules: Iterable[nn.Module], result: str) -> None:
        super().__init__()
        self.parts = nn.ModuleList(modules)
        self._result = result

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """`(texts, numbers)` for `(texts, tokens)` of int64 each."""
        features = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            features["token_type_ids"] = token_type_ids
        for part in self.parts:
            features = part(features)
        result: Tensor = features[self._result]
        return result
