"""The verifier in training: the cross-encoder's trunk, whose weights stay, low-rank changes beside them, and a head of three logits."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, BertForSequenceClassification, PreTrainedTokenizerBase
from transformers.utils import logging

from citewell.core.verdicts import VERDICTS
from citewell.generate.verification.entailment import ADAPTER_FILE
from citewell.generate.verification.network import SCALE

RANK = 16


class LowRank(nn.Module):
    """A linear layer whose weights stay, with a change of low rank beside it: y = W x + b + SCALE * up(down(x))."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear
        self.down = nn.Parameter(torch.empty(rank, linear.in_features))
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """`(…, in)` to `(…, out)`."""
        y: Tensor = self.linear(x) + SCALE * nn.functional.linear(nn.functional.linear(x, self.down), self.up)
        return y


class EntailmentModel(nn.Module):
    """A claim and its evidence to three logits, in the order of VERDICTS."""

    def __init__(self, trunk: nn.Module, hidden: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(hidden, len(VERDICTS))
        self.rank = 0

    @classmethod
    def to_train(cls, trunk_folder: Path, rank: int = RANK) -> EntailmentModel:
        """The trunk in `trunk_folder`, frozen, with new low-rank changes that do nothing yet and a new head."""
        classifier = BertForSequenceClassification.from_pretrained(
            trunk_folder, num_labels=1, local_files_only=True, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
        )
        trunk: nn.Module = classifier.bert
        model = cls(trunk.float(), int(classifier.config.hidden_size))
        for parameter in model.trunk.parameters():
            parameter.requires_grad_(False)
        for name, linear in _linears(model.trunk):
            _put(model.trunk, name, LowRank(linear, rank))
        model.rank = rank
        return model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """`(pairs, tokens)` of int64 to `(pairs, 3)` logits."""
        out = self.trunk(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        logits: Tensor = self.head(out.pooler_output)
        return logits

    def changes(self) -> dict[str, Tensor]:
        """Everything that is trained, by name."""
        state: dict[str, Tensor] = {}
        for name, module in self.trunk.named_modules():
            if isinstance(module, LowRank):
                state |= {f"{name}.down": module.down, f"{name}.up": module.up}
        return state | {"head.weight": self.head.weight, "head.bias": self.head.bias}

    def save(self, folder: Path) -> None:
        """Writes what was trained, in half precision."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {key: value.detach().half().contiguous() for key, value in self.changes().items()}
        save_file(state, folder / ADAPTER_FILE, {"format": "pt"})


def load_tokenizer(trunk_folder: Path) -> PreTrainedTokenizerBase:
    """The trunk's tokenizer."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(trunk_folder, local_files_only=True)
    return tokenizer


def _linears(trunk: nn.Module) -> list[tuple[str, nn.Linear]]:
    return [(name, module) for name, module in trunk.named_modules() if isinstance(module, nn.Linear)]


def _put(trunk: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(trunk.get_submodule(parent), last, module)
