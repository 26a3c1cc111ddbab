"""Questions to train on: those of datasets, and those made from text that nobody has asked anything about."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from citewell.core.errors import DatasetInvalid
from citewell.core.sentences import sentence_spans
from citewell.core.types import Chunk
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.topics.gold import GoldFinder
from citewell.evaluation.topics.types import Dataset, Topic
from citewell.ingest.parsed import CELLS
from citewell.pipeline.wiring import Engine
from citewell.rerank.train.groups import bucket

FORBIDDEN = "measure"  # a folder of this name holds what is reported; it is never fitted on
TRAINED_BUCKETS = range(14)
DEV_BUCKET = 13
MIN_WORDS, MAX_WORDS = 4, 32  # of a sentence that is taken as a question
MIN_HEADING_WORDS = 2
MIN_PASSAGE_WORDS = 20
MAX_HOLDING = 3  # a question whose evidence stands in more passages is too loosely judged to learn from
KEEP_SENTENCE = 0.15  # of the questions made of a sentence leave it in its passage: exact matches count too
KEEP_HEADER = 0.3
DROPPED_WORDS = (0.0, 0.2, 0.4)
# Headings that say nothing of what stands below them.
EMPTY_HEADING = re.compile(
    r"^(?:see also|examples?|notes?|parameters?|arguments?|returns?|description|synopsis|options|overview|introduction|summary|references|"
    r"contents|index|usage|syntax|methods?|attributes?|functions?|classes|properties|table of contents|request|response|navigation|"
    r"copyright|license|authors?|methods|\W*|.{0,6})$",
    re.I,
)
_MARKS = re.compile(r"[¶#🔗\s]+$")  # links that pages put behind their headings
_WORD = re.compile(r"\w+")
Heads = Literal["none", "title", "full"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the passage it belongs to as the model shall read it, and the passages that must not count as wrong.

    `text` may lack what the question was made of; `heads` says what is read above it and above the wrong passages alike. `spans` lie in
    `text`. `holding` are ids of passages that answer the question.
    """

    source: str
    kind: str
    title: str
    question: str
    chunk: Chunk
    text: str
    holding: frozenset[str]
    heads: Heads = "full"
    spans: tuple[tuple[int, int], ...] = ()
    answers: tuple[str, ...] = ()
    answerable: bool | None = None
    ranked: bool = True

    @property
    def header(self) -> str:
        """What is read above the text."""
        return header_of(self.chunk, self.heads)


def refuse_measured(path: Path) -> None:
    """Raises DatasetInvalid for a path inside a folder called `measure`, links followed, and for a folder that holds one."""
    for place in (path, path.resolve()):
        if FORBIDDEN in place.parts or (place / FORBIDDEN).exists():
            raise DatasetInvalid(
                f"{path} lies in `{FORBIDDEN}`, which is reported and never trained on", hint="Train on `train`."
            )


def asked_of_dataset(indexed: Indexed, dataset: Dataset) -> Iterator[Asked]:
    """The questions of a dataset that may train weights, each with the passage that holds its evidence."""
    catalog = indexed.engine.catalog
    titles = names_of(indexed.engine)
    finder = GoldFinder(catalog, indexed.names)
    chunks: dict[str, list[Chunk]] = {}
    for topic in dataset.topics:
        gold = finder.find(topic, dataset.qrels.get(topic.query_id, {}))
        if not gold.passages:
            continue
        for doc_id in gold.documents:
            chunks.setdefault(doc_id, catalog.chunks_of(doc_id))
        held = [
            chunk
            for doc_id in sorted(gold.documents)
            for chunk in chunks[doc_id]
            if chunk.chunk_id in gold.passages and bucket(titles[doc_id]) in TRAINED_BUCKETS
        ]
        if not held or (topic.answerable is not False and len(gold.passages) > MAX_HOLDING):
            continue
        named = titles[held[0].doc_id] if len(gold.documents) == 1 else ""
        yield _asked(dataset.name, topic, _closest(topic.text, held), named or topic.text, gold.spans, gold.passages)


def _closest(question: str, held: Sequence[Chunk]) -> Chunk:
    """The passage that shares most words with the question, of those where the answer's words stand."""
    asked = set(_WORD.findall(question.casefold()))
    return max(held, key=lambda chunk: len(asked & set(_WORD.findall(chunk.text.casefold()))))


def _asked(
    source: str, topic: Topic, chunk: Chunk, title: str, spans: Sequence[tuple[str, int, int]], holding: frozenset[str]
) -> Asked:
    inside = [
        (start - chunk.start_char, end - chunk.start_char)
        for doc_id, start, end in spans
        if doc_id == chunk.doc_id and chunk.start_char <= start and end <= chunk.end_char
    ]
    answerable = topic.answerable if inside or topic.answerable is False else None
    return Asked(
        source=source, kind="asked", title=title, question=topic.text, chunk=chunk, text=chunk.text,
        holding=holding, spans=tuple(sorted(set(inside))) if topic.answerable else (), answers=topic.answers,
        answerable=answerable, ranked=topic.answerable is not False,
    )  # fmt: skip


