"""Immutable index generations: written beside, checked, synced, and only then named by the catalog.

`DIR/generations/000042/` holds the blocks of vectors and ids, the lexical index, and `manifest.json` with the checksums of
the others. What did not change since the generation it was made from is linked to and not written. A folder that no row of the
catalog names does not exist for readers.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from citewell.core.errors import IndexCorrupt, IndexIncompatible
from citewell.core.models import sha256_of
from citewell.core.protocols import Vectors
from citewell.index.files import link, reached, sync
from citewell.index.lexical import LOCKS, LexicalRow, open_lexical, write_lexical
from citewell.index.passages import Columns, PassageTable, Slots
from citewell.index.store.blocks import FOLDER as BLOCKS
from citewell.index.store.blocks import (
    Block,
    block_name,
    link_block,
    names_of,
    open_block,
    read_dead,
    write_block,
    write_dead,
)
from citewell.index.store.fingerprints import Fingerprints
from citewell.index.store.merging import Merge
from citewell.index.store.schema import FORMAT_VERSION, OLDEST_READABLE_VERSION

FOLDER = "generations"
MANIFEST = "manifest.json"
# tantivy's own bookkeeping, which opening an index may touch.
_NOT_CHECKED = LOCKS | {".managed.json"}
_RUNTIME = ("faiss-cpu", "numpy", "tantivy", "PyStemmer")
_NO_SLOTS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an index is made: what it is known by, the length of its vectors, the settings that it comes from, and what computes new vectors."""

    fingerprints: Fingerprints
    dimension: int
    settings: Mapping[str, Mapping[str, Any]]
    runtime: str = ""


class Manifest(BaseModel):
    """What a generation holds, what it was made from and with, and the checksum of each of its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int = FORMAT_VERSION
    oldest_readable_version: int = OLDEST_READABLE_VERSION
    generation: int
    base: int | None
    fingerprints: Fingerprints
    settings: dict[str, dict[str, Any]]
    runtime: dict[str, str]
    vectors_by: tuple[str, ...] = ()
    dimension: int
    documents: int
    passages: int
    languages: dict[str, int] = {}
    files: dict[str, str]
    sizes_bytes: dict[str, int]


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One passage to index: its ids, and its slot, its language and its words for the lexical index."""

    chunk_id: str
    doc_id: str
    words: LexicalRow


@dataclass(frozen=True, slots=True)
class Change:
    """What a generation has that its base has not: new rows with their vectors, `(len(rows), dimension) float32`, the slots that
    end, and merged blocks in place of smaller ones."""

    rows: Sequence[IndexRow]
    vectors: Vectors
    ended: Slots = field(default_factory=lambda: _NO_SLOTS)
    merges: Sequence[Merge] = ()


def generation_folder(directory: Path, generation: int) -> Path:
    """Where a generation lies."""
    return directory / FOLDER / f"{generation:06d}"


