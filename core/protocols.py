"""What the stages ask of one another; each Protocol has a conformance suite in tests/conformance that every implementation passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from citewell.core.answers import Draft, Sentence
from citewell.core.evidence import Evidence
from citewell.core.types import Candidate, Chunk, Context, Passage, Query, Ranking, Reading, StoredPassage
from citewell.core.verdicts import Claimed, Verdict

Vectors = NDArray[np.float32]


class Told(Protocol):
    """Hears the sentences of a draft as they become whole."""

    def __call__(self, sentence: Sentence) -> bool:
        """The next one; whether more are wanted."""
        ...

    @property
    def is_wanted(self) -> bool:
        """Whether anybody still waits for the answer."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """Counts tokens as one model would see them."""

    def count(self, text: str) -> int:
        """How many tokens `text` has, special tokens not counted."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """A bi-encoder: texts to unit vectors whose inner product is their similarity."""

    @property
    def fingerprint(self) -> str:
        """Names the weights and the input length; vectors of two fingerprints are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def runtime(self) -> str:
        """What computes the vectors here, such as `openvino-bfloat16`; what two runtimes compute may be compared."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """Languages that the model was trained for, where it says so; core.languages.MULTILINGUAL for many."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, `(len(texts), dimension) float32`, in their order."""
        ...

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, `(len(texts), dimension) float32`: some models read them in another way than passages."""
        ...


@runtime_checkable
class Retriever(Protocol):
    """A first-stage retriever over one index generation."""

    @property
    def name(self) -> str:
        """What its scores are called: `bm25`, `dense`."""
        ...

    def search(self, query: Query, depth: int) -> Ranking:
        """The best passages, until `depth` distinct documents are among them or nothing more matches."""
        ...

    def score(self, query: Query, chunk_ids: Sequence[str]) -> Mapping[str, float]:
        """The score of each of these passages, also of those that a search would not return."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Scores question and passage together."""

    @property
    def name(self) -> str:
        """What its scores are called."""
        ...

    @property
    def fingerprint(self) -> str:
        """Names what the scores depend on besides question and passage."""
        ...

    @property
    def blend(self) -> Mapping[str, float] | None:
        """How much its word counts, by trait of the question, where that was fitted."""
        ...

    def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
        """A relevance score per passage, in their order; higher is better."""
        ...


@runtime_checkable
class Reader(Protocol):
    """Finds the words of a passage that answer a question."""

    def read(self, query: Query, passages: Sequence[Chunk]) -> Sequence[Reading]:
        """What each passage holds for the question, in their order."""
        ...


@runtime_checkable
class ChunkStore(Protocol):
    """Texts by id, as the catalog holds them now: what was deleted is not there."""

    def passages(
        self, candidates: Sequence[Candidate], groups: frozenset[str] | None = None
    ) -> Mapping[str, StoredPassage]:
        """The passages by id, for those whose document is alive and may be read by a caller of these groups (None: the owner)."""
        ...

    def text_at(self, doc_id: str, version: str, start_char: int, end_char: int) -> str | None:
        """These characters of that version's text; None when the version is not there."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Writes an answer from a context."""

    @property
    def route(self) -> str:
        """How answers are made, such as `extractive`."""
        ...

    @property
    def tokens(self) -> TokenCounter:
        """The tokenizer in which the context's budget is counted."""
        ...

    @property
    def reserve(self) -> int:
        """Tokens that are kept free for what it writes; 0 for one that writes nothing."""
        ...

    def render(self, query: Query, passages: Sequence[Passage]) -> str:
        """The whole prompt as the generator reads it, instructions and question included; with `reserve`, the budget bounds its tokens."""
        ...

    def generate(self, query: Query, context: Context, evidence: Sequence[Evidence], tell: Told | None = None) -> Draft:
        """Sentences with citations into `context`; `evidence`, one for each part of the question, tells which of its sentences likely answer.

        Each goes to `tell` as soon as it is whole, in order; what was told stays in the draft. Where that says that no more is wanted, it
        ends with ModelFailed."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """Decides whether a claim is supported by its evidence."""

    @property
    def name(self) -> str:
        """How it decides, such as `alignment`."""
        ...

    def check(self, claims: Sequence[Claimed]) -> Sequence[Verdict]:
        """What its evidence makes of each claim, in their order."""
        ...
