"""Ingestion of SciFact's documents beside Haystack and txtai, with the same weights, in one run.

python benchmarks/against.py SCIFACT --field PYTHON [--limit N]

PYTHON is an interpreter with haystack-ai, sentence-transformers-haystack, txtai and the same versions of torch and sentence-transformers. Each system runs in a process
of its own, one after the other, from the same lines to an index that can be searched: Haystack embeds and writes into its in-memory
store, txtai into its hybrid index with content, Citewell into its durable one (text, BM25, vectors, synced). Every document is one
passage; the last line is Citewell as it comes, which splits. Loading the model and a first batch are not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WARM_UP = ["The first batch allocates memory and is not counted."] * 8
SYSTEMS = ("haystack", "txtai", "citewell torch-float32", "citewell auto", "citewell auto, split")


def main() -> None:
    """Prints a line a system."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--field", default=sys.executable, help="the interpreter of Haystack and txtai")
    parser.add_argument("--limit", type=int, help="only the first N documents")
    parser.add_argument("--model", help="the folder of the weights (found by itself)")
    parser.add_argument("--one", choices=SYSTEMS, help="run one system in this process")
    arguments = parser.parse_args()
    if arguments.one:
        documents = _documents(arguments.dataset, arguments.limit)
        print(json.dumps(run_one(arguments.one, documents, arguments.model)))
        return
    model = _model()
    first = None
    for system in SYSTEMS:
        interpreter = sys.executable if system.startswith("citewell") else arguments.field
        command = [interpreter, __file__, str(arguments.dataset), "--one", system, "--model", model]
        if arguments.limit:
            command += ["--limit", str(arguments.limit)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        first = first or found["seconds"]
        stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found.get("stages", {}).items())
        print(
            f"{system:24s} {found['version']:18s} {found['seconds']:6.1f} s  {found['documents'] / found['seconds']:6.1f} documents/s  "
            f"{found['passages']} passages{'; ' + stages if stages else ''}",
            flush=True,
        )


def run_one(system: str, documents: list[tuple[str, str]], model: str) -> dict[str, Any]:
    """The time from the documents to an index, by this system."""
    if system == "haystack":
        return haystack(documents, model)
    if system == "txtai":
        return txtai(documents, model)
    return citewell(documents, system)


def haystack(documents: list[tuple[str, str]], model: str) -> dict[str, Any]:
    """Haystack's own embedder and its in-memory store."""
    from importlib.metadata import version

    from haystack import Document
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersDocumentEmbedder

    embedder = SentenceTransformersDocumentEmbedder(model=model, progress_bar=False, normalize_embeddings=True)
    embedder.warm_up()
    embedder.run([Document(content=text) for text in WARM_UP])
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    began = time.perf_counter()
    made = embedder.run([Document(id=name, content=text) for name, text in documents])["documents"]
    DocumentWriter(store).run(made)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "documents": len(documents),
        "passages": store.count_documents(),
        "version": version("haystack-ai"),
    }


def txtai(documents: list[tuple[str, str]], model: str) -> dict[str, Any]:
    """txtai's hybrid index with content."""
    from importlib.metadata import version

    from txtai import Embeddings

    embeddings = Embeddings(path=model, hybrid=True, content=True, method="sentence-transformers")
    embeddings.transform(WARM_UP[0])
    began = time.perf_counter()
    embeddings.index([(name, text, None) for name, text in documents])
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "documents": len(documents),
        "passages": embeddings.count(),
        "version": version("txtai"),
    }


def citewell(documents: list[tuple[str, str]], system: str) -> dict[str, Any]:
    """This project, with the runtime that the name of the system ends with."""
    from citewell import __version__
    from citewell.core.settings import load_settings
    from citewell.evaluation.topics.corpora import JsonlCorpus
    from citewell.pipeline.build import ingest_documents
    from citewell.pipeline.upkeep.runtimes import settle
    from citewell.pipeline.wiring import Engine

    runtime = system.removeprefix("citewell ").partition(",")[0]
    chunking = {} if system.endswith("split") else {"method": "none"}
    with tempfile.TemporaryDirectory() as place:
        lines = [json.dumps({"_id": name, "text": text}) for name, text in documents]
        (Path(place) / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
        engine = Engine(Path(place) / "index", load_settings(encoders={"runtime": runtime}, chunking=chunking))
        settle(engine, lambda _: None)
        engine.embedder.embed(WARM_UP)
        began = time.perf_counter()
        report = ingest_documents(engine, JsonlCorpus("scifact", Path(place) / "corpus.jsonl").entries())
        seconds = time.perf_counter() - began
        stages = {name: ms / 1000 for name, ms in report.timings_ms.items()}
        stages["other"] = seconds - sum(stages.values())
        told = {"version": f"{__version__} {engine.embedder.runtime}", "passages": report.passages, "stages": stages}
        engine.close()
    return {"seconds": seconds, "documents": len(documents), **told}


def _documents(location: Path, limit: int | None) -> list[tuple[str, str]]:
    rows = (json.loads(line) for line in (location / "corpus.jsonl").read_text(encoding="utf-8").splitlines())
    return [(str(row["_id"]), f"{row.get('title', '')}\n{row['text']}".strip()) for row in rows][:limit]


def _model() -> str:
    from citewell.core.models import BUNDLED_EMBEDDER, model_folder

    return str(model_folder(BUNDLED_EMBEDDER))


if __name__ == "__main__":
    main()
