"""A bi-encoder for each of some languages, as one embedder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from citewell.core.languages import language_of
from citewell.core.protocols import Vectors
from citewell.core.settings import EmbedderSettings, EncoderSettings
from citewell.core.tokens import ModelTokenizer
from citewell.encoders.encoder import Encoder
from citewell.encoders.kept import Kept
from citewell.index.embed import SentenceEmbedder


class EmbedderByLanguage:
    """Each passage is read by the model of its language, which the text tells, and every question by all models.

    A model has numbers of the vector to itself, which are 0 in the vectors of the others. So the inner product of a question and a passage
    is their similarity to the model that read the passage; a vector is as long as those of all models together.
    """

    def __init__(
        self, settings: EmbedderSettings, encoders: EncoderSettings | None = None, kept: Kept | None = None
    ) -> None:
        names = dict.fromkeys(settings.by_language.values())
        alone = settings.model_copy(update={"by_language": {}})
        plain = alone.model_copy(update={"dimensions": 0, "question_prompt": None, "passage_prompt": None})
        others = (SentenceEmbedder(plain.model_copy(update={"model": name}), encoders, kept) for name in names)
        self._models = [SentenceEmbedder(alone, encoders, kept), *others]
        places = {name: place for place, name in enumerate(names, start=1)}
        self._place_of = {language: places[name] for language, name in settings.by_language.items()}

    @cached_property
    def fingerprint(self) -> str:
        """Names every model and what it reads."""
        told = {language: self._models[place].fingerprint for language, place in self._place_of.items()}
        return (
            f"{self._models[0].fingerprint}-{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]}"
        )

    @property
    def dimension(self) -> int:
        """Length of a vector: that of all models' vectors together."""
        return sum(model.dimension for model in self._models)

    @cached_property
    def max_tokens(self) -> int:
        """Tokens that every one of the models reads of a passage; each counts in its own."""
        return min(model.max_tokens for model in self._models)

    @property
    def tokenizer(self) -> ModelTokenizer:
        """That of the model for all other languages; passages are measured with it."""
        return self._models[0].tokenizer

    @property
    def encoders(self) -> dict[str, Encoder]:
        """What runs each model, by its name in the settings."""
        return {name: encoder for model in self._models for name, encoder in model.encoders.items()}

    @property
    def runtime(self) -> str:
        """What computes the vectors here, by model where they differ."""
        return ", ".join(dict.fromkeys(model.runtime for model in self._models))

    @property
    def languages(self) -> frozenset[str]:
        """Languages that the model for all other languages reads: across the models nothing is compared."""
        return self._models[0].languages

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, `(len(texts), dimension) float32` of length 1, in their order."""
        places = [self._place_of.get(language_of(text), 0) for text in texts]
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for place, model, own in self._parts():
            mine = [i for i, chosen in enumerate(places) if chosen == place]
            if mine:
                vectors[mine, own] = model.embed([texts[i] for i in mine])
        return vectors

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """What every model makes of the questions, side by side: `(len(texts), dimension) float32`, each part of length 1."""
        return np.hstack([model.embed_questions(texts) for model in self._models])

    def _parts(self) -> list[tuple[int, SentenceEmbedder, slice]]:
        """Each model with its place and its numbers of a vector."""
        ends = np.cumsum([model.dimension for model in self._models]).tolist()
        starts = [0, *ends[:-1]]
        return [
            (place, model, slice(start, end))
            for place, (model, start, end) in enumerate(zip(self._models, starts, ends, strict=True))
        ]


def embedder_of(
    settings: EmbedderSettings, encoders: EncoderSettings | None = None, kept: Kept | None = None
) -> SentenceEmbedder | EmbedderByLanguage:
    """The embedder that these settings name."""
    kind = EmbedderByLanguage if settings.by_language else SentenceEmbedder
    return kind(settings, encoders, kept)
