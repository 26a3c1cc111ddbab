"""What a small change costs in a large index: time, bytes written, and the time until it is searchable.

python benchmarks/updates.py [--documents 100000] [--changes 10 100 1000 10000] [--rounds 3] [--dir DIR]

Documents are made up and their vectors are random: what is measured is storage. Bytes are those of new index files (links do not
count), and all that the process wrote, the catalog and its log included (Linux). Each line is the median of its rounds.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import threading
import time
import zlib
from pathlib import Path

import numpy as np
from measuring import describe_machine

from citewell.core.languages import MULTILINGUAL
from citewell.core.protocols import Vectors
from citewell.core.settings import load_settings
from citewell.core.types import Document, document_id, text_version
from citewell.index.store.generations import generation_folder
from citewell.pipeline.ask import search
from citewell.pipeline.build import Entry, ingest_documents
from citewell.pipeline.upkeep.maintain import compact
from citewell.pipeline.wiring import Engine

WORDS = [f"word{i}" for i in range(5000)]
DIMENSION = 384


class RandomEmbedder:
    """A unit vector by chance for each text: as long as the real ones, and without their time."""

    fingerprint = "random-384"
    runtime = "chance"
    dimension = DIMENSION
    languages = frozenset({MULTILINGUAL})
    max_tokens = 256

    def __init__(self, engine: Engine) -> None:
        self.tokenizer = engine.embedder.tokenizer

    def embed(self, texts: list[str]) -> Vectors:
        """`(len(texts), 384) float32`."""
        seeds = [zlib.crc32(text.encode()) for text in texts]
        vectors = np.stack([np.random.default_rng(seed).standard_normal(DIMENSION, dtype=np.float32) for seed in seeds])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_questions(self, texts: list[str]) -> Vectors:
        """As passages."""
        return self.embed(texts)


def entry(number: int, edition: int) -> Entry:
    """A made-up document of sixty words."""
    chance = random.Random(f"{number} {edition}")
    text = f"Document {number}, edition {edition}. " + " ".join(chance.choices(WORDS, k=60)) + "."
    path = f"{number}.txt"
    doc_id = document_id("made", path)
    document = Document(doc_id, text_version(text), f"made/{path}", f"Document {number}", text, "text/plain", "en")
    return Entry("made", path, f"{number} {edition}", document)


def main() -> None:
    """Prints a table with a line for each size of change, and what merging costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--changes", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path)
    arguments = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.dir or Path(temporary)
        engine = Engine(
            directory,
            load_settings(
                ingest={"window_documents": 1000}, rerank={"model": ""}, encoders={"runtime": "torch-float32"}
            ),
        )
        engine.__dict__["embedder"] = RandomEmbedder(engine)
        began = time.perf_counter()
        ingest_documents(engine, [entry(number, 0) for number in range(arguments.documents)])
        seconds, megabytes = time.perf_counter() - began, written(directory, 0) / 1e6
        print(f"{arguments.documents} documents at once: {seconds:.1f} s, {megabytes:.1f} MB of index files")
        search(engine, "word1 word2")  # the index is open
        print("changed  acknowledged after  index files  all that was written  searchable after that")
        for count in arguments.changes:
            rounds = [change(engine, arguments.documents, count) for _ in range(arguments.rounds)]
            seconds, megabytes, all_megabytes, visible = (
                statistics.median(column) for column in zip(*rounds, strict=True)
            )
            print(f"{count:7}  {seconds:16.2f} s  {megabytes:8.2f} MB  {all_megabytes:17.2f} MB  {visible:18.3f} s")
        tell_merging(engine)
        engine.close()


def change(engine: Engine, documents: int, count: int) -> tuple[float, float, float, float]:
    """Updates so many documents: seconds until it was acknowledged, megabytes of index files and of all, seconds until it was found."""
    before = generation(engine)
    chosen = random.Random(before).sample(range(documents), count)
    changed = [entry(number, before + 1) for number in chosen]
    began, bytes_before = time.perf_counter(), written_by_process()
    ingest_documents(engine, changed)
    acknowledged = time.perf_counter()
    found, _, _ = search(engine, f"Document {chosen[0]}, edition {before + 1}")
    visible = time.perf_counter()
    assert any(p.chunk.doc_id == document_id("made", f"{chosen[0]}.txt") for p in found.passages.values())
    megabytes, all_megabytes = written(engine.directory, before) / 1e6, (written_by_process() - bytes_before) / 1e6
    return acknowledged - began, megabytes, all_megabytes, visible - acknowledged


def tell_merging(engine: Engine) -> None:
    """What a merge of all that is to be merged costs, and how long a change during it takes."""
    before = generation(engine)
    merge = threading.Thread(target=compact, args=(engine,), kwargs={"thoroughly": True, "wait_s": 60})
    began = time.perf_counter()
    merge.start()
    while not (engine.directory / "merging").is_dir() and merge.is_alive():
        time.sleep(0.001)
    seconds, _, _, visible = change(engine, 1000, 10)
    alive = "while it ran" if merge.is_alive() else "after it ended"
    merge.join()
    megabytes = written(engine.directory, before) / 1e6
    print(f"merging: {time.perf_counter() - began:.1f} s, {megabytes:.1f} MB; 10 documents changed {alive}: acknowledged after {seconds:.2f} s, searchable {visible:.3f} s after that")  # fmt: skip


def written_by_process() -> int:
    """Bytes that this process has had written to disk; 0 where the system does not tell."""
    io = Path("/proc/self/io")
    rows = dict(line.split(": ") for line in io.read_text().splitlines()) if io.is_file() else {}
    return int(rows.get("write_bytes", 0))


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