def asked_of_text(indexed: Indexed, source: str, per_document: int, seed: int) -> Iterator[Asked]:
    """Questions made of the text itself: a heading to its section, a sentence to the passage it was taken from, a title to its text.

    What stands in several places of a text asks for none of them, and what another text said is not asked again.
    """
    catalog = indexed.engine.catalog
    summaries = sorted(catalog.summaries(), key=lambda s: s.uri)
    parts = Counter(part for s in summaries for part in set(_title_parts(s.title)))
    seen: set[str] = set()
    for summary in summaries:
        if bucket(summary.title or summary.uri) not in TRAINED_BUCKETS:
            continue
        chance = random.Random(f"{seed} {summary.doc_id}")  # noqa: S311 (a sample, not a secret)
        own_title = max((p for p in _title_parts(summary.title) if parts[p] == 1), key=len, default="")
        chunks = [c for c in catalog.chunks_of(summary.doc_id) if len(c.text.split()) >= MIN_PASSAGE_WORDS]
        made: list[Asked] = []
        for number, chunk in enumerate(chunks):
            maker = _Maker(source, summary.title or summary.uri, chunk, chance)
            made += [*maker.of_heading(), *(maker.of_title(own_title) if number == 0 else ()), *maker.of_sentence()]
        times = Counter(asked.question.casefold() for asked in made)
        fresh = [a for a in made if times[a.question.casefold()] == 1 and a.question.casefold() not in seen]
        seen |= set(times)
        chance.shuffle(fresh)
        yield from fresh[:per_document]


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes questions of one passage."""

    source: str
    title: str
    chunk: Chunk
    chance: random.Random

    def of_heading(self) -> Iterator[Asked]:
        """The heading as a question to its section, which is read without it."""
        above = [name for name in self.chunk.heading_path if CELLS not in name]  # the names of columns ask nothing
        heading = _MARKS.sub("", above[-1]).strip() if above else ""
        if heading and not EMPTY_HEADING.match(heading) and len(_WORD.findall(heading)) >= MIN_HEADING_WORDS:
            titled = self.chance.random() < KEEP_HEADER and heading.casefold() not in self.chunk.title.casefold()
            yield self._asked("heading", heading, "title" if titled else "none", bare_text(self.chunk))

    def of_title(self, own_title: str) -> Iterator[Asked]:
        """The title as a question to the first passage, which is read without it."""
        if not self.chunk.heading_path and len(_WORD.findall(own_title)) >= MIN_HEADING_WORDS:
            yield self._asked("title", own_title, "none", bare_text(self.chunk))

    def of_sentence(self) -> Iterator[Asked]:
        """One of the sentences as a question to the others."""
        text = self.chunk.text
        spans = sentence_spans(text)
        usable = [s for s in spans if MIN_WORDS * 2 <= len(text[s[0] : s[1]].split()) <= MAX_WORDS]
        if len(spans) < 3 or not usable:
            return
        start, end = self.chance.choice(usable)
        question = _thinned(text[start:end], self.chance)
        rest = text if self.chance.random() < KEEP_SENTENCE else (text[:start] + text[end:].lstrip()).strip()
        if len(rest.split()) >= MIN_PASSAGE_WORDS and len(question.split()) >= MIN_WORDS:
            yield self._asked("sentence", question, "full" if self.chance.random() < KEEP_HEADER else "none", rest)

    def _asked(self, kind: str, question: str, heads: Heads, text: str) -> Asked:
        return Asked(
            source=self.source, kind=kind, title=self.title, question=" ".join(question.split()), chunk=self.chunk, text=text,
            holding=frozenset({self.chunk.chunk_id}), heads=heads,
        )  # fmt: skip


def header_of(chunk: Chunk, heads: Heads) -> str:
    """What stands above a passage as the model reads it; the same rule holds for all passages of a question."""
    return {"none": "", "title": chunk.title, "full": chunk.header}[heads]


def bare_text(chunk: Chunk) -> str:
    """The text without the lines of title and headings that it begins with; all of it when nothing else is left."""
    named = {_MARKS.sub("", name).strip() for name in (chunk.title, *chunk.heading_path)}
    lines = chunk.text.split("\n")
    while lines and (not lines[0].strip() or _MARKS.sub("", lines[0]).strip() in named):
        lines.pop(0)
    return "\n".join(lines).strip() or chunk.text


def _title_parts(title: str) -> list[str]:
    """What a title says, apart from the name of the site that it belongs to."""
    return [part.strip() for part in re.split(r" [-–—|:]{1,2} ", title) if part.strip()]


def _thinned(sentence: str, chance: random.Random) -> str:
    """The sentence without some of its words, as people type."""
    share = chance.choice(DROPPED_WORDS)
    words = [word for word in sentence.split() if chance.random() >= share]
    return " ".join(words)


def names_of(engine: Engine) -> dict[str, str]:
    """By which name each living document is put into a part: its title, or its path where it has none."""
    return {summary.doc_id: summary.title or summary.uri for summary in engine.catalog.summaries()}
