"""Datasets and texts to one file of groups, each source mined in an index of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from citewell.core.errors import DatasetInvalid
from citewell.core.settings import Settings
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.topics.corpora import FolderCorpus, JsonlCorpus
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.types import Dataset
from citewell.ingest.jobs import Progress
from citewell.rerank.train.groups import Group, TrainingPassage, bucket
from citewell.training.mine import mine
from citewell.training.questions import (
    DEV_BUCKET,
    TRAINED_BUCKETS,
    Asked,
    asked_of_dataset,
    asked_of_text,
    refuse_measured,
)
from citewell.training.spoil import spoil

SEED = 13
PER_DOCUMENT = 16  # questions made of one document at most, so that long ones do not outweigh the others


@dataclass(frozen=True, slots=True)
class Sources:
    """What to train on: datasets with questions, and texts (folders of files, or with a corpus.jsonl) to make questions of."""

    datasets: tuple[Path, ...] = ()
    texts: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if not self.datasets and not self.texts:
            raise DatasetInvalid(
                "there is nothing to train on", hint="Name a dataset with --data or a folder with --texts."
            )
        for path in (*self.datasets, *self.texts):
            refuse_measured(path)
        names = [path.resolve().name for path in (*self.datasets, *self.texts)]
        if len(set(names)) < len(names):
            raise DatasetInvalid("two sources have the same name", hint="Rename one of the folders.")

    def names(self) -> dict[str, list[str]]:
        """Where everything comes from, for the record."""
        return {"datasets": [str(p.resolve()) for p in self.datasets], "texts": [str(p.resolve()) for p in self.texts]}


def read_sources(sources: Sources) -> Iterator[Dataset]:
    """Every source as a dataset; a text is one without questions."""
    yield from map(read_dataset, sources.datasets)
    for location in sources.texts:
        yield Dataset(location.resolve().name, location, (), {}, _corpus(location))


def prepare(
    sources: Sources, settings: Settings, cache: Path, *, negatives: int = 3, asked_negatives: int = 7, per_source: int | None = None,
    seed: int = SEED, progress: Progress | None = None,
) -> Iterator[Group]:  # fmt: skip
    """The groups of all sources, source after source; of each at most `per_source` questions of either kind, chosen by chance.

    A question that people asked gets `asked_negatives` wrong passages: there are few of them, and each teaches more. The corpora of datasets are taken as texts too; what an earlier source has asked or said already is left out. Raises
    DatasetInvalid, and the errors of ingesting.
    """
    known: set[str] = set()
    for dataset in read_sources(sources):
        indexed = index_dataset(dataset, settings, cache, cache, progress)
        passages: set[str] = set()
        for asked, wrong in (
            (asked_of_dataset(indexed, dataset), asked_negatives),
            (asked_of_text(indexed, dataset.name, PER_DOCUMENT, seed), negatives),
        ):
            fresh = []
            for item in asked:
                key = item.question if item.kind == "asked" else f"passage: {item.chunk.text}"
                if key not in known:
                    fresh.append(item)
                    (known if item.kind == "asked" else passages).add(key)
            if per_source is not None and len(fresh) > per_source:
                fresh = random.Random(seed).sample(fresh, per_source)  # noqa: S311 (a sample, not a secret)
            yield from mine(indexed.engine, fresh, wrong, seed, progress)
            yield from spoiled(fresh, seed)
        known |= passages


def spoiled(asked: Sequence[Asked], seed: int) -> Iterator[Group]:
    """For each question with a known answer one that its passage does not answer, where a rule makes one; none to develop on."""
    for item in asked:
        trained = bucket(item.title) in TRAINED_BUCKETS and bucket(item.title) != DEV_BUCKET
        if not (trained and item.spans and item.answerable):
            continue
        changed = spoil(item.question, item.text, random.Random(f"{seed} {item.question}"))  # noqa: S311 (a sample, not a secret)
        if changed is not None:
            passage = TrainingPassage(header=item.header, text=item.text)
            yield Group(
                source=item.source, kind="spoiled", split="train", question=changed[0], passages=(passage,), prior=(1.0,), answerable=False,
                ranked=False,
            )  # fmt: skip


def _corpus(location: Path) -> FolderCorpus | JsonlCorpus:
    name = location.resolve().name
    if (location / "corpus.jsonl").is_file():
        return JsonlCorpus(name, location / "corpus.jsonl")
    if location.is_dir():
        return FolderCorpus(name, location)
    raise DatasetInvalid(f"{location} is no folder", hint="A text is a folder of files, or one with a corpus.jsonl.")
