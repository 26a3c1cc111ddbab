"""A language model that transformers loads, too small to say anything."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast


def make_tiny(folder: Path) -> Path:
    """A causal language model of chance weights over bytes, with a chat template."""
    signs = sorted(ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<eos>", *signs])}
    plain = Tokenizer(BPE(vocabulary, []))
    plain.pre_tokenizer = ByteLevel(add_prefix_space=False)
    plain.decoder = ByteLevelDecoder()
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: "
    PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<eos>", chat_template=template).save_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(vocab_size=len(vocabulary), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                         max_position_embeddings=8192, bos_token_id=None, eos_token_id=0)  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
