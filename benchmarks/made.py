"""Made-up corpora of any size: words as frequent as in English, topics, vectors in clusters; the same for the same seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from citewell.core.languages import MULTILINGUAL
from citewell.core.protocols import Vectors
from citewell.core.settings import Settings
from citewell.core.types import Chunk, Document, document_id, passage_id, text_version
from citewell.index.analysis.english import STOP_WORDS
from citewell.index.embed import content_hash
from citewell.index.store.owners import Owner
from citewell.index.store.staging import Staged, Staging
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.ingestion.worker import prepare
from citewell.pipeline.wiring import Engine

DIMENSION = 384
TOPICS = 1000
VOCABULARY = 200_000
WORDS = 80  # of a passage
TOPIC_SHARE = 0.4  # of a passage's words come from its topic
TOPIC_WORDS = 200
NOISE = 0.9  # length of the noise that is added to a cluster's centre of length 1
WINDOW = 5000


@dataclass(frozen=True, slots=True)
class MadePassage:
    """A passage of a topic."""

    number: int
    topic: int
    text: str


class MadeCorpus:
    """Passages by number; each has one topic, and its vector lies near that topic's centre."""

    fingerprint = f"made-{DIMENSION}"
    runtime = "chance"
    dimension = DIMENSION
    languages = frozenset({MULTILINGUAL})
    max_tokens = 256

    def __init__(self, engine: Engine) -> None:
        self.tokenizer = engine.embedder.tokenizer

    @cached_property
    def _words(self) -> list[str]:
        syllables = ["".join(parts) for parts in itertools.product("bcdfglmnprstv", "aeiou", ["", "n", "r", "s", "l"])]
        chance = np.random.default_rng(1)
        made = dict.fromkeys(sorted(STOP_WORDS))
        while len(made) < VOCABULARY:
            for number in chance.integers(2, 5, 10_000):
                made["".join(chance.choice(syllables, number))] = None
        return list(made)[:VOCABULARY]

    @cached_property
    def _frequencies(self) -> np.ndarray:
        ranks = np.arange(1, VOCABULARY + 1)
        return np.cumsum(1 / (ranks + 2.7)) / np.sum(1 / (ranks + 2.7))  # Zipf and Mandelbrot

    @cached_property
    def _topics(self) -> np.ndarray:
        """The words of each topic, `(TOPICS, TOPIC_WORDS)`; none is among the most frequent."""
        return np.random.default_rng(2).integers(500, VOCABULARY, (TOPICS, TOPIC_WORDS))

    @cached_property
    def _centres(self) -> Vectors:
        centres = np.random.default_rng(3).standard_normal((TOPICS, DIMENSION), dtype=np.float32)
        return centres / np.linalg.norm(centres, axis=1, keepdims=True)

    def passages(self, first: int, count: int, seed: int = 0) -> list[MadePassage]:
        """So many passages from a number on."""
        chance = np.random.default_rng((seed, first))
        topics = chance.integers(0, TOPICS, count)
        words = np.searchsorted(self._frequencies, chance.random((count, WORDS)))
        own = self._topics[topics[:, None], chance.integers(0, TOPIC_WORDS, (count, WORDS))]
        chosen = np.where(chance.random((count, WORDS)) < TOPIC_SHARE, own, words)
        texts = (" ".join(self._words[i] for i in row) for row in chosen.tolist())
        return [
            MadePassage(first + i, int(topic), text) for i, (topic, text) in enumerate(zip(topics, texts, strict=True))
        ]

    def vectors(self, passages: Sequence[MadePassage], seed: int = 0) -> Vectors:
        """`(len(passages), DIMENSION) float32` of length 1."""
        chance = np.random.default_rng((seed, 7, passages[0].number))
        noise = chance.standard_normal((len(passages), DIMENSION), dtype=np.float32) * np.float32(
            NOISE / DIMENSION**0.5
        )
        vectors = self._centres[[p.topic for p in passages]] + noise
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def questions(self, count: int, seed: int = 100) -> list[tuple[str, Vectors]]:
        """Questions of eight words of a topic and five of any kind, with a vector of that topic."""
        made = self.passages(0, count, seed)
        vectors = self.vectors(made, seed)
        chance = np.random.default_rng(seed)
        return [
            (
                " ".join([*(self._words[i] for i in chance.choice(self._topics[p.topic], 8)), *p.text.split()[:5]]),
                vector,
            )
            for p, vector in zip(made, vectors, strict=True)
        ]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors are made with the passages; nothing is embedded here."""
        raise NotImplementedError


def engine_of(directory: Path, settings: Settings) -> Engine:
    """An engine whose embedder is the made-up corpus itself."""
    engine = Engine(directory, settings)
    engine.__dict__["embedder"] = MadeCorpus(engine)
    return engine


def store(engine: Engine, count: int, groups: Sequence[tuple[str, float]] = ()) -> None:
    """Stores and publishes so many passages, a document each; each document names each group with its probability."""
    corpus: MadeCorpus = engine.__dict__["embedder"]
    chance = np.random.default_rng(11)
    prepare(engine)
    owner = Owner(engine.directory)
    with Staging(engine.directory) as staging:
        job = staging.queue.create("documents", "made", {"sources": ["made"]}, owner.name)
        for first in range(0, count, WINDOW):
            made = corpus.passages(first, min(WINDOW, count - first))
            staged = list(_staged(engine, made, groups, chance))
            vectors = dict(zip((s.content_hashes[0] for s in staged), corpus.vectors(made), strict=True))
            staging.stage(job, staged, vectors, engine.recipe)
        with CatalogWriter(engine.directory, engine.settings.storage) as writer:
            writer.publish(job, engine.recipe)
    owner.close()


def _staged(
    engine: Engine, made: Sequence[MadePassage], groups: Sequence[tuple[str, float]], chance: np.random.Generator
) -> Iterator[Staged]:
    chunker = engine.fingerprints.chunker
    for passage in made:
        path = f"{passage.number}.txt"
        doc_id, version = document_id("made", path), text_version(passage.text)
        acl = tuple(name for name, probability in groups if chance.random() < probability)
        document = Document(doc_id, version, f"made/{path}", "", passage.text, "text/plain", "en", acl=acl)
        size = len(passage.text)
        chunk_id = passage_id(doc_id, version, 0, size, chunker)
        chunk = Chunk(chunk_id, doc_id, version, 0, size, passage.text, WORDS)
        yield Staged(document, "made", path, str(passage.number), [chunk], [content_hash(passage.text)])
