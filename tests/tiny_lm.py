"""A language model that transformers loads, too small to say anything."""

from __future__ import annotations

import string
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast


def make_tiny(folder: Path) -> Path:
    """A causal language model of chance weights over the characters of a small alphabet, with a chat template."""
    alphabet = {token: i for i, token in enumerate(["<eos>", "<unk>", *sorted(set(string.printable))])}
    plain = Tokenizer(WordLevel(alphabet, unk_token="<unk>"))
    plain.pre_tokenizer = Split(Regex("."), "isolated")
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: "
    PreTrainedTokenizerFast(
        tokenizer_object=plain, eos_token="<eos>", unk_token="<unk>", chat_template=template
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(vocab_size=len(alphabet), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                         max_position_embeddings=8192, bos_token_id=None, eos_token_id=0)  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
