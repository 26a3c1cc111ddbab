"""Topics with what is known of their answers, and the datasets that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from citewell.core.filters import parse_filter
from citewell.core.types import Query
from citewell.ingest.jobs import IngestReport, Progress
from citewell.pipeline.wiring import Engine

Qrels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of a conversation; `role` is `user` or whoever answered."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the answer stands: a document by its name in the dataset, and in it a quote, a span, both or neither.

    Offsets count code points; with a quote they are a hint which of its occurrences is meant.
    """

    document: str
    quote: str = ""
    start_char: int | None = None
    end_char: int | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """A question with what is known of its answer; `answerable` is None where nobody has said."""

    query_id: str
    text: str
    history: tuple[Turn, ...] = ()
    answerable: bool | None = None
    answers: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    language: str = ""
    filter: str = ""
    tags: tuple[str, ...] = ()

    @property
    def query(self) -> Query:
        """What the pipeline is asked."""
        return Query(self.text, self.query_id, filter=parse_filter(self.filter))


def as_question(text: str) -> str:
    """The text as the query path reads a question: white space folded, lone surrogates replaced."""
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


class Corpus(Protocol):
    """Documents that can be indexed: their name, their checksum, and how they get into an index."""

    @property
    def name(self) -> str:
        """The source's name."""
        ...

    @property
    def sha256(self) -> str:
        """Names the documents by their content."""
        ...

    def ingest(self, engine: Engine, progress: Progress | None) -> IngestReport:
        """Brings the engine's index up to the corpus."""
        ...

    def document_name(self, uri: str) -> str:
        """What the dataset calls the document that the index calls `uri`."""
        ...


@dataclass(frozen=True, slots=True)
class Dataset:
    """Topics and qrels over a corpus; without one they are asked of the index that is there.

    `notes` says what was left out in reading, each with its file and line.
    """

    name: str
    location: Path
    topics: tuple[Topic, ...]
    qrels: Qrels
    corpus: Corpus | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def judged(self) -> tuple[Topic, ...]:
        """The topics that have qrels, in their order."""
        return tuple(topic for topic in self.topics if topic.query_id in self.qrels)
