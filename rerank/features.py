"""Candidates in numbers, from what the first stages know of them: no model runs and no text is read.

Besides the scores themselves there are two looks at the candidates together: how near a passage lies to the best ones (relevance
feedback in the vector space; Rocchio 1971, and for dense retrieval Li et al., 2021) and how good its nearest neighbours are
(score regularisation; Diaz, CIKM 2005). Both help where many passages bear on the question, and must not drown the single one
that answers it; so what they are worth depends on how far the best candidate stands out and on whether a question is asked.

How many of the question's words a passage shares is left out beyond its BM25 score: the questions of public sets were written by
people who saw the passage, and repeat its words as users do not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from citewell.core.facts import CandidateFacts
from citewell.core.protocols import Vectors
from citewell.core.scores import CONSTANT_LIST_SCORE

FEEDBACK_PASSAGES = 5
NEIGHBOURS = 10
PEAK_RANKS = 10  # how far the first candidate stands above the next ones, down to this rank
FEATURES = ("fused", "feedback", "neighbours")
# What the query is like; each may stand as a factor of a feature, and says how much the cross-encoder's word counts.
TRAITS = ("any", "asked", "peak", "long")
SHORT_WORDS, LONG_WORDS = 8, 24  # a query of so many words is not long at all, and as long as it counts
_ASKED = re.compile(
    r"\?|^(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|should|will|has|have|"
    r"wer|was|wann|wo|welche[rsn]?|warum|wieso|wie|ist|sind|hat|haben|kann)\b",
    re.I,
)  # fmt: skip

Rows = NDArray[np.float64]


@cache
def _one_thread_for_numpy() -> None:
    """The products here are small: with two threads one in twenty waited 16 ms for the other, with one it takes a third of that."""
    for library in ThreadpoolController().lib_controllers:
        if "numpy.libs" in library.filepath:  # not the library of torch or faiss, whose products are large
            library.set_num_threads(1)


def describe(question: str, facts: CandidateFacts) -> tuple[Rows, NDArray[np.float64]]:
    """FEATURES of every candidate, `(n, len(FEATURES))`, each in [0, 1], and TRAITS of the query, `(len(TRAITS),)`."""
    _one_thread_for_numpy()
    fused = scale([c.score for c in facts.ranking.candidates])
    vectors = facts.vectors
    rows = np.stack([fused, _feedback(fused, vectors), _neighbours(fused, vectors)], axis=1)
    return rows, traits_of(question, fused)


def traits_of(question: str, scores: Rows) -> Rows:
    """TRAITS of a query with the scores of its candidates in [0, 1], `(len(TRAITS),)`, each in [0, 1]."""
    ordered = np.sort(scores)[::-1]
    peak = float(ordered[0] - ordered[1:PEAK_RANKS].mean()) if len(ordered) > 1 else 1.0
    long = (len(question.split()) - SHORT_WORDS) / (LONG_WORDS - SHORT_WORDS)
    return np.array([1.0, float(bool(_ASKED.search(question))), peak, min(1.0, max(0.0, long))])


def scale(values: Sequence[float] | Rows) -> Rows:
    """(v - min) / (max - min) of the list; 0.5 for all when they are equal."""
    array = np.asarray(values, dtype=np.float64)
    spread = float(np.ptp(array)) if len(array) else 0.0
    return (array - array.min()) / spread if spread > 0 else np.full(len(array), CONSTANT_LIST_SCORE)


def _feedback(fused: Rows, vectors: Vectors) -> Rows:
    """Nearness to the weighted mean of the best passages."""
    best = np.argsort(-fused, kind="stable")[:FEEDBACK_PASSAGES]
    return scale(vectors @ (np.maximum(fused[best], 1e-3) @ vectors[best]))


def _neighbours(fused: Rows, vectors: Vectors) -> Rows:
    """Mean fused score of the nearest other candidates."""
    count = min(NEIGHBOURS, len(fused) - 1)
    if count < 1:
        return np.full(len(fused), CONSTANT_LIST_SCORE)
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :count]
    return scale(fused[nearest].mean(axis=1))
