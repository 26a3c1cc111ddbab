"""The network in training: one trunk that reads question and passage together, a relevance score, and a reader on the same forward pass."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerBase

from citewell.core.errors import SettingsError
from citewell.rerank.reader import READER_FILE, has_reader
from citewell.rerank.reading_network import ReaderHeads


@dataclass(frozen=True, slots=True)
class Outputs:
    """Logits of a batch of pairs: `relevance` and `answerable` are `(pairs,)`, `start` and `end` `(pairs, tokens)`."""

    relevance: Tensor
    answerable: Tensor
    start: Tensor
    end: Tensor


class PairModel(nn.Module):
    """A BERT sequence classifier with one label, and linear heads for the answer's span and for whether there is one."""

    def __init__(self, trunk: nn.Module, hidden: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = ReaderHeads(hidden)

    @classmethod
    def from_encoder(cls, folder: Path) -> PairModel:
        """New heads on the weights of an encoder, or a model that `save` left, heads and all, to be trained further.

        The word vectors stay as they are, since little text would bend them. No dropout: every group is seen once or twice, and drawing random masks took half of the time on a processor.
        """
        trunk = AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=1, local_files_only=True, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
        )
        trunk.float()
        trunk.bert.embeddings.word_embeddings.weight.requires_grad_(False)
        model = cls(trunk, trunk.config.hidden_size)
        if has_reader(folder):
            model.heads.load(folder)
        return model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Outputs:
        """Logits for `(pairs, tokens)` of int64. The heads compute in single precision."""
        bert: Any = self.trunk.bert
        hidden = bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        with torch.autocast(hidden.device.type, enabled=False):
            hidden = hidden.float()
            pooled = bert.pooler(hidden)
            relevance = self.trunk.classifier(pooled).squeeze(-1)  # type: ignore[operator]
            return Outputs(relevance, *self.heads(hidden, pooled, attention_mask, token_type_ids))

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
        """Weights in half precision, loadable by transformers and by sentence-transformers' CrossEncoder; the reader's heads beside them."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {key: value.detach().half().contiguous() for key, value in self.trunk.state_dict().items()}
        save_file(
            {k: v for k, v in state.items() if "position_ids" not in k}, folder / "model.safetensors", {"format": "pt"}
        )
        reader = {name: value.detach().half() for name, value in self.heads.state_dict().items()}
        save_file(reader, folder / READER_FILE, {"format": "pt"})
        config = self.trunk.config.to_dict()  # type: ignore[union-attr,operator]
        # Half precision is how it is stored; processors compute in single precision or bfloat16.
        config |= {"architectures": ["BertForSequenceClassification"], "dtype": "float32", "_name_or_path": ""}
        config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity"}
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        tokenizer.save_pretrained(folder)


def compute_dtype(name: str) -> torch.dtype:
    """The precision of the matrix products: `auto` is bfloat16 where the processor computes in it. Raises SettingsError for another name."""
    if name == "auto":
        known = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
        fast = any(supported is not None and supported() for supported in known)
        return torch.bfloat16 if fast else torch.float32
    if name not in {"float32", "bfloat16"}:
        raise SettingsError(f"the precision {name!r} is none of auto, float32, bfloat16")
    return torch.bfloat16 if name == "bfloat16" else torch.float32
