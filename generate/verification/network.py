"""The verifier as a network: the trunk of the cross-encoder, bent a little, reads a claim and its evidence and says what the evidence makes of it.

The trunk's weights are not shipped twice: the verifier is a low-rank change of each of its matrices (Hu et al., 2021) and a head of
three logits. Merged, it is a network like any other and costs what the cross-encoder costs.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from citewell.core.errors import ModelUnavailable
from citewell.core.verdicts import VERDICTS
from citewell.encoders.bert import Bert, bert_vocabulary, bert_with, read_weights
from citewell.encoders.network import Loaded
from citewell.generate.verification.entailment import ADAPTER_FILE, HINT

SCALE = 2.0  # by which the low-rank product is multiplied


class VerifierNetwork(nn.Module):
    """Three logits, in the order of VERDICTS, as log odds: of the first verdict, and of the last."""

    def __init__(self, bert: Bert, head: nn.Linear) -> None:
        super().__init__()
        self.bert = bert
        self.head = head

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Of `supported`, and of `contradicted`: `(pairs,)` each for `(pairs, tokens)` of int64."""
        pooled = self.bert.pooled(self.bert(input_ids, attention_mask, token_type_ids))
        supported, silent, contradicted = self.head(pooled).unbind(-1)
        return supported - torch.logaddexp(silent, contradicted), contradicted - torch.logaddexp(supported, silent)


def load_verifier(trunk_folder: Path, adapter_folder: Path, max_tokens: int) -> Loaded:
    """The trunk with what was trained added to its weights, ready to run. Raises ModelUnavailable."""
    try:
        weights = read_weights(trunk_folder)
        trained = {key: value.float() for key, value in load_file(adapter_folder / ADAPTER_FILE).items()}
        for name in (key.removesuffix(".down") for key in trained if key.endswith(".down")):
            weights[f"{name}.weight"] += SCALE * trained[f"{name}.up"] @ trained[f"{name}.down"]
        bert = bert_with(trunk_folder, weights)
        head = nn.Linear(bert.words.embedding_dim, len(VERDICTS))
        head.load_state_dict({kind: trained[f"head.{kind}"] for kind in ("weight", "bias")})
        vocabulary = bert_vocabulary(trunk_folder, ["supported", "contradicted"], max_tokens)
    except Exception as error:  # every way in which loading fails means the same to the user
        raise ModelUnavailable(
            f"the verifier in {adapter_folder} cannot be loaded: {type(error).__name__}: {error}",
            hint=HINT,
        ) from error
    return Loaded(VerifierNetwork(bert, head).eval(), vocabulary)
