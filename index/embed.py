"""Passages and questions to unit vectors with a sentence-transformer; it is loaded at the first text."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml

from citewell.core.errors import ModelMismatch, ModelUnavailable
from citewell.core.models import model_folder, weights_fingerprint
from citewell.core.protocols import Vectors
from citewell.core.settings import EmbedderSettings, EncoderSettings
from citewell.core.tokens import ModelTokenizer, TokenMap
from citewell.encoders.encoder import Encoder
from citewell.encoders.kept import Kept, cache_folder
from citewell.encoders.network import Loaded, Network

_DECLARED = re.compile(r"---\s*\n(.*?)\n---\s*\n", re.DOTALL)  # the head of a model card
HEADER_SHARE = 0.25  # of the embedder's input, at most, for title and headings
SPECIAL_TOKENS = 2
LEAST_LENGTH = 1e-12  # of a vector that is brought to length 1


def embedding_input(header: str, text: str, tokenizer: ModelTokenizer, max_tokens: int) -> str:
    """What is embedded for a passage: its header, shortened to its share of the input, and its text."""
    if not header or text.startswith(header):
        return text
    limit = int((max_tokens - SPECIAL_TOKENS) * HEADER_SHARE)
    tokens = TokenMap(tokenizer, header)
    return f"{header[: tokens.longest_end(0, len(header), limit)].rstrip()}\n{text}"


def content_hash(text: str) -> bytes:
    """The key under which a text's vector is stored: its SHA-256."""
    return hashlib.sha256(text.encode()).digest()


class SentenceEmbedder:
    """The configured sentence-transformer. Vectors are `(n, dimension) float32` of length 1."""

    def __init__(
        self, settings: EmbedderSettings, encoders: EncoderSettings | None = None, kept: Kept | None = None
    ) -> None:
        self._settings = settings
        self._encoders = encoders or EncoderSettings()
        self._kept = kept or Kept(cache_folder(self._encoders.cache))
        self.folder: Path = model_folder(settings.model)

    @cached_property
    def fingerprint(self) -> str:
        """Names the weights, the tokenizer, the input length and, where they are set, prompts and dimensions."""
        name = f"{weights_fingerprint(self.folder)}-{self.max_tokens}"
        if not (self.question_prompt or self.passage_prompt or self._settings.dimensions):
            return name
        told = json.dumps([self.question_prompt, self.passage_prompt, self._settings.dimensions])
        return f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"

    @cached_property
    def question_prompt(self) -> str:
        """What is put before a question."""
        return self._prompt(self._settings.question_prompt, ("query", "question"))

    @cached_property
    def passage_prompt(self) -> str:
        """What is put before a passage."""
        return self._prompt(self._settings.passage_prompt, ("passage", "document"))

    def _prompt(self, configured: str | None, names: Sequence[str]) -> str:
        if configured is not None:
            return configured
        path = self.folder / "config_sentence_transformers.json"
        declared = (json.loads(path.read_text(encoding="utf-8")).get("prompts") or {}) if path.is_file() else {}
        return next((str(declared[name]) for name in names if declared.get(name)), "")

    @cached_property
    def max_tokens(self) -> int:
        """Tokens that the model reads of a passage, special tokens included; what is beyond is not seen."""
        longest = max(self.question_prompt, self.passage_prompt, key=len)
        return self._reads_tokens - (self.tokenizer.count(longest) if longest else 0)

    @cached_property
    def _reads_tokens(self) -> int:
        for name in ("sentence_bert_config.json", "config.json"):
            path = self.folder / name
            values = json.loads(path.read_text()) if path.is_file() else {}
            if "max_seq_length" in values or "max_position_embeddings" in values:
                return int(values.get("max_seq_length") or values["max_position_embeddings"])
        raise ModelUnavailable(f"{self.folder} does not say how many tokens it reads")

    @cached_property
    def dimension(self) -> int:
        """Length of a vector. Raises ModelMismatch when the settings ask for more numbers than the model gives."""
        values = json.loads((self.folder / "config.json").read_text())
        pooling = self.folder / "1_Pooling" / "config.json"
        if pooling.is_file():
            values |= json.loads(pooling.read_text())
        given, wanted = int(values.get("word_embedding_dimension") or values["hidden_size"]), self._settings.dimensions
        if wanted > given:
            raise ModelMismatch(
                f"the model in {self.folder} gives {given} dimensions, and embedder.dimensions asks for {wanted}"
            )
        return wanted or given

    @cached_property
    def languages(self) -> frozenset[str]:
        """Languages that the model was trained for, as its card declares them: none where it does not."""
        card = self.folder / "README.md"
        found = _DECLARED.match(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else None
        try:
            told = (yaml.safe_load(found[1]) or {}).get("language") if found else None
        except (yaml.YAMLError, AttributeError):
            told = None
        return frozenset(str(tag).lower() for tag in ([told] if isinstance(told, str) else told or ()))

    @cached_property
    def tokenizer(self) -> ModelTokenizer:
        """The model's tokenizer, which needs no weights."""
        return ModelTokenizer(self.folder)

    @cached_property
    def encoder(self) -> Encoder:
        """What runs the model here."""
        network = Network(self._network_key, "texts", self._load)
        return Encoder(network, self._encoders, self._kept)

    @property
    def encoders(self) -> dict[str, Encoder]:
        """What runs the model, by its name in the settings."""
        return {self._settings.model: self.encoder}

    @property
    def runtime(self) -> str:
        """What computes the vectors of passages here, such as `openvino-bfloat16`."""
        return self.encoder.decision.bulk

    @property
    def _network_key(self) -> str:
        """Names the network: weights, tokenizer, pooling and input length."""
        told = [path.read_bytes() for path in sorted([*self.folder.glob("*/config.json"), self.folder / "config.json"])]
        shape = hashlib.sha256(b"".join(told)).hexdigest()[:8]
        return f"sentence-{weights_fingerprint(self.folder)}-{shape}-{self._reads_tokens}"

    def _load(self) -> Loaded:
        from citewell.index.sentence_network import load_sentence_network

        return load_sentence_network(self.folder, self._reads_tokens)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, in their order. The same texts in the same call give the same bits."""
        return self._embed(texts, self.passage_prompt)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, in their order."""
        return self._embed(texts, self.question_prompt)

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for batch in self.encoder.run([prompt + text for text in texts]):
            made = batch.outputs[0][:, : self.dimension]
            vectors[batch.places] = made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), LEAST_LENGTH)
        return vectors
