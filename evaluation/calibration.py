"""How far evidence can be trusted: its weights fitted, and its probability calibrated, on questions whose answers are known.

Each question is asked as it is and, where it has an answer, once more without the documents that hold it, and once spoilt where a rule is
given for that: with one thing changed, so that what answered it only seems to. Sentences and contexts are
weighed on one part of the questions; the probability is calibrated, and thresholds are chosen, on another.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from citewell.core.evidence import Quotable, Signals
from citewell.core.languages import language_of
from citewell.core.types import Candidate, Context, Query, Ranking
from citewell.evaluation.answers import askable
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.measures.answers import contains
from citewell.evaluation.measures.spans import overlap
from citewell.evaluation.topics.gold import Gold, GoldFinder
from citewell.evaluation.topics.types import Dataset, Topic
from citewell.generate.evidence.sentences import Rows
from citewell.generate.evidence.weigh import Scales
from citewell.generate.quotables import quotable_sentences
from citewell.ingest.jobs import Progress
from citewell.pipeline.ask import gather, signals
from citewell.pipeline.retrieve import fetch_depth, retrieve
from citewell.pipeline.wiring import Engine

HELD = 0.5  # share of the shorter of sentence and gold span that both share, for the sentence to hold the answer
PARTS = 20
Spoil = Callable[[str, str], str | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One question asked of one context. `holds` says which sentences hold the answer, None where nobody knows; `sufficient`, whether any
    passage does; `deceptive`, that the passages are about what is asked and do not answer it; `spoilt`, that a rule made it so. `part` is the one of PARTS that the question's article falls into."""

    source: str
    article: str
    part: int
    language: str
    query: Query
    context: Context
    quotables: tuple[Quotable, ...]
    rows: Rows
    signals: Signals
    scales: Scales
    holds: NDArray[np.bool_] | None
    sufficient: bool
    deceptive: bool = False
    spoilt: bool = False

    def described(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """The context's features, given what a sentence model makes of its sentences."""
        return self.scales.describe_whole(self.query, self.context, self.quotables, self.rows, logits, self.signals)


def part_of(name: str) -> int:
    """One of PARTS, by the name of what a question belongs to: its article, or the question itself."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % PARTS


def collect(
    indexed: Indexed, dataset: Dataset, *, parts: Collection[int] | None = None, most: int | None = None, seed: int = 13,
    progress: Progress | None = None, spoil: Spoil | None = None,
) -> Iterator[Case]:  # fmt: skip
    """The cases of a dataset's questions in these parts (None: all), of at most `most` questions chosen by the seed; `spoil` changes a
    question so that a passage does not answer it."""
    engine = indexed.engine
    finder = GoldFinder(engine.catalog, indexed.names)
    titles = {summary.doc_id: summary.title or summary.uri for summary in engine.catalog.summaries()}
    topics, _ = askable(dataset)
    found = [(topic, finder.find(topic, dataset.qrels.get(topic.query_id, {}))) for topic in topics]
    asked = []
    for topic, gold in found:
        article = _article(topic, gold, titles)
        if parts is None or part_of(article) in parts:
            asked.append((topic, gold, article))
    if most is not None and len(asked) > most:
        asked = random.Random(seed).sample(asked, most)  # noqa: S311 (a sample, not a secret)
    for number, (topic, gold, article) in enumerate(asked):
        if progress is not None:
            progress.advance(number, len(asked), topic.text[:60])
        yield from _cases(engine, dataset.name, topic, gold, article, titles, whole_article=number % 2 == 1)
        if spoil is not None and topic.answerable and gold.passages:
            yield from _spoilt(engine, dataset.name, topic, gold, article, spoil)


def _article(topic: Topic, gold: Gold, titles: dict[str, str]) -> str:
    named = sorted(titles[doc_id] for doc_id in gold.documents if doc_id in titles)
    return named[0] if named else topic.text


def _cases(
    engine: Engine, source: str, topic: Topic, gold: Gold, article: str, titles: dict[str, str], *, whole_article: bool
) -> Iterator[Case]:  # fmt: skip
    found = retrieve(engine, engine.snapshot(), topic.query)
    yield from _case(engine, source, topic, gold, article, found.final)
    if topic.answerable and gold.documents:
        lost = set(gold.documents)
        if whole_article:
            lost_titles = {titles[doc_id] for doc_id in gold.documents}
            lost |= {doc_id for doc_id, title in titles.items() if title in lost_titles}
        without = found.final.without({c.chunk_id for c in found.final.candidates if c.doc_id in lost})
        yield from _case(engine, source, topic, None, article, without)


def _spoilt(engine: Engine, source: str, topic: Topic, gold: Gold, article: str, spoil: Spoil) -> Iterator[Case]:
    passages = engine.catalog.passages([Candidate(key, "", 0.0, 1) for key in sorted(gold.passages)])
    changed = spoil(topic.text, "\n".join(passage.chunk.text for passage in passages.values()))
    if changed is not None:
        asked = replace(topic, text=changed, answerable=False, answers=())
        found = retrieve(engine, engine.snapshot(), asked.query)
        yield from _case(engine, source, asked, None, article, found.final, spoilt=True)


def _case(
    engine: Engine,
    source: str,
    topic: Topic,
    gold: Gold | None,
    article: str,
    ranking: Ranking,
    *,
    spoilt: bool = False,
) -> Iterator[Case]:
    """The case of one ranking, of which the documents that answer were taken out where `gold` is None; none where it cannot be told
    whether the context answers, or where it has no sentence."""
    snapshot = engine.snapshot()
    passages = engine.catalog.passages(ranking.head(fetch_depth(engine)).candidates)
    context, _ = gather(engine, topic.query, ranking, passages)
    quotables = tuple(q for passage in context.passages for q in quotable_sentences(passage))
    known = _sufficient(topic, gold, context)
    if known is None or not quotables:
        return
    scales, read = engine.scales(snapshot), signals(engine, snapshot, topic.query, context)
    rows, _ = scales.describe(topic.query, quotables, read)
    holds = None if gold is None else _holds(quotables, topic, gold)
    language = topic.language or language_of(topic.text, "en")
    yield Case(
        source, article, part_of(article), language, topic.query, context, quotables, rows, read, scales, holds, known,
        deceptive=spoilt or not topic.answerable, spoilt=spoilt,
    )  # fmt: skip


def _sufficient(topic: Topic, gold: Gold | None, context: Context) -> bool | None:
    if gold is None:
        return None if _says(context, topic) else False
    if not topic.answerable:
        return False
    if gold.passages:
        return any(passage.chunk.chunk_id in gold.passages for passage in context.passages)
    return _says(context, topic) if topic.answers else True  # somebody says that they answer, and nobody where


def _says(context: Context, topic: Topic) -> bool:
    return any(contains(passage.text, topic.answers) for passage in context.passages)


def _holds(quotables: Sequence[Quotable], topic: Topic, gold: Gold) -> NDArray[np.bool_] | None:
    if gold.level in {"document", "unknown"} or not gold.spans:
        return None
    found = []
    for quotable in quotables:
        own = (quotable.passage.chunk.doc_id, quotable.start_char, quotable.end_char)
        found.append(
            any(
                overlap(own, span) >= HELD * min(span[2] - span[1], quotable.end_char - quotable.start_char)
                for span in gold.spans
            )
        )
    return np.array(found, dtype=bool) if any(found) else None


def sides(cases: Sequence[Case]) -> Counter[tuple[str, bool]]:
    """How many cases of each source are sufficient and how many are not."""
    return Counter((case.source, case.sufficient) for case in cases)
