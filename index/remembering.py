"""An embedder that remembers: the same question, or the same sentence of a passage that is found often, is embedded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from citewell.core.cache import Cache, CacheUse
from citewell.core.protocols import Embedder, Vectors
from citewell.index.embed import content_hash

QUESTIONS = 4_096
PASSAGES = 20_000  # sentences too; 30 MB at 384 dimensions


class RememberingEmbedder:
    """Another embedder with a bounded memory for each of its two ways to read. Texts are remembered by their checksums alone."""

    def __init__(self, embedder: Embedder, questions: int = QUESTIONS, passages: int = PASSAGES) -> None:
        self._embedder = embedder
        self._questions: Cache[bytes, Vectors] = Cache("question vectors", questions)
        self._passages: Cache[bytes, Vectors] = Cache("passage vectors", passages)

    @property
    def fingerprint(self) -> str:
        """That of the other."""
        return self._embedder.fingerprint

    @property
    def dimension(self) -> int:
        """That of the other."""
        return self._embedder.dimension

    @property
    def runtime(self) -> str:
        """That of the other."""
        return self._embedder.runtime

    @property
    def languages(self) -> frozenset[str]:
        """Those of the other."""
        return self._embedder.languages

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, `(len(texts), dimension) float32`, in their order."""
        return self._remembered(texts, self._passages, self._embedder.embed)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, `(len(texts), dimension) float32`, in their order."""
        return self._remembered(texts, self._questions, self._embedder.embed_questions)

    @property
    def use(self) -> list[CacheUse]:
        """How both memories have been used."""
        return [self._questions.use, self._passages.use]

    def _remembered(
        self, texts: Sequence[str], cache: Cache[bytes, Vectors], embed: Callable[[Sequence[str]], Vectors]
    ) -> Vectors:
        keys = [content_hash(text) for text in texts]
        known = cache.known(dict.fromkeys(keys))
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        made = dict(zip(new, embed(list(new.values())), strict=True)) if new else {}
        cache.keep(made)
        known |= made
        return np.stack([known[key] for key in keys]) if keys else np.zeros((0, self.dimension), dtype=np.float32)
