"""What learning to rank is fitted on: questions of the blend part of `train`, and needs made of its texts that many passages meet."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from citewell.core.sentences import sentence_spans
from citewell.core.settings import Settings
from citewell.core.types import Chunk, Query
from citewell.evaluation.indexing import Indexed, index_dataset
from citewell.evaluation.topics.gold import GoldFinder
from citewell.evaluation.topics.types import Dataset
from citewell.ingest.jobs import Progress
from citewell.pipeline.ask import first_stage
from citewell.pipeline.wiring import Engine
from citewell.rerank.features import describe
from citewell.rerank.learned import Weights
from citewell.rerank.train.groups import bucket
from citewell.rerank.train.linear import Judged, fit, ideal_dcg, ndcg
from citewell.training.prepare import Sources, read_sources
from citewell.training.questions import names_of

BLEND_BUCKETS = range(14, 17)
CHECK_BUCKETS = range(17, 20)
MIN_PASSAGES = 4  # of a text, for its passages to be each other's company
NEEDS = 4  # sentences of one text at most that are taken as a need
NEED_WORDS = (9, 32)
LEAST_SET = 20  # questions: fewer tell nothing
QUESTION_SHARE = 2 / 3


def judged_questions(indexed: Indexed, dataset: Dataset, buckets: range) -> list[Judged]:
    """The answerable questions of these parts; the passages that hold the evidence are relevant."""
    engine = indexed.engine
    finder = GoldFinder(engine.catalog, indexed.names)
    titles = names_of(engine)
    judged = []
    for topic in dataset.topics:
        if topic.answerable is False:
            continue
        gold = finder.find(topic, dataset.qrels.get(topic.query_id, {}))
        title = titles[next(iter(gold.documents))] if len(gold.documents) == 1 else topic.text
        if gold.passages and bucket(title) in buckets:
            judged.append(_judged(engine, topic.text, gold.passages, frozenset()))
    return judged


def judged_needs(indexed: Indexed, buckets: range, seed: int) -> list[Judged]:
    """Sentences as needs: the other passages of the text that a sentence stands in are relevant, its own is left out."""
    engine = indexed.engine
    by_title: dict[str, list[Chunk]] = {}
    for doc_id, title in sorted(names_of(engine).items()):
        if bucket(title) in buckets:
            by_title.setdefault(title, []).extend(engine.catalog.chunks_of(doc_id))
    judged = []
    for title, chunks in sorted(by_title.items()):
        if len(chunks) < MIN_PASSAGES:
            continue
        chance = random.Random(f"{seed} {title}")  # noqa: S311 (a sample, not a secret)
        for chunk, need in _needs(chunks, chance):
            others = frozenset(c.chunk_id for c in chunks) - {chunk.chunk_id}
            judged.append(_judged(engine, need, others, frozenset({chunk.chunk_id})))
    return judged


def _needs(chunks: Sequence[Chunk], chance: random.Random) -> Iterator[tuple[Chunk, str]]:
    least, most = NEED_WORDS
    for chunk in chance.sample(chunks, min(NEEDS, len(chunks))):
        texts = [" ".join(chunk.text[start:end].split()) for start, end in sentence_spans(chunk.text)]
        usable = [text for text in texts if least <= len(text.split()) <= most]
        if usable:
            yield chunk, chance.choice(usable)


def _judged(engine: Engine, question: str, relevant: frozenset[str], without: frozenset[str]) -> Judged:
    """The candidates that learning to rank would be given, but for those in `without`."""
    settings = engine.settings
    first = first_stage(engine, engine.snapshot(), Query(question))
    head = first.fuse(settings.fusion).without(without).head(settings.rerank.ltr_depth)
    rows, traits = describe(question, first.facts(head))
    gains = [float(c.chunk_id in relevant) for c in head.candidates]
    return Judged(rows, traits, np.array(gains), ideal_dcg([1.0] * len(relevant)))


def fit_blend(
    sources: Sources, settings: Settings, cache: Path, seed: int, progress: Progress | None = None
) -> dict[str, object]:
    """Fits on the blend part; `terms` are the weights, `fitted` and `held_out` nDCG@10 by set, fused order and learned.

    Needs weigh half as much as questions: people ask more often than they browse.
    """
    fitting: dict[str, list[Judged]] = {}
    checking: dict[str, list[Judged]] = {}
    for dataset in read_sources(sources):
        indexed = index_dataset(dataset, settings, cache, cache, progress)
        for kind, sets in ((BLEND_BUCKETS, fitting), (CHECK_BUCKETS, checking)):
            for name, judged in (
                (f"{dataset.name} questions", judged_questions(indexed, dataset, kind)),
                (f"{dataset.name} needs", judged_needs(indexed, kind, seed)),
            ):
                if len(judged) >= LEAST_SET:
                    sets[name] = judged
    shares = _shares(list(fitting))
    weights, figures = fit(fitting, shares)
    plain = Weights(terms={})
    return {
        "terms": dict(weights.terms),
        "fitted": {n: [len(fitting[n]), round(a, 4), round(b, 4)] for n, (a, b) in figures.items()},
        "held_out": {n: [len(j), round(ndcg(plain, j), 4), round(ndcg(weights, j), 4)] for n, j in checking.items()},
        "seed": seed,
    }


def _shares(names: Sequence[str]) -> dict[str, float]:
    """Sets of a kind share its weight evenly."""
    needs = [name for name in names if name.endswith(" needs")]
    questions = [name for name in names if name not in needs]
    if not questions or not needs:
        return dict.fromkeys(names, 1 / max(1, len(names)))
    return dict.fromkeys(questions, QUESTION_SHARE / len(questions)) | dict.fromkeys(
        needs, (1 - QUESTION_SHARE) / len(needs)
    )
