"""Hard negatives: passages that our own retrieval finds for a question and that do not answer it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np

from citewell.core.settings import FusionSettings
from citewell.core.types import Chunk, Query, headed
from citewell.evaluation.topics.gold import locate
from citewell.index.fusion import fuse
from citewell.index.snapshot import Snapshot
from citewell.ingest.jobs import Progress
from citewell.pipeline.retrieve import FirstStage
from citewell.pipeline.wiring import Engine
from citewell.rerank.train.groups import Group, TrainingPassage, bucket
from citewell.training.questions import DEV_BUCKET, TRAINED_BUCKETS, Asked, bare_text, header_of, names_of

DEPTH = 40  # of the fused ranking
NEAR = 8  # half of the negatives come from the first so many
BLOCK = 64  # questions embedded together
CONSISTENT_RANK = 10  # a question made of text is kept when the bi-encoder ranks its passage among the first so many
MARGIN = 0.97  # of its own passage's similarity: what comes nearer may be as good an answer to a question made of text
SAME = 0.8  # share of words: such passages say the same
LEAST_ANSWER = 3  # characters: shorter answers stand in too many passages by chance


def mine(
    engine: Engine, asked: Sequence[Asked], negatives: int, seed: int, progress: Progress | None = None
) -> Iterator[Group]:
    """A group for each question that may train weights and for which enough wrong passages are found.

    A passage is no negative when it holds an accepted answer, says the same as the question's own, when its title belongs to a reserved
    part, or, for a question made of text, when the bi-encoder likes it nearly as much as the question's own passage.
    """
    snapshot = engine.snapshot()
    titles = names_of(engine)
    usable = [
        item
        for item in asked
        if bucket(item.title) in TRAINED_BUCKETS and bucket(titles[item.chunk.doc_id]) in TRAINED_BUCKETS
    ]
    for at in range(0, len(usable), BLOCK):
        block = usable[at : at + BLOCK]
        if progress is not None:
            progress.advance(at, len(usable), block[0].question[:60])
        questions = engine.embedder.embed_questions([item.question for item in block])
        own = engine.embedder.embed([headed(item.header, item.text) for item in block])
        snapshot.dense.remember([item.question for item in block], questions)
        for item, similarity in zip(block, np.sum(questions * own, axis=1).tolist(), strict=True):
            chance = random.Random(f"{seed} {item.question}")  # noqa: S311 (a sample, not a secret)
            group = _group(engine, snapshot, item, similarity, titles, negatives, chance)
            if group is not None:
                yield group


def _group(
    engine: Engine, snapshot: Snapshot, item: Asked, similarity: float, titles: dict[str, str], negatives: int, chance: random.Random,
) -> Group | None:  # fmt: skip
    found = _candidates(engine, snapshot, item.question)
    if item.kind != "asked":
        better = [key for key, _, score in found if score > similarity and key not in item.holding]
        if len(better) >= CONSISTENT_RANK:
            return None
        found = [(key, chunk, score) for key, chunk, score in found if score <= MARGIN * similarity]
    wrong = [
        (chunk, score)
        for key, chunk, score in found
        if key not in item.holding
        and bucket(titles[chunk.doc_id]) in TRAINED_BUCKETS
        and not _holds_answer(chunk, item.answers)
        and _overlap(chunk.text, item.chunk.text) < SAME
    ]
    chosen = _choose(wrong, negatives, chance)
    if len(chosen) < negatives:
        return None
    plain = item.kind in {"heading", "title"}  # the question's words were taken out of its passage, and so are theirs
    others = [
        TrainingPassage(header=header_of(chunk, item.heads), text=bare_text(chunk) if plain else chunk.text)
        for chunk, _ in chosen
    ]
    own = TrainingPassage(header=item.header, text=item.text)
    return Group(
        source=item.source,
        kind=item.kind,
        split="dev" if bucket(item.title) == DEV_BUCKET else "train",
        question=item.question,
        passages=(own, *others),
        prior=(round(similarity, 4), *(round(score, 4) for _, score in chosen)),
        spans=item.spans,
        answerable=item.answerable,
        ranked=item.ranked,
    )


def _candidates(engine: Engine, snapshot: Snapshot, question: str) -> list[tuple[str, Chunk, float]]:
    """The head of the fused ranking with the cosine similarity of each passage."""
    query = Query(question)
    first = FirstStage(snapshot, query, snapshot.bm25.search(query, DEPTH), snapshot.dense.search(query, DEPTH))
    ranking = fuse(first.bm25, first.dense, lambda: first.scores, FusionSettings()).head(DEPTH)
    passages = engine.catalog.passages(ranking.candidates)
    similarities = first.scores[1]
    return [
        (c.chunk_id, passages[c.chunk_id].chunk, similarities[c.chunk_id])
        for c in ranking.candidates
        if c.chunk_id in passages
    ]


def _holds_answer(chunk: Chunk, answers: Sequence[str]) -> bool:
    return any(len(answer) >= LEAST_ANSWER and locate(chunk.text, answer) for answer in answers)


def _overlap(one: str, other: str) -> float:
    """Jaccard similarity of their words."""
    a, b = set(one.casefold().split()), set(other.casefold().split())
    return len(a & b) / len(a | b) if a | b else 0.0


def _choose(wrong: Sequence[tuple[Chunk, float]], count: int, chance: random.Random) -> list[tuple[Chunk, float]]:
    """Half of them from the first NEAR, the rest from all that follow."""
    near, far = list(wrong[:NEAR]), list(wrong[NEAR:])
    chance.shuffle(near)
    chance.shuffle(far)
    half = (count + 1) // 2
    return (near[:half] + far + near[half:])[:count]
