"""The cross-encoder with a reader as one network: tokens of question and passage in; relevance, and where the answer stands, out."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from citewell.core.errors import CitewellError, ModelUnavailable
from citewell.encoders.bert import Bert, bert_vocabulary, bert_with, read_weights
from citewell.encoders.network import Loaded
from citewell.rerank.cross_encoder import HINT, require_words
from citewell.rerank.reader import READER_FILE
from citewell.rerank.spans import OUTSIDE

READS = ("relevance", "answerable", "start", "end")


class ReaderHeads(nn.Module):
    """Linear heads on a cross-encoder's vectors: for the answer's span, and for whether there is one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.span = nn.Linear(width, 2)
        self.answerable = nn.Linear(width, 1)

    def load(self, folder: Path) -> None:
        """Takes the heads that training left in `folder`."""
        self.load_state_dict({key: value.float() for key, value in load_file(folder / READER_FILE).items()})

    def forward(
        self, hidden: Tensor, pooled: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`answerable`, `start` and `end` of `(pairs, tokens, width)` and `(pairs, width)`; outside the passage no answer starts or ends."""
        place = attention_mask.cumsum(1)
        # The passage, without the [SEP] after it.
        inside = (token_type_ids == 1) & (attention_mask == 1) & (place < attention_mask.sum(1, keepdim=True))
        start, end = self.span(hidden).masked_fill(~inside.unsqueeze(-1), OUTSIDE).unbind(-1)
        return self.answerable(pooled).squeeze(-1), start, end


class ReadingNetwork(nn.Module):
    """A BERT with the heads of relevance and reading, which compute in single precision; its outputs are a tuple, in the order of READS."""

    def __init__(self, bert: Bert, relevance: nn.Linear, heads: ReaderHeads) -> None:
        super().__init__()
        self.bert = bert
        self.relevance = relevance
        self.heads = heads

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits: the first two `(pairs,)`, the others `(pairs, tokens)`."""
        hidden: Tensor = self.bert(input_ids, attention_mask, token_type_ids)
        with torch.autocast(hidden.device.type, enabled=False):
            hidden = hidden.float()
            pooled = self.bert.pooled(hidden)
            read = self.heads(hidden, pooled, attention_mask, token_type_ids)
            return self.relevance(pooled).squeeze(-1), *read


def load_reader(folder: Path, max_tokens: int) -> Loaded:
    """The cross-encoder in `folder` with its reader's heads. Raises ModelUnavailable or ModelMismatch."""
    try:
        weights = read_weights(folder)
        bert = bert_with(folder, weights)
        relevance = nn.Linear(bert.words.embedding_dim, 1)
        relevance.load_state_dict({kind: weights[f"classifier.{kind}"] for kind in ("weight", "bias")})
        vocabulary = bert_vocabulary(folder, READS, max_tokens)
        require_words(folder, vocabulary.tokenizer.get_vocab_size(), bert.words.num_embeddings)
    except CitewellError:
        raise
    except Exception as error:  # every way in which loading fails means the same to the user
        what = f"the cross-encoder in {folder} cannot be loaded: {type(error).__name__}"
        raise ModelUnavailable(what, hint=HINT) from error
    heads = ReaderHeads(bert.words.embedding_dim)
    try:
        heads.load(folder)
    except Exception as error:  # a damaged file, or heads of another trunk
        raise ModelUnavailable(f"the reader in {folder} cannot be loaded: {type(error).__name__}") from error
    return Loaded(ReadingNetwork(bert, relevance, heads).eval(), vocabulary)
