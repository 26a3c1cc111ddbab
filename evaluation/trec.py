"""Runs in TREC's format: `query-id Q0 document-id rank score tag`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

Run = Mapping[str, Mapping[str, float]]


def write_run(run: Run, path: Path, tag: str) -> None:
    """Writes a run, each query's documents by falling score, ties by document id."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        for query_id, scores in run.items():
            ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
            for rank, (document_id, score) in enumerate(ordered, start=1):
                stream.write(f"{query_id} Q0 {document_id} {rank} {score:.6f} {tag}\n")
