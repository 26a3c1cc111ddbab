"""Which documents say nearly the same: MinHash signatures of their runs of words (Broder, SEQUENCES 1997), compared where a band of them agrees.

The share of equal numbers in two signatures estimates the share of runs that the documents have in common (Jaccard); with 64 numbers its
standard error is at most .06. Two documents are compared when at least one of 16 bands of 4 numbers is equal: that finds .80 alike with
probability .9998.
"""

from __future__ import annotations

import re
import sqlite3

import numpy as np

NUMBERS = 64
BANDS = 16
RUN_WORDS = 5
MIN_WORDS = 20  # of a document; what is shorter says too little to be told apart
ALIKE = 0.8
_SEED = 1
_WORD = re.compile(r"\w+")


def signature_of(text: str) -> bytes | None:
    """The signature of a text; None for one of few words."""
    from datasketch import MinHash  # a third of the time in which everything else of a command is imported

    words = _WORD.findall(text.casefold())
    if len(words) < MIN_WORDS:
        return None
    runs = {" ".join(words[at : at + RUN_WORDS]).encode() for at in range(len(words) - RUN_WORDS + 1)}
    made = MinHash(num_perm=NUMBERS, seed=_SEED)
    made.update_batch(sorted(runs))
    return bytes(made.hashvalues.astype("<u4").tobytes())


def likeness(one: bytes, other: bytes) -> float:
    """The estimated share of runs of words that two texts have in common, from 0 to 1."""
    return float((np.frombuffer(one, dtype="<u4") == np.frombuffer(other, dtype="<u4")).mean())


def store_signature(db: sqlite3.Connection, row_id: int, text: str) -> None:
    """Stores the signature of a document's row and its bands."""
    signature = signature_of(text)
    if signature is None:
        return
    db.execute("INSERT OR REPLACE INTO signatures VALUES (?, ?)", (row_id, signature))
    size = len(signature) // BANDS
    bands = [(band, signature[band * size : (band + 1) * size], row_id) for band in range(BANDS)]
    db.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?, ?)", bands)
