"""Where in a passage the answer stands, from the logits of its tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_ANSWER_TOKENS = 30
OUTSIDE = -1e4  # logit of a place where no answer can be


def best_span(
    start: NDArray[np.float32], end: NDArray[np.float32], longest: int = MAX_ANSWER_TOKENS
) -> tuple[int, int, float]:
    """The first and last token (inclusive) of the likeliest answer of at most `longest` tokens, and its logit."""
    scores = np.where(
        np.triu(np.tril(np.ones((len(start), len(start)), dtype=bool), longest - 1)),
        start[:, None] + end[None, :],
        -np.inf,
    )
    first, last = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(first), int(last), float(scores[first, last])
