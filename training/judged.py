"""What blends are fitted on: questions of a part of `train`, and needs made of its texts that many passages meet."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from citewell.core.sentences import sentence_spans
from citewell.core.settings import Settings
from citewell.core.types import Chunk, Query, Ranking
from citewell.evaluation.indexing import Indexed, index_dataset
from citewell.evaluation.topics.gold import GoldFinder
from citewell.evaluation.topics.types import Dataset
from citewell.ingest.jobs import Progress
from citewell.pipeline.retrieve import FirstStage, first_stage
from citewell.pipeline.wiring import Engine
from citewell.rerank.train.groups import bucket
from citewell.rerank.train.linear import ideal_dcg
from citewell.training.prepare import Sources, read_sources
from citewell.training.questions import names_of

T = TypeVar("T")
BLEND_BUCKETS = range(14, 17)
CHECK_BUCKETS = range(17, 20)
MIN_PASSAGES = 4  # of a text, for its passages to be each other's company
NEEDS = 4  # sentences of one text at most that are taken as a need
NEED_WORDS = (9, 32)
LEAST_SET = 20  # questions: fewer tell nothing
QUESTION_SHARE = 2 / 3  # people ask more often than they browse
NEEDS_NAME = " needs"


@dataclass(frozen=True, slots=True)
class Need:
    """A question or a need, the ids of the passages that meet it, and those that it was made of."""

    text: str
    relevant: frozenset[str]
    without: frozenset[str] = frozenset()

    def head(self, engine: Engine) -> tuple[FirstStage, Ranking]:
        """The candidates that learning to rank is given, but for those that it was made of."""
        settings = engine.settings
        first = first_stage(engine, engine.snapshot(), Query(self.text))
        return first, first.fuse(settings.fusion).without(self.without).head(settings.rerank.ltr_depth)

    def gains(self, ranking: Ranking) -> NDArray[np.float64]:
        """1 for a relevant candidate, else 0."""
        return np.array([float(c.chunk_id in self.relevant) for c in ranking.candidates])

    @property
    def ideal(self) -> float:
        """DCG@10 of the best order of all that is relevant."""
        return ideal_dcg([1.0] * len(self.relevant))


def questions_of(indexed: Indexed, dataset: Dataset, buckets: range) -> list[Need]:
    """The answerable questions of these parts; the passages that hold the evidence are relevant."""
    finder = GoldFinder(indexed.engine.catalog, indexed.names)
    titles = names_of(indexed.engine)
    needs = []
    for topic in dataset.topics:
        if topic.answerable is False:
            continue
        gold = finder.find(topic, dataset.qrels.get(topic.query_id, {}))
        title = titles[next(iter(gold.documents))] if len(gold.documents) == 1 else topic.text
        if gold.passages and bucket(title) in buckets:
            needs.append(Need(topic.text, gold.passages))
    return needs


def needs_of(indexed: Indexed, buckets: range, seed: int) -> list[Need]:
    """Sentences as needs: the other passages of the text that a sentence stands in are relevant, its own is left out."""
    engine = indexed.engine
    by_title: dict[str, list[Chunk]] = {}
    for doc_id, title in sorted(names_of(engine).items()):
        if bucket(title) in buckets:
            by_title.setdefault(title, []).extend(engine.catalog.chunks_of(doc_id))
    needs = []
    for title, chunks in sorted(by_title.items()):
        if len(chunks) < MIN_PASSAGES:
            continue
        chance = random.Random(f"{seed} {title}")  # noqa: S311 (a sample, not a secret)
        for chunk, text in _sentences(chunks, chance):
            own = frozenset({chunk.chunk_id})
            needs.append(Need(text, frozenset(c.chunk_id for c in chunks) - own, own))
    return needs


def _sentences(chunks: Sequence[Chunk], chance: random.Random) -> Iterator[tuple[Chunk, str]]:
    least, most = NEED_WORDS
    for chunk in chance.sample(chunks, min(NEEDS, len(chunks))):
        texts = [" ".join(chunk.text[start:end].split()) for start, end in sentence_spans(chunk.text)]
        usable = [text for text in texts if least <= len(text.split()) <= most]
        if usable:
            yield chunk, chance.choice(usable)


def collect(
    sources: Sources, settings: Settings, cache: Path, seed: int, judge: Callable[[Engine, Need], T], most: int | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, list[T]], dict[str, list[T]]]:  # fmt: skip
    """What `judge` makes of the questions and needs of every source, by set: those to fit on, and those to check with.

    Of a set at most `most` are taken, chosen by the seed; a set of fewer than LEAST_SET is left out.
    """
    fitting: dict[str, list[T]] = {}
    checking: dict[str, list[T]] = {}
    for dataset in read_sources(sources):
        indexed = index_dataset(dataset, settings, cache, cache, progress)
        for part, sets in ((BLEND_BUCKETS, fitting), (CHECK_BUCKETS, checking)):
            for name, needs in (
                (f"{dataset.name} questions", questions_of(indexed, dataset, part)),
                (f"{dataset.name}{NEEDS_NAME}", needs_of(indexed, part, seed)),
            ):
                if len(needs) < LEAST_SET:
                    continue
                if most is not None and len(needs) > most:
                    needs = random.Random(seed).sample(needs, most)  # noqa: S311 (a sample, not a secret)
                sets[name] = list(_judged(indexed.engine, name, needs, judge, progress))
    return fitting, checking


def _judged(
    engine: Engine, name: str, needs: Sequence[Need], judge: Callable[[Engine, Need], T], progress: Progress | None
) -> Iterator[T]:
    for number, need in enumerate(needs):
        if progress is not None:
            progress.advance(number, len(needs), name)
        yield judge(engine, need)


def shares_of(names: Sequence[str]) -> Mapping[str, float]:
    """What each set counts: sets of a kind share its weight evenly, and needs count half as much as questions."""
    needs = [name for name in names if name.endswith(NEEDS_NAME)]
    questions = [name for name in names if name not in needs]
    if not questions or not needs:
        return dict.fromkeys(names, 1 / max(1, len(names)))
    return dict.fromkeys(questions, QUESTION_SHARE / len(questions)) | dict.fromkeys(
        needs, (1 - QUESTION_SHARE) / len(needs)
    )
