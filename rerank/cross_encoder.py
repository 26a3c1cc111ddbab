"""A cross-encoder from any local path or hub name; it is loaded at the first pair."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from citewell.core.errors import CitewellError, ModelFailed, ModelMismatch, ModelUnavailable
from citewell.core.models import weights_fingerprint
from citewell.core.settings import EncoderSettings, RerankSettings
from citewell.core.tokens import ModelTokenizer
from citewell.core.types import Chunk, Query
from citewell.encoders.encoder import Batch, Encoder
from citewell.encoders.kept import Kept, cache_folder
from citewell.encoders.network import Loaded, Network, Text
from citewell.encoders.window import Window, cut
from citewell.rerank.declaration import declared

SPECIAL_TOKENS = 3  # [CLS], and [SEP] after question and passage
HINT = "Name a cross-encoder with rerank.model, or leave it empty to do without."


class CrossEncoderReranker:
    """Scores question and passage together; raw model scores, higher is better.

    Raises ModelUnavailable or ModelMismatch when the folder holds no cross-encoder with one score, ModelFailed when it cannot score.
    """

    name = "cross-encoder"

    def __init__(
        self, folder: Path, settings: RerankSettings, encoders: EncoderSettings | None = None, kept: Kept | None = None
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._encoders = encoders or EncoderSettings()
        self._kept = kept or Kept(cache_folder(self._encoders.cache))
        require_scoring_head(folder)
        self.blend, self.languages = (made := declared(folder)).blend, made.languages

    @property
    def fingerprint(self) -> str:
        """Names the weights, the tokenizer, the window and what computes the scores."""
        return f"{weights_fingerprint(self._folder)}-{self._settings.max_tokens}-{self.encoder.decision.bulk}"

    @cached_property
    def _tokenizer(self) -> ModelTokenizer:
        return ModelTokenizer(self._folder)

    @cached_property
    def encoder(self) -> Encoder:
        """What runs the model here."""
        return Encoder(Network(self._network_key, "pairs", self._load), self._encoders, self._kept)

    @cached_property
    def _network_key(self) -> str:
        return f"pairs-{weights_fingerprint(self._folder)}-{self._settings.max_tokens}"

    def _load(self) -> Loaded:
        from citewell.rerank.pair_network import load_cross_encoder

        return load_cross_encoder(self._folder, self._settings.max_tokens)

    def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
        """A relevance score per passage, in their order; the passage is read with its title and headings, cut to the window."""
        if not passages:
            return []
        pairs: list[Text] = [(query.text, window.text) for window in self.windows(query, passages)]
        scores = np.zeros(len(pairs), dtype=np.float64)
        for batch in self.run(pairs):
            scores[batch.places] = batch.outputs[0].ravel()
        return [float(score) for score in scores]

    def run(self, pairs: Sequence[Text]) -> Iterator[Batch]:
        """What the network gives for questions and passages; raises ModelFailed when it fails or when one of its numbers is none."""
        try:
            for batch in self.encoder.run(pairs):
                if not all(np.isfinite(output).all() for output in batch.outputs):
                    raise ModelFailed(
                        f"the cross-encoder in {self._folder} gives scores that are no numbers", hint=HINT
                    )
                yield batch
        except CitewellError:
            raise
        except Exception as error:  # out of memory, or a model that does not fit its own configuration
            what = f"the cross-encoder in {self._folder} cannot score: {type(error).__name__}"
            raise ModelFailed(what, hint=HINT) from error

    def windows(self, query: Query, passages: Sequence[Chunk]) -> list[Window]:
        """What the model reads of each passage, title and headings included."""
        question = min(self._tokenizer.count(query.text), self._settings.max_tokens // 2)
        room = self._settings.max_tokens - question - SPECIAL_TOKENS
        return [cut(query.text, p.headed_text, self._tokenizer, room) for p in passages]


def require_words(folder: Path, tokenizer: int, model: int) -> None:
    """Raises ModelMismatch when the tokenizer in `folder` knows more words than the model."""
    if tokenizer > model:
        what = f"the tokenizer in {folder} has {tokenizer} words and the model {model}: it belongs to another model"
        raise ModelMismatch(what, hint=HINT)


def require_scoring_head(folder: Path) -> None:
    """Raises ModelUnavailable or ModelMismatch unless the configuration in `folder` is that of a model with one score a pair.

    Without this, a plain encoder would be given a head of random weights, and an entailment model a score that means something else.
    """
    config = _config(folder)
    architectures = config.get("architectures") or []
    if (folder / "modules.json").is_file():  # sentence-transformers' own layout names its head there
        try:
            modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        except ValueError:
            raise ModelUnavailable(f"{folder} holds no readable modules.json", hint=HINT) from None
        if any("pooling" in str(module.get("type", "")).lower() for module in modules):
            raise ModelMismatch(f"{folder} holds a bi-encoder, which scores no pairs", hint=HINT)
        return
    if not any(str(name).endswith("ForSequenceClassification") for name in architectures):
        named = ", ".join(map(str, architectures)) or "an unnamed architecture"
        raise ModelMismatch(f"the model in {folder} has no scoring head: it is {named}", hint=HINT)
    labels = len(config.get("id2label") or {"0": ""})
    if labels != 1:
        raise ModelMismatch(f"the model in {folder} gives {labels} scores a pair, and one is needed", hint=HINT)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ModelUnavailable(f"{folder} holds no readable config.json of a model", hint=HINT) from None
    return config if isinstance(config, dict) else {}
