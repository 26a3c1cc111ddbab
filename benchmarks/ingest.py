"""Documents a second and resident memory of an ingestion into an empty index, and of one that finds nothing to do.

python benchmarks/ingest.py SCIFACT_FOLDER [--limit 1000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from measuring import describe_machine, peak_resident_mb

from citewell.core.settings import load_settings
from citewell.evaluation.topics.corpora import JsonlCorpus
from citewell.pipeline.build import ingest_documents
from citewell.pipeline.wiring import Engine


def main() -> None:
    """Ingests twice and prints both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--limit", type=int, help="only the first N documents")
    arguments = parser.parse_args()
    entries = JsonlCorpus("benchmark", arguments.dataset / "corpus.jsonl").entries()[: arguments.limit]
    print(describe_machine())
    with tempfile.TemporaryDirectory() as directory:
        engine = Engine(Path(directory), load_settings())
        engine.embedder.embed(["warm up"])
        before_mb = peak_resident_mb()
        for label in ("first", "again"):
            started = time.perf_counter()
            report = ingest_documents(engine, [replace(entry) for entry in entries])
            seconds = time.perf_counter() - started
            print(
                f"{label}: {len(entries)} documents, {report.passages} passages, {report.chunks_embedded} embedded in {seconds:.1f} s: "
                f"{len(entries) / seconds:.1f} documents/s; resident {peak_resident_mb():.0f} MB at most ({before_mb:.0f} MB with the model loaded)"
            )
        engine.close()


if __name__ == "__main__":
    main()
