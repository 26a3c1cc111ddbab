"""Corpora of datasets: lines of JSON as in BEIR, or a folder of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from citewell.core.errors import DatasetInvalid
from citewell.core.types import Block, Document, document_id, text_version
from citewell.evaluation.topics.rows import jsonl
from citewell.ingest.jobs import IngestReport, Progress
from citewell.ingest.normalise import normalise_text
from citewell.pipeline.build import Entry, ingest_documents, ingest_paths
from citewell.pipeline.wiring import Engine


@dataclass(frozen=True)
class JsonlCorpus:
    """BEIR's `corpus.jsonl`: `_id`, `title`, `text`."""

    name: str
    path: Path

    @cached_property
    def sha256(self) -> str:
        """Checksum of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def ingest(self, engine: Engine, progress: Progress | None) -> IngestReport:
        """Adds the documents that are not in the engine's index yet."""
        return ingest_documents(engine, self.entries(), progress)

    def document_name(self, uri: str) -> str:
        """The `_id` is the uri."""
        return uri

    def entries(self) -> list[Entry]:
        """The documents, ready to ingest; those without any text are left out, since nothing can find them.

        Raises DatasetInvalid for a bad line, a document that is there twice, and when no document has text.
        """
        entries: list[Entry] = []
        lines: dict[str, int] = {}
        for number, row in jsonl(self.path):
            corpus_id = str(row["_id"])
            if corpus_id in lines:
                raise DatasetInvalid(
                    f"{self.path}, line {number}: the document {corpus_id} is in line {lines[corpus_id]} already"
                )
            lines[corpus_id] = number
            document = _document(self.name, corpus_id, row)
            if document is not None:
                entries.append(Entry(self.name, corpus_id, document.version, document))
        if not entries:
            raise DatasetInvalid(f"{self.path} is empty: it has no document with text")
        return entries


@dataclass(frozen=True)
class FolderCorpus:
    """A folder of files in any format that can be ingested; documents are named by their path below it."""

    name: str
    path: Path

    @cached_property
    def sha256(self) -> str:
        """Checksum over the names and contents of all files."""
        digest = hashlib.sha256()
        for file in sorted(p for p in self.path.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(self.path).as_posix()}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

    def ingest(self, engine: Engine, progress: Progress | None) -> IngestReport:
        """Brings the engine's index up to the folder."""
        return ingest_paths(engine, [self.path], source=self.name, prune=True, progress=progress)

    def document_name(self, uri: str) -> str:
        """The path below the folder."""
        return uri.removeprefix(f"{self.name}/")


def _document(source: str, corpus_id: str, row: Mapping[str, Any]) -> Document | None:
    title = normalise_text(str(row.get("title") or ""))
    text = normalise_text(str(row.get("text") or ""), keep_lines=True) or title
    if not text.strip():
        return None
    return Document(
        doc_id=document_id(source, corpus_id),
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
