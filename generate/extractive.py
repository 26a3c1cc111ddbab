"""Answers in the documents' own words: the sentences of the context that answer the question, verbatim, each cited.

No language model is needed. Every sentence is described by a few numbers, a logistic model turns them into the probability
that it holds the answer, and the best one's probability says whether the context answers the question at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citewell.core.protocols import Embedder, TokenCounter
from citewell.core.sentences import sentence_spans
from citewell.core.settings import GenerateSettings
from citewell.core.types import TABLE, Block, Citation, Context, Draft, Passage, Query, Sentence
from citewell.generate.evidence import FEATURES, describe, sentence_logits, sufficiency

# A further sentence is quoted when its log odds are at most this much below the best one's ...
FURTHER_LOGITS = 0.5
# ... and when it is not what an earlier sentence says already (cosine similarity).
REPEATED = 0.92
MIN_SENTENCE_WORDS = 3

Analyse = Callable[[str], list[str]]
TermWeights = Callable[[str], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Quotable:
    """A sentence of a passage that may be quoted; offsets are those of the document."""

    passage: Passage
    start_char: int
    end_char: int
    text: str


class ExtractiveGenerator:
    """Quotes the context. `analyse` and `term_weights` are those of the lexical index that found the passages."""

    route = "extractive"

    def __init__(
        self,
        embedder: Embedder,
        tokens: TokenCounter,
        analyse: Analyse,
        term_weights: TermWeights,
        settings: GenerateSettings,
    ) -> None:
        self._embedder = embedder
        self.tokens = tokens
        self._analyse = analyse
        self._term_weights = term_weights
        self._settings = settings

    def render(self, passages: Sequence[Passage]) -> str:
        """The passages with their markers and headers, as they are counted."""
        return "\n\n".join(f"[{p.marker}] {p.chunk.header}\n{p.text}" for p in passages)

    def generate(self, query: Query, context: Context) -> Draft:
        """At most `max_sentences` quotations in reading order, and the probability that the best one answers."""
        quotables = [quotable for passage in context.passages for quotable in quotable_sentences(passage)]
        if not quotables:
            return Draft((), 0.0, self.route)
        question = self._embedder.embed_questions([query.text])
        vectors = np.concatenate([question, self._embedder.embed([reading(q) for q in quotables])])
        features = self.features(query, quotables, vectors)
        chosen = _choose(sentence_logits(features), vectors[1:], self._settings.max_sentences)
        chosen.sort(key=lambda i: (quotables[i].passage.marker, quotables[i].start_char))
        return Draft(tuple(_cited(quotables[i]) for i in chosen), sufficiency(features), self.route)

    def features(
        self, query: Query, quotables: Sequence[Quotable], vectors: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """What the model knows of each sentence, `(n_sentences, n_features)`; `vectors` are those of query and sentences."""
        similarities = vectors[1:] @ vectors[0]
        weights = self._term_weights(query.text)
        rows = describe(
            query.text,
            [q.text for q in quotables],
            [f"{q.passage.chunk.header}\n{q.passage.text}" for q in quotables],
            [q.passage.marker for q in quotables],
            similarities,
            weights,
            self._analyse,
        )
        assert rows.shape == (len(quotables), len(FEATURES))
        return rows


def quotable_sentences(passage: Passage) -> list[Quotable]:
    """The sentences of a passage as quotations; headings, column names and scraps are left out."""
    offset = passage.chunk.start_char
    found: list[Quotable] = []
    for start, end in sentence_spans(passage.text):
        text = passage.text[start:end]
        block = passage.stored.block_at(offset + start)
        if block is not None and (block.kind == "heading" or _is_table_head(passage.stored.blocks, block)):
            continue
        if len(text.split()) >= MIN_SENTENCE_WORDS or (block is not None and block.kind == "table_row"):
            found.append(Quotable(passage, offset + start, offset + end, text))
    return found


def _is_table_head(blocks: Sequence[Block], block: Block) -> bool:
    """Whether `block` is the first row of a table that begins in this passage: it names the columns and answers nothing."""
    if block.kind == "table_header":
        return True
    at = blocks.index(block)
    followed = at + 1 < len(blocks) and blocks[at + 1].kind == "table_row"
    return block.kind == "table_row" and followed and at > 0 and blocks[at - 1].kind not in TABLE


def reading(quotable: Quotable) -> str:
    """The sentence as it is embedded: under its headings, without which a pronoun or a table row says little."""
    header = quotable.passage.chunk.header
    return f"{header}: {quotable.text}" if header else quotable.text


def _choose(logits: NDArray[np.float64], vectors: NDArray[np.float32], most: int) -> list[int]:
    order = np.argsort(-logits, kind="stable")
    chosen: list[int] = []
    for candidate in order.tolist():
        if len(chosen) == most or (chosen and logits[candidate] < logits[order[0]] - FURTHER_LOGITS):
            break
        if all(float(vectors[candidate] @ vectors[other]) < REPEATED for other in chosen):
            chosen.append(candidate)
    return chosen


def _cited(quotable: Quotable) -> Sentence:
    passage = quotable.passage
    citation = Citation(
        marker=passage.marker,
        doc_id=passage.chunk.doc_id,
        version=passage.chunk.version,
        uri=passage.uri,
        page=passage.stored.page_at(quotable.start_char),
        start_char=quotable.start_char,
        end_char=quotable.end_char,
        quote=quotable.text,
        place=passage.stored.place_at(quotable.start_char),
        regions=passage.stored.shown_at(quotable.start_char, quotable.end_char),
    )
    return Sentence(quotable.text, (citation,))
