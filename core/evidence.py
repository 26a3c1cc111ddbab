"""What is known of a context's sentences when an answer is made: which may be quoted, and how likely each holds the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from citewell.core.answers import Sufficiency
from citewell.core.types import Chunk, Citation, Passage, Reading


@dataclass(frozen=True, slots=True)
class Signals:
    """What each stage says of the passages of a context, by passage id, as raw as it says it; what was not asked is missing."""

    bm25: Mapping[str, float] = field(default_factory=dict)
    cosine: Mapping[str, float] = field(default_factory=dict)
    readings: Mapping[str, Reading] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quotable:
    """A sentence of a passage that may be quoted; offsets are those of the document.

    `asked` is the question that it answers in its document, as in a list of questions and answers; `columns` names the columns of a table's
    row.
    """

    passage: Passage
    start_char: int
    end_char: int
    text: str
    asked: str = ""
    columns: str = ""

    @property
    def read(self) -> str:
        """The sentence as it is embedded: under its headings and columns, without which a pronoun or a table row says little."""
        above = " › ".join(part for part in (self.passage.chunk.header, self.asked, self.columns) if part)
        return f"{above}: {self.text}" if above else self.text

    @property
    def alone(self) -> Chunk:
        """The sentence as a passage of its own, under its headings and columns."""
        chunk = self.passage.chunk
        text = chunk.text[self.start_char - chunk.start_char : self.end_char - chunk.start_char]
        key = f"{chunk.chunk_id} {self.start_char}-{self.end_char}"
        path = (*chunk.heading_path, *(part for part in (self.asked, self.columns) if part))
        return replace(
            chunk, chunk_id=key, start_char=self.start_char, end_char=self.end_char, text=text, heading_path=path
        )

    @property
    def citation(self) -> Citation:
        """What cites it."""
        return self.passage.cite(self.start_char, self.end_char)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sentences of a context, the log odds of each that it holds the answer, unit vectors of their meaning, and what follows for the
    context as a whole. Arrays have a row a sentence."""

    quotables: tuple[Quotable, ...]
    logits: NDArray[np.float64]
    vectors: NDArray[np.float32]
    signals: Signals
    sufficiency: Sufficiency
