"""What a stage asks to be run: a network of PyTorch with its tokenizer, by a name under which it can be kept in another form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

if TYPE_CHECKING:
    from torch import nn

Outputs = tuple[NDArray[np.float32], ...]
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
Text = str | tuple[str, str]  # a text, or a question and a passage


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How texts become numbers: the model's tokenizer as its own library sets it up, the arrays the network reads, the id of padding, and
    the tokens to which a text is cut."""

    tokenizer: Tokenizer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    pad_id: int
    max_tokens: int

    def encode(self, texts: Sequence[Text]) -> list[Encoding]:
        """The tokens of each, special tokens included."""
        return list(self.tokenizer.encode_batch(list(texts)))

    def arrays(self, encodings: Sequence[Encoding], step: int = 1) -> tuple[NDArray[np.int64], ...]:
        """What the network reads: `(len(encodings), longest) int64` each, in the order of `inputs`; the width is a multiple of `step`, or
        the most tokens that a text is cut to."""
        longest = max(len(encoding) for encoding in encodings)
        width = max(longest, min(-(-longest // step) * step, self.max_tokens))
        made = []
        for name in self.inputs:
            filled = np.full((len(encodings), width), self.pad_id if name == "input_ids" else 0, dtype=np.int64)
            for row, encoding in enumerate(encodings):
                filled[row, : len(encoding)] = _part(encoding, name)
            made.append(filled)
        return tuple(made)


def _part(encoding: Encoding, name: str) -> list[int]:
    match name:
        case "input_ids":
            return list(encoding.ids)
        case "attention_mask":
            return list(encoding.attention_mask)
        case "token_type_ids":
            return list(encoding.type_ids)
    raise ValueError(f"a network that reads {name} is not known")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network in PyTorch: `module(*arrays)` gives a tensor, or a tuple of them, in the order of the vocabulary's outputs."""

    module: nn.Module
    vocabulary: Vocabulary


@dataclass(frozen=True, slots=True)
class Network:
    """What is to be run.

    `key` names weights, tokenizer and what is computed of them; `load` gives it in PyTorch and raises CitewellError. What it reads are
    texts, whose first outputs are vectors to be compared as such, or pairs of a question and a passage, whose first outputs are scores.
    """

    key: str
    reads: Literal["texts", "pairs"]
    load: Callable[[], Loaded]


def vocabulary_of(tokenizer: Any, outputs: Sequence[str], max_tokens: int) -> Vocabulary:
    """From a tokenizer of transformers, with whatever its configuration changes about the file that it comes from.

    It cuts texts to so many tokens; set here once, since a tokenizer must not be changed while another thread uses it.
    """
    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    own.no_padding()
    own.enable_truncation(max_tokens)
    inputs = tuple(name for name in INPUTS if name in tokenizer.model_input_names)
    return Vocabulary(own, inputs, tuple(outputs), int(tokenizer.pad_token_id or 0), max_tokens)
