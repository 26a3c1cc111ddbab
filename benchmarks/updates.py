"""What a small change costs in a large index: time, bytes written, and the time until it is searchable.

python benchmarks/updates.py [--documents 100000] [--share 0.01] [--rounds 5] [--dir DIR]

Documents are made up and embedded by hashing words: what is measured is storage. Bytes are those of new index files (links do not
count) and what the catalog and its log grew by or were rewritten.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import describe_machine

from citewell.core.protocols import Vectors
from citewell.core.settings import load_settings
from citewell.core.types import Document, document_id, text_version
from citewell.index.store.generations import generation_folder
from citewell.pipeline.ask import search
from citewell.pipeline.build import Entry, ingest_documents
from citewell.pipeline.maintain import compact
from citewell.pipeline.wiring import Engine

WORDS = [f"word{i}" for i in range(5000)]
DIMENSION = 384


class RandomEmbedder:
    """A unit vector by chance for each text: as long as the real ones, and without their time."""

    fingerprint = "random-384"
    dimension = DIMENSION
    max_tokens = 256

    def __init__(self, engine: Engine) -> None:
        self.tokenizer = engine.embedder.tokenizer

    def embed(self, texts: list[str]) -> Vectors:
        """`(len(texts), 384) float32`."""
        seeds = np.array([hash(text) & 0xFFFFFFFF for text in texts], dtype=np.uint32)
        vectors = np.stack([np.random.default_rng(seed).standard_normal(DIMENSION, dtype=np.float32) for seed in seeds])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def entry(number: int, edition: int) -> Entry:
    """A made-up document of sixty words."""
    chance = random.Random(f"{number} {edition}")
    text = f"Document {number}, edition {edition}. " + " ".join(chance.choices(WORDS, k=60)) + "."
    path = f"{number}.txt"
    doc_id = document_id("made", path)
    document = Document(doc_id, text_version(text), f"made/{path}", f"Document {number}", text, "text/plain", "en")
    return Entry("made", path, f"{number} {edition}", document)


def main() -> None:
    """Prints a line a round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", type=Path)
    arguments = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.dir or Path(temporary)
        engine = Engine(directory, load_settings(ingest={"window_documents": 1000}))
        engine.__dict__["embedder"] = RandomEmbedder(engine)
        began = time.perf_counter()
        ingest_documents(engine, [entry(number, 0) for number in range(arguments.documents)])
        print(
            f"{arguments.documents} documents at once: {time.perf_counter() - began:.1f} s, {written(directory, 0) / 1e6:.1f} MB"
        )
        change(engine, arguments.documents, arguments.share, arguments.rounds)
        engine.close()


def change(engine: Engine, documents: int, share: float, rounds: int) -> None:
    """Updates a share of the documents again and again."""
    count = max(1, round(documents * share))
    search(engine, "word1 word2")  # the index is open
    for edition in range(1, rounds + 1):
        chosen = random.Random(edition).sample(range(documents), count)
        changed = [entry(number, edition) for number in chosen]
        before = generation(engine)
        began = time.perf_counter()
        ingest_documents(engine, changed)
        acknowledged = time.perf_counter()
        found, _, _ = search(engine, f"Document {chosen[0]}, edition {edition}")
        visible = time.perf_counter()
        assert any(p.chunk.doc_id == document_id("made", f"{chosen[0]}.txt") for p in found.passages.values())
        megabytes = written(engine.directory, before) / 1e6
        print(f"{count} changed: {acknowledged - began:.2f} s, {megabytes:.2f} MB of index files, searchable {visible - acknowledged:.3f} s after")  # fmt: skip
    began, before = time.perf_counter(), generation(engine)
    compact(engine)
    print(f"compaction: {time.perf_counter() - began:.2f} s, {written(engine.directory, before) / 1e6:.2f} MB")


def generation(engine: Engine) -> int:
    """The live one."""
    return engine.catalog.live_generation() or 0


def written(directory: Path, before: int) -> int:
    """Bytes of the newest generation's files that are not those of generation `before`."""
    newest = max(int(path.name) for path in (directory / "generations").iterdir() if path.name.isdigit())
    old = generation_folder(directory, before)
    known = {path.stat().st_ino for path in old.rglob("*") if path.is_file()} if old.is_dir() else set()
    files = (path for path in generation_folder(directory, newest).rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if path.stat().st_ino not in known)


if __name__ == "__main__":
    main()
