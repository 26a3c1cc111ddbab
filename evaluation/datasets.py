"""Datasets in the BEIR layout: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citewell.core.errors import DatasetInvalid
from citewell.core.types import Block, Document, Query, document_id, text_version
from citewell.ingest.normalise import normalise_text
from citewell.pipeline.build import Entry

Qrels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A corpus with its queries and judgements. `name` is the folder's; `corpus_sha256` names its documents."""

    name: str
    folder: Path
    queries: tuple[Query, ...]
    qrels: Qrels
    corpus_sha256: str


def read_dataset(
    folder: Path, *, queries: Path | None = None, split: str = "test", limit: int | None = None
) -> Dataset:
    """The judged queries of a BEIR folder, in file order, at most `limit`. Raises DatasetInvalid."""
    if not folder.is_dir():
        raise DatasetInvalid(f"{folder} is no folder")
    qrels = read_qrels(folder / "qrels" / f"{split}.tsv")
    rows = [
        Query(str(row["text"]), str(row["_id"]))
        for row in _jsonl(queries or folder / "queries.jsonl", "text")
        if str(row["text"]).strip()
    ]
    judged = [query for query in rows if query.query_id in qrels]
    if not judged:
        raise DatasetInvalid(f"no query of {queries or folder / 'queries.jsonl'} has a judgement in split {split!r}")
    chosen = tuple(judged[:limit])
    checksum = (
        hashlib.sha256((folder / "corpus.jsonl").read_bytes()).hexdigest()
        if (folder / "corpus.jsonl").is_file()
        else ""
    )
    return Dataset(folder.name, folder, chosen, {q.query_id: qrels[q.query_id] for q in chosen}, checksum)


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Grades by document by query, from a tab-separated file with the header `query-id corpus-id score`."""
    if not path.is_file():
        raise DatasetInvalid(f"{path} does not exist")
    qrels: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream, delimiter="\t"), start=2):
            try:
                qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
            except (KeyError, TypeError, ValueError):
                raise DatasetInvalid(f"{path}, line {number}: needs query-id, corpus-id and a whole score") from None
    return qrels


def read_corpus(dataset: Dataset) -> list[Entry]:
    """The documents of a dataset, ready to ingest; those without any text are left out, since nothing can find them."""
    entries: list[Entry] = []
    seen: set[str] = set()
    for row in _jsonl(dataset.folder / "corpus.jsonl"):
        corpus_id = str(row["_id"])
        if corpus_id in seen:
            raise DatasetInvalid(f"{dataset.folder / 'corpus.jsonl'} has the document {corpus_id} twice")
        seen.add(corpus_id)
        document = _document(dataset.name, corpus_id, row)
        if document is not None:
            entries.append(Entry(dataset.name, corpus_id, document.version, document))
    return entries


def _document(dataset: str, corpus_id: str, row: Mapping[str, Any]) -> Document | None:
    title = normalise_text(str(row.get("title") or ""))
    text = normalise_text(str(row.get("text") or ""), keep_lines=True) or title
    if not text.strip():
        return None
    return Document(
        doc_id=document_id(dataset, corpus_id),
        version=text_version(text),
        uri=corpus_id,
        title=title,
        text=text,
        media_type="text/plain",
        blocks=tuple(_paragraphs(text)),
    )


def _paragraphs(text: str) -> Iterator[Block]:
    at = 0
    for piece in text.split("\n\n"):
        start = at + len(piece) - len(piece.lstrip())
        end = at + len(piece.rstrip())
        if end > start:
            yield Block(start, end, "paragraph")
        at += len(piece) + 2


def _jsonl(path: Path, *needed: str) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise DatasetInvalid(f"{path} does not exist")
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                for name in ("_id", *needed):
                    row[name]
            except (ValueError, KeyError, TypeError):
                names = " and ".join(f"`{name}`" for name in ("_id", *needed))
                raise DatasetInvalid(f"{path}, line {number}: needs a JSON object with {names}") from None
            yield row
