"""Weighs a context: which of its sentences may answer, how strongly, and whether the question is answered at all."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from citewell.core.answers import Sufficiency
from citewell.core.evidence import Evidence, Quotable, Signals
from citewell.core.protocols import Embedder
from citewell.core.types import Chunk, Context, Query, Reading
from citewell.generate.evidence.context import ALL_CONTEXT_FEATURES, describe_context
from citewell.generate.evidence.model import Chosen
from citewell.generate.evidence.sentences import ALL_FEATURES, Rows, describe
from citewell.generate.quotables import quotable_sentences

Analyse = Callable[[str], list[str]]
Read = Callable[[Query, Sequence[Chunk]], Sequence[Reading]]
TermWeights = Callable[[str], Mapping[str, float]]
NOTHING = Sufficiency(0.0, -float("inf"))
# By how much, in log odds, what a document says below the very question is ahead of everything else: too far for that to be quoted beside it,
# and near enough (NEAR_ANSWER in conflicts.py) for another document to contradict it.
ASKED_THERE = 3.0
# A row that holds so much of the question's weight, which the others of its table do not, is ahead of them by ROW_BEHIND in log odds.
LEAST_NAMED, ROW_BEHIND = 0.15, 3.0
LEAST_ASKED, MOST_LABEL = 3, 2  # words of a question, and before it in a list


class Scales:
    """Weighs contexts with the words of one generation: `analyse` and `term_weights` are those of the index that found the passages.

    `read` is the reader, and gives nothing where there is none.
    """

    def __init__(
        self, embedder: Embedder, analyse: Analyse, term_weights: TermWeights, read: Read | None = None
    ) -> None:
        self._embedder = embedder
        self._analyse = analyse
        self._term_weights = cache(term_weights)  # sentences, rows and the whole are weighed by the same
        self._read = read

    def weigh(self, query: Query, context: Context, signals: Signals, chosen: Chosen) -> Evidence:
        """What the context's sentences are worth for the question, by the weights that were chosen."""
        quotables = tuple(quotable for passage in context.passages for quotable in quotable_sentences(passage))
        if not quotables:
            return Evidence((), np.zeros(0), np.zeros((0, self._embedder.dimension), np.float32), signals, NOTHING)
        rows, vectors = self.describe(query, quotables, signals)
        logits = asked_there(query.text, quotables, chosen.configuration.sentence.over(rows, ALL_FEATURES))
        logits = named_rows(quotables, logits, self._term_weights(query.text), self._analyse)
        described = self.describe_whole(query, context, quotables, rows, logits, signals)
        odds = float(chosen.configuration.log_odds(described))
        sufficiency = Sufficiency(
            probability=chosen.configuration.probability(odds),
            log_odds=odds,
            uncalibrated=chosen.uncalibrated,
            thresholds=tuple((one.risk, one.threshold) for one in chosen.configuration.risks),
            features=dict(zip(ALL_CONTEXT_FEATURES, (round(float(v), 4) for v in described), strict=True)),
        )
        return Evidence(quotables, logits, vectors, signals, sufficiency)

    def describe(
        self, query: Query, quotables: tuple[Quotable, ...], signals: Signals
    ) -> tuple[Rows, np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
        """A row of ALL_FEATURES and a unit vector for each sentence."""
        question = self._embedder.embed_questions([query.text])[0]
        vectors = np.asarray(self._embedder.embed([quotable.read for quotable in quotables]), dtype=np.float32)
        weights = self._term_weights(query.text)
        return describe(query.text, quotables, vectors @ question, weights, self._analyse, signals), vectors

    def describe_whole(
        self,
        query: Query,
        context: Context,
        quotables: tuple[Quotable, ...],
        rows: Rows,
        logits: Rows,
        signals: Signals,
    ) -> Rows:
        """ALL_CONTEXT_FEATURES of the context, given what the sentence model makes of its sentences."""
        markers = [quotable.passage.marker for quotable in quotables]
        read = self._read(query, [quotables[int(np.argmax(logits))].alone]) if self._read and signals.readings else []
        alone = read[0] if read else None
        return describe_context(
            query.text, context.passages, markers, rows, logits, self._term_weights(query.text), signals, alone
        )


def asked_there(question: str, quotables: Sequence[Quotable], logits: Rows) -> Rows:
    """`(n_sentences,)` log odds; where documents ask this question word for word, only what they say below it may win.

    Other words do not do: questions that differ in "when" for "where", or in "not", are as alike to an embedder as those that ask the same.
    """
    words = _words(question)
    there = np.array(
        [bool(words) and _unlabelled(_words(quotable.asked), len(words)) == words for quotable in quotables]
    )
    if not there.any():
        return logits
    return np.where(there, logits, np.minimum(logits, logits[there].max() - ASKED_THERE))


def named_rows(quotables: Sequence[Quotable], logits: Rows, weights: Mapping[str, float], analyse: Analyse) -> Rows:
    """`(n_sentences,)` log odds; of the rows of one table those that hold what the question names are ahead of the others.

    Rows differ in nothing else that a model of meaning sees: all are about the table's subject, in its form.
    """
    tables: dict[str, list[int]] = defaultdict(list)
    for place, quotable in enumerate(quotables):
        block = quotable.passage.stored.block_at(quotable.start_char)
        if block is not None and block.kind == "table_row":
            tables[quotable.passage.chunk.chunk_id].append(place)
    made = logits.copy()
    for places in tables.values():
        held = [{term for term in analyse(quotables[place].text) if term in weights} for place in places]
        common = set.intersection(*held)
        told = [math.fsum(weights[term] for term in one - common) for one in held]
        if max(told) < LEAST_NAMED * math.fsum(weights.values()):
            continue
        highest = max(logits[place] for place in places)
        named = [place for place, weight in zip(places, told, strict=True) if weight == max(told)]
        raised = highest - max(logits[place] for place in named)
        for place in places:
            made[place] = logits[place] + raised if place in named else min(logits[place], highest - ROW_BEHIND)
    return made


def _unlabelled(asked: list[str], length: int) -> list[str]:
    """The words of a question without what may stand before it in a list, such as "Q" or a number."""
    return asked[-length:] if length >= LEAST_ASKED and len(asked) <= length + MOST_LABEL else asked


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
