"""What was embedded once is not embedded again, and questions and passages are never mixed up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from twins import HashingEmbedder

from citewell.core.protocols import Embedder, Vectors
from citewell.index.remembering import RememberingEmbedder


class Counting(HashingEmbedder):
    """Counts the texts that it embeds; a question is read backwards."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.read.extend(texts)
        return super().embed(texts)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        self.read.extend(texts)
        return super().embed([text[::-1] for text in texts])


def test_each_text_is_read_once_in_either_way() -> None:
    counting = Counting()
    subject = RememberingEmbedder(counting)
    assert isinstance(subject, Embedder)
    first = subject.embed(["a", "b", "a"])
    np.testing.assert_array_equal(first, HashingEmbedder().embed(["a", "b", "a"]))
    np.testing.assert_array_equal(subject.embed(["b", "c"])[0], first[1])
    assert counting.read == ["a", "b", "c"]
    question = subject.embed_questions(["ab"])
    np.testing.assert_array_equal(question, HashingEmbedder().embed(["ba"]))
    assert counting.read == ["a", "b", "c", "ab"]
    assert {use.name: (use.hits, use.held) for use in subject.use} == {
        "question vectors": (0, 1),
        "passage vectors": (1, 3),
    }


def test_the_memory_is_bounded() -> None:
    counting = Counting()
    subject = RememberingEmbedder(counting, passages=2)
    subject.embed(["a", "b", "c"])
    subject.embed(["a"])
    assert counting.read == ["a", "b", "c", "a"]


def test_nothing_gives_no_rows() -> None:
    assert RememberingEmbedder(Counting()).embed([]).shape == (0, HashingEmbedder.dimension)
