"""Immutable index generations: written beside, checked, synced, and only then named by the catalog.

`DIR/generations/000042/` holds the passage table, the lexical and the dense index, and `manifest.json` with the checksums of
the others. A folder that no row of the catalog names does not exist for readers.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from citewell.core.errors import IndexCorrupt, IndexIncompatible
from citewell.core.models import file_sha256
from citewell.core.protocols import Vectors
from citewell.index.analysis import ANALYZER_VERSION
from citewell.index.dense import DenseIndex, write_dense
from citewell.index.lexical import write_lexical
from citewell.index.passages import PassageTable
from citewell.index.schema import FORMAT_VERSION, OLDEST_READABLE_VERSION

FOLDER = "generations"
MANIFEST = "manifest.json"
# tantivy's own bookkeeping, which opening an index may touch.
_NOT_CHECKED = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock", ".managed.json"})


class Fingerprints(BaseModel):
    """What an index was built with; an index is opened only by the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    embedder: str
    chunker: str
    lexical_engine: str
    analyzer: str = ANALYZER_VERSION


class Manifest(BaseModel):
    """What a generation holds, and the checksum of each of its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int = FORMAT_VERSION
    oldest_readable_version: int = OLDEST_READABLE_VERSION
    generation: int
    fingerprints: Fingerprints
    dimension: int
    documents: int
    passages: int
    files: dict[str, str]
    sizes_bytes: dict[str, int]


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One passage to index: its ids and what the lexical index reads of it."""

    chunk_id: str
    doc_id: str
    lexical_text: str


def generation_folder(directory: Path, generation: int) -> Path:
    """Where a generation lies."""
    return directory / FOLDER / f"{generation:06d}"


def write_generation(
    directory: Path, generation: int, rows: Sequence[IndexRow], vectors: Vectors, fingerprints: Fingerprints
) -> tuple[Manifest, str]:
    """Writes, checks and syncs a generation; returns its manifest and the manifest's SHA-256. Nothing names it yet."""
    folder = generation_folder(directory, generation)
    building = folder.with_suffix(".building")
    for leftover in (building, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    building.mkdir(parents=True)
    table = PassageTable.of((row.chunk_id, row.doc_id) for row in rows)
    if len(set(table.passages.tolist())) != len(rows):
        raise IndexCorrupt("two passages share an id")
    table.write(building)
    write_dense(vectors, vectors.shape[1], building)
    write_lexical(fingerprints.lexical_engine, (row.lexical_text for row in rows), building)
    _check_written(building, table, vectors)
    files = {str(path.relative_to(building).as_posix()): path for path in _files(building)}
    manifest = Manifest(
        generation=generation,
        fingerprints=fingerprints,
        dimension=vectors.shape[1],
        documents=len(set(table.documents.tolist())),
        passages=len(rows),
        files={name: _sha256(path) for name, path in files.items()},
        sizes_bytes={name: path.stat().st_size for name, path in files.items()},
    )
    content = manifest.model_dump_json(indent=1).encode()
    (building / MANIFEST).write_bytes(content)
    _sync_tree(building)
    building.rename(folder)
    _sync(folder.parent)
    _sync(directory)
    return manifest, hashlib.sha256(content).hexdigest()


def read_manifest(directory: Path, generation: int, expected_sha256: str) -> Manifest:
    """The manifest of a published generation. Raises IndexCorrupt or IndexIncompatible."""
    path = generation_folder(directory, generation) / MANIFEST
    if not path.is_file():
        raise IndexCorrupt(f"the index files of generation {generation} are missing")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected_sha256:
        raise IndexCorrupt(f"{path} is not the manifest that was published")
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise IndexIncompatible(
            f"{path} was written by another version: {error.error_count()} unknown fields"
        ) from None
    if manifest.oldest_readable_version > FORMAT_VERSION or manifest.format_version < OLDEST_READABLE_VERSION:
        raise IndexIncompatible(f"{path} has format {manifest.format_version}; this version reads {FORMAT_VERSION}")
    for name, size_bytes in manifest.sizes_bytes.items():
        file = path.parent / name
        if not file.is_file() or file.stat().st_size != size_bytes:
            raise IndexCorrupt(f"{file} is missing or has another size than when it was published")
    return manifest


def damaged_files(directory: Path, manifest: Manifest) -> list[str]:
    """The files of a generation whose content is not what the manifest says."""
    folder = generation_folder(directory, manifest.generation)
    return [
        name
        for name, checksum in manifest.files.items()
        if not (folder / name).is_file() or _sha256(folder / name) != checksum
    ]


def require_same(built: Fingerprints, configured: Fingerprints) -> None:
    """Raises IndexIncompatible when the settings differ from what the index was built with."""
    differing = [name for name in Fingerprints.model_fields if getattr(built, name) != getattr(configured, name)]
    if differing:
        raise IndexIncompatible(
            f"the index was built with another {' and '.join(differing).replace('_', ' ')} than the settings name",
            hint="Set the values back, or run `citewell ingest --rebuild` to build the index anew from the stored text.",
        )


def remove_unnamed(directory: Path, named: Iterable[int]) -> None:
    """Removes the folders of generations that the catalog does not name: builds that were killed, or pruned ones."""
    keep = {generation_folder(directory, generation).name for generation in named}
    root = directory / FOLDER
    for folder in root.iterdir() if root.is_dir() else []:
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)


def _check_written(folder: Path, table: PassageTable, vectors: Vectors) -> None:
    """Opens what was written and compares it with what was meant."""
    index = DenseIndex(folder)
    again = PassageTable.read(folder)
    same_rows = len(again) == len(table) == len(index) and bool((again.passages == table.passages).all())
    if not same_rows or index.dimension != vectors.shape[1]:
        raise IndexCorrupt(
            "the index files just written do not hold what was indexed", hint="Check the disk, then ingest again."
        )


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in _NOT_CHECKED)


def _sha256(path: Path) -> str:
    return file_sha256.__wrapped__(path)  # without its cache: index files are checked as they are now


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