def write_generation(
    directory: Path,
    generation: int,
    change: Change,
    recipe: Recipe,
    base: Manifest | None = None,
    vectors_by: Sequence[str] = (),
    words: Sequence[LexicalRow] | None = None,
) -> tuple[Manifest, str]:
    """Writes, checks and syncs a generation; returns its manifest and the manifest's SHA-256. Nothing names it yet.

    `vectors_by` are the runtimes that computed vectors of this catalog: all agree with the reference (encoders/tuning.py). With `words`, those of
    all its passages, the lexical index is written anew, so that nothing that ended counts in it.
    """
    folder = generation_folder(directory, generation)
    building = folder.with_suffix(".building")
    for leftover in (building, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    building.mkdir(parents=True)
    before = None if base is None else generation_folder(directory, base.generation)
    _write_blocks(building, before, generation, change)
    reached("blocks written")
    engine = recipe.fingerprints.lexical_engine
    if words is None:
        write_lexical(engine, (row.words for row in change.rows), building, before, change.ended.tolist())
    else:
        write_lexical(engine, words, building)
    reached("lexical written")
    table = _check_written(building, engine)
    known = {} if base is None or before is None else _unchanged(before, building, base.files)
    known |= {_merged_name(merge, generation, end): s for merge in change.merges for end, s in merge.checksums.items()}
    files = {str(path.relative_to(building).as_posix()): path for path in _files(building)}
    manifest = Manifest(
        generation=generation,
        base=None if base is None else base.generation,
        fingerprints=recipe.fingerprints,
        settings={name: dict(values) for name, values in recipe.settings.items()},
        runtime={name: version(name) for name in _RUNTIME},
        vectors_by=tuple(vectors_by),
        dimension=recipe.dimension,
        documents=table.documents_count(),
        passages=len(table),
        languages=table.languages(),
        files={name: known.get(name) or sha256_of(path) for name, path in files.items()},
        sizes_bytes={name: path.stat().st_size for name, path in files.items()},
    )
    content = manifest.model_dump_json(indent=1).encode()
    (building / MANIFEST).write_bytes(content)
    reached("manifest written")
    _sync_tree(building, without=known)
    reached("files synced")
    building.rename(folder)
    sync(folder.parent)
    sync(directory)
    reached("folder renamed")
    return manifest, hashlib.sha256(content).hexdigest()


def _write_blocks(building: Path, before: Path | None, generation: int, change: Change) -> None:
    """Links what stays, merges what is to be merged, writes the new rows as a block, and lists the tombstones."""
    names = [] if before is None else names_of(before)
    dead = np.union1d(_NO_SLOTS if before is None else read_dead(before), change.ended)
    (building / BLOCKS).mkdir()
    replaced = {name for merge in change.merges for name in merge.replaced}
    for name in names:
        if name not in replaced:
            assert before is not None
            link_block(before, building, name)
    for merge in change.merges:
        dead = np.setdiff1d(dead, merge.dropped)
        for ending, path in merge.files.items():
            link(path, building / _merged_name(merge, generation, ending))
    if change.rows or not names_of(building):
        columns = Columns.of((row.words.slot, row.chunk_id, row.doc_id, row.words.language) for row in change.rows)
        order = np.argsort([row.words.slot for row in change.rows], kind="stable")
        vectors = change.vectors[order] if len(order) else change.vectors
        write_block(building, generation, columns, vectors)
    write_dead(building, dead)


def _merged_name(merge: Merge, generation: int, ending: str) -> str:
    """The file of a merged block within a generation."""
    return f"{BLOCKS}/{block_name(merge.first_slot, generation)}.{ending}"


def still_there(merges: Sequence[Merge], generation: Path) -> list[Merge]:
    """Those merges whose blocks the generation in this folder still has."""
    names = set(names_of(generation))
    return [merge for merge in merges if names.issuperset(merge.replaced)]


def read_table(folder: Path) -> tuple[PassageTable, list[Block]]:
    """The rows of a generation and its blocks. Raises what the libraries raise for damaged files."""
    blocks = [open_block(folder, name) for name in names_of(folder)]
    return PassageTable(Columns.joined([block.columns for block in blocks]), read_dead(folder)), blocks


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
        if not (folder / name).is_file() or sha256_of(folder / name) != checksum
    ]


def remove_unnamed(directory: Path, named: Iterable[int]) -> None:
    """Removes the folders of generations that the catalog does not name: builds that were killed, or pruned ones."""
    keep = {generation_folder(directory, generation).name for generation in named}
    root = directory / FOLDER
    for folder in root.iterdir() if root.is_dir() else []:
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)


def _check_written(folder: Path, lexical_engine: str) -> PassageTable:
    """Opens what was written and compares the parts with each other."""
    hint = "Check the disk, then ingest again."
    try:
        table, _ = read_table(folder)
    except (ValueError, RuntimeError, OSError, KeyError) as error:
        raise IndexCorrupt(f"the index files just written cannot be read: {error}", hint=hint) from error
    if table.has_twins():
        raise IndexCorrupt("two passages share an id")
    lexical = open_lexical(lexical_engine, folder)
    if len(lexical) != len(table):
        raise IndexCorrupt(f"the index files just written hold {len(lexical)} and {len(table)} passages", hint=hint)
    return table


def _unchanged(before: Path, after: Path, checksums: Mapping[str, str]) -> dict[str, str]:
    """The checksums of the files that both folders share."""
    return {
        name: checksum
        for name, checksum in checksums.items()
        if (after / name).is_file() and (before / name).is_file() and (after / name).samefile(before / name)
    }


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in _NOT_CHECKED)


def _sync_tree(folder: Path, without: Mapping[str, str]) -> None:
    """Syncs every file and folder below, but for files that were synced when they were written."""
    for path in folder.rglob("*"):
        if path.is_dir() or path.relative_to(folder).as_posix() not in without:
            sync(path)
    sync(folder)
