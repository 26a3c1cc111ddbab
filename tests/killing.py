"""A program for tests of crashes: does one operation after the other on a data directory, and says what was acknowledged.

python killing.py DIR FOLDER LEDGER SEED OPERATIONS [STEP TIMES]

With STEP the process kills itself the TIMES-th time it reaches that step of those that `citewell.index.files.reached` names. What returned is in LEDGER, a line each,
synced before the next operation begins: the caller checks that all of it is there.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from twins import HashingEmbedder

from citewell.core.errors import IndexIncompatible
from citewell.core.models import BUNDLED_EMBEDDER, model_folder
from citewell.core.settings import Settings, load_settings
from citewell.core.tokens import ModelTokenizer
from citewell.core.types import document_id
from citewell.index import files
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.build import ingest_paths, rebuild
from citewell.pipeline.upkeep.maintain import compact
from citewell.pipeline.wiring import Engine

WORDS = [
    "pump",
    "valve",
    "seal",
    "sensor",
    "manual",
    "error",
    "code",
    "leave",
    "travel",
    "hotel",
    "night",
    "limit",
    "report",
    "annual",
    "filter",
    "cable",
    "probe",
]
DOCUMENTS = 10
STORED = {"ingest": {"window_documents": 2}, "storage": {"keep_generations": 3}, "rerank": {"model": ""}}
SETTINGS = load_settings(None, **STORED)
OTHER = load_settings(None, **STORED, chunking={"max_tokens": 64})
Done = dict[str, Any]


class SmallEmbedder(HashingEmbedder):
    """Needs no weights: what is killed here is storage."""

    max_tokens = 256

    @cached_property
    def tokenizer(self) -> ModelTokenizer:
        return ModelTokenizer(model_folder(BUNDLED_EMBEDDER))


def engine_of(directory: Path, settings: Settings = SETTINGS) -> Engine:
    engine = Engine(directory, settings)
    engine.__dict__["embedder"] = SmallEmbedder()
    return engine


class Player:
    """Does operations by chance."""

    def __init__(self, directory: Path, folder: Path, seed: str) -> None:
        self.directory, self.folder, self.chance = directory, folder, random.Random(seed)
        self.engine, self.other = engine_of(directory), engine_of(directory, OTHER)
        self.operations: Mapping[str, Callable[[], Done]] = {
            "compact": lambda: {"name": compact(self.engine, thoroughly=True)},
            "rebuild": lambda: {"name": rebuild(self.engine).generation},
            "candidate": lambda: {"name": rebuild(self.other, publish=False).generation},
            "write": self.write, "delete": self.delete, "switch": self.switch, "prune": self.prune, "groups": self.groups,
        }  # fmt: skip

    def next(self) -> Done:
        """One operation; what it returns is acknowledged."""
        begun = (self.directory / "catalog.sqlite").exists() and bool(self.engine.catalog.summaries())
        kind = self.chance.choice(["write", "write", *self.operations]) if begun else "write"
        return {"kind": kind} | self.operations[kind]()

    def write(self) -> Done:
        for number in self.chance.sample(range(DOCUMENTS), 3):
            text = " ".join(self.chance.choices(WORDS, k=40))
            (self.folder / f"{number}.md").write_text(f"# Note {number}\n\n{text} edition{self.chance.random()}.\n")
        try:
            ingest_paths(self.engine, [self.folder])
        except IndexIncompatible:  # a candidate with other settings was made live
            rebuild(self.engine)
            ingest_paths(self.engine, [self.folder])
        return {"versions": {path.name: path.read_text() for path in self.folder.iterdir()}}

    def delete(self) -> Done:
        name = self._any_document()
        (self.folder / name).unlink(missing_ok=True)
        with CatalogWriter(self.directory, SETTINGS.storage) as writer:
            writer.delete(document_id(self.folder.name, name))
        return {"name": name}

    def groups(self) -> Done:
        name, groups = self._any_document(), self.chance.sample(["hr", "it", "legal"], 2)
        with CatalogWriter(self.directory, SETTINGS.storage) as writer:
            writer.set_groups(document_id(self.folder.name, name), groups)
        return {"name": name, "groups": sorted(groups)}

    def switch(self) -> Done:
        number = self.chance.choice(self.engine.catalog.generations())
        with CatalogWriter(self.directory, SETTINGS.storage) as writer:
            writer.make_live(number, deliberate=True)
        return {"name": number}

    def prune(self) -> Done:
        with CatalogWriter(self.directory, SETTINGS.storage) as writer:
            return {"name": writer.prune(1)}

    def _any_document(self) -> str:
        return self.chance.choice([s.uri.partition("/")[2] for s in self.engine.catalog.summaries()])


def kill_at(step: str, times: int) -> None:
    """Kills this process the `times`-th time it reaches a step."""
    left = times

    def watcher(reached: str) -> None:
        nonlocal left
        left -= reached == step
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    files.watch(watcher)


def main() -> None:
    directory, folder, ledger, seed, operations, *stop = sys.argv[1:]
    if stop:
        kill_at(stop[0], int(stop[1]))
    player = Player(Path(directory), Path(folder), seed)
    for _ in range(int(operations)):
        done = player.next()
        with Path(ledger).open("a") as stream:
            stream.write(json.dumps(done) + "\n")
            stream.flush()
            os.fsync(stream.fileno())


if __name__ == "__main__":
    main()
