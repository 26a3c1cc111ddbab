"""What the first stages know of the candidates of one query, in the candidates' order."""

from __future__ import annotations

from dataclasses import dataclass

from citewell.core.protocols import Vectors
from citewell.core.types import Ranking


@dataclass(frozen=True, slots=True)
class CandidateFacts:
    """`vectors` are the unit vectors of the passages of `ranking`, `(n, dimension) float32`."""

    ranking: Ranking
    vectors: Vectors

    def __post_init__(self) -> None:
        if len(self.vectors) != len(self.ranking):
            raise ValueError("every candidate needs its vector")
