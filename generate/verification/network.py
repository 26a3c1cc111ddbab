"""The verifier as a network: the trunk of the cross-encoder, bent a little, reads a claim and its evidence and says what the evidence makes of it.

The trunk's weights are not shipped twice: the verifier is a low-rank change of each of its matrices (Hu et al., 2021) and a head of
three logits. Merged, it is a network like any other and costs what the cross-encoder costs.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, BertForSequenceClassification, PreTrainedTokenizerBase
from transformers.utils import logging

from citewell.core.errors import ModelUnavailable
from citewell.core.verdicts import VERDICTS
from citewell.encoders.network import Loaded, vocabulary_of
from citewell.generate.verification.entailment import ADAPTER_FILE, HINT

RANK = 16
SCALE = 2.0  # by which the low-rank product is multiplied


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
        model = cls.on(trunk_folder)
        for parameter in model.trunk.parameters():
            parameter.requires_grad_(False)
        for name, linear in _linears(model.trunk):
            _put(model.trunk, name, LowRank(linear, rank))
        model.rank = rank
        return model

    @classmethod
    def on(cls, trunk_folder: Path) -> EntailmentModel:
        """The plain trunk with a new head."""
        classifier = BertForSequenceClassification.from_pretrained(
            trunk_folder, num_labels=1, local_files_only=True, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
        )
        trunk: nn.Module = classifier.bert
        return cls(trunk.float(), int(classifier.config.hidden_size))

    @classmethod
    def merged(cls, trunk_folder: Path, adapter_folder: Path) -> EntailmentModel:
        """The trunk with what `save` left in `adapter_folder` added to its weights."""
        model = cls.on(trunk_folder)
        state = {key: value.float() for key, value in load_file(adapter_folder / ADAPTER_FILE).items()}
        for name, linear in _linears(model.trunk):
            with torch.no_grad():
                linear.weight += SCALE * state[f"{name}.up"] @ state[f"{name}.down"]
        model.head.load_state_dict({"weight": state["head.weight"], "bias": state["head.bias"]})
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


class Odds(nn.Module):
    """The logits of an EntailmentModel as log odds, `(pairs,)` each: of the first verdict, and of the last."""

    def __init__(self, model: EntailmentModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Of `supported`, and of `contradicted`."""
        supported, silent, contradicted = self.model(input_ids, attention_mask, token_type_ids).unbind(-1)
        return supported - torch.logaddexp(silent, contradicted), contradicted - torch.logaddexp(supported, silent)


def load_verifier(trunk_folder: Path, adapter_folder: Path, max_tokens: int) -> Loaded:
    """The verifier, ready to run. Raises ModelUnavailable."""
    try:
        model = EntailmentModel.merged(trunk_folder, adapter_folder)
        tokenizer = load_tokenizer(trunk_folder)
    except Exception as error:  # every way in which loading fails means the same to the user
        raise ModelUnavailable(
            f"the verifier in {adapter_folder} cannot be loaded: {type(error).__name__}: {error}",
            hint=HINT,
        ) from error
    return Loaded(Odds(model).eval(), vocabulary_of(tokenizer, ["supported", "contradicted"], max_tokens))


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
