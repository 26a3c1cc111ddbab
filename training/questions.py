"""Questions to train on: those of datasets, and those made from text that nobody has asked anything about."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from citewell.core.errors import DatasetInvalid
from citewell.core.sentences import sentence_spans
from citewell.core.types import Chunk
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.topics.gold import GoldFinder
from citewell.evaluation.topics.types import Dataset, Topic
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
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the passage it belongs to as the model shall read it, and the passages that must not count as wrong.

    `header` and `text` may lack what the question was made of. `spans` lie in `text`. `holding` are ids of passages that answer it.
    """

    source: str
    kind: str
    title: str
    question: str
    chunk: Chunk
    header: str
    text: str
    holding: frozenset[str]
    spans: tuple[tuple[int, int], ...] = ()
    answers: tuple[str, ...] = ()
    answerable: bool | None = None
    ranked: bool = True


def refuse_measured(path: Path) -> None:
    """Raises DatasetInvalid for a path inside a folder called `measure`, links followed."""
    for place in (path, path.resolve()):
        if FORBIDDEN in place.parts:
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
            chunk for doc_id in sorted(gold.documents) for chunk in chunks[doc_id] if chunk.chunk_id in gold.passages
        ]
        if topic.answerable is not False and len(held) > MAX_HOLDING:
            continue
        named = titles[held[0].doc_id] if len(gold.documents) == 1 else ""
        yield _asked(dataset.name, topic, held[0], named or topic.text, gold.spans, gold.passages)


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
        source=source, kind="asked", title=title, question=topic.text, chunk=chunk, header=chunk.header, text=chunk.text,
        holding=holding, spans=tuple(sorted(set(inside))) if topic.answerable else (), answers=topic.answers,
        answerable=answerable, ranked=topic.answerable is not False,
    )  # fmt: skip


def asked_of_text(indexed: Indexed, source: str, per_document: int, seed: int) -> Iterator[Asked]:
    """Questions made of the text itself: a heading to its section, a sentence to the passage it was taken from, a title to its text."""
    catalog = indexed.engine.catalog
    for summary in sorted(catalog.summaries(), key=lambda s: s.uri):
        if bucket(summary.title or summary.uri) not in TRAINED_BUCKETS:
            continue
        chance = random.Random(f"{seed} {summary.doc_id}")  # noqa: S311 (a sample, not a secret)
        chunks = [c for c in catalog.chunks_of(summary.doc_id) if len(c.text.split()) >= MIN_PASSAGE_WORDS]
        made = [
            asked
            for number, chunk in enumerate(chunks)
            for asked in _made_of(source, summary.title or summary.uri, chunk, number == 0, chance)
        ]
        chance.shuffle(made)
        yield from made[:per_document]


def _made_of(source: str, title: str, chunk: Chunk, is_first: bool, chance: random.Random) -> Iterator[Asked]:
    keep_header = chance.random() < KEEP_HEADER
    heading = chunk.heading_path[-1].strip() if chunk.heading_path else ""
    own_title = chunk.title.partition(" - ")[2] or chunk.title
    if heading and not EMPTY_HEADING.match(heading) and len(_WORD.findall(heading)) >= MIN_HEADING_WORDS:
        question = f"{own_title} {heading}" if chance.random() < 0.3 and own_title not in heading else heading
        yield _synthetic(
            source, "heading", title, question, chunk, chunk.title if keep_header and own_title not in question else ""
        )
    elif is_first and not heading and len(_WORD.findall(own_title)) >= MIN_HEADING_WORDS:
        yield _synthetic(source, "title", title, own_title, chunk, "")
    spans = sentence_spans(chunk.text)
    usable = [s for s in spans if MIN_WORDS * 2 <= len(chunk.text[s[0] : s[1]].split()) <= MAX_WORDS]
    if len(spans) < 3 or not usable:
        return
    start, end = chance.choice(usable)
    question = _thinned(chunk.text[start:end], chance)
    text = chunk.text if chance.random() < KEEP_SENTENCE else chunk.text[:start] + chunk.text[end:].lstrip()
    if len(text.split()) >= MIN_PASSAGE_WORDS and len(question.split()) >= MIN_WORDS:
        yield _synthetic(source, "sentence", title, question, chunk, chunk.header if keep_header else "", text.strip())


def _synthetic(source: str, kind: str, title: str, question: str, chunk: Chunk, header: str, text: str = "") -> Asked:
    return Asked(
        source=source, kind=kind, title=title, question=" ".join(question.split()), chunk=chunk, header=header,
        text=text or chunk.text, holding=frozenset({chunk.chunk_id}),
    )  # fmt: skip


def _thinned(sentence: str, chance: random.Random) -> str:
    """The sentence without some of its words, as people type."""
    share = chance.choice(DROPPED_WORDS)
    words = [word for word in sentence.split() if chance.random() >= share]
    return " ".join(words)


def names_of(engine: Engine) -> dict[str, str]:
    """By which name each living document is put into a part: its title, or its path where it has none."""
    return {summary.doc_id: summary.title or summary.uri for summary in engine.catalog.summaries()}
