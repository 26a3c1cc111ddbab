"""Whether what is stored is what was stored: the catalog's rows, every generation's files, and that both hold the same passages."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citewell.core.errors import CitewellError
from citewell.core.types import passage_id, text_version
from citewell.index.dense import DenseIndex
from citewell.index.lexical import open_lexical
from citewell.index.passages import PassageTable
from citewell.index.store.blocks import kept_of
from citewell.index.store.catalog import Catalog
from citewell.index.store.generations import Manifest, damaged_files, generation_folder, read_manifest, read_table
from citewell.index.store.rows import text_checksum

# What mends it: another backup, the file it came from, the stored vectors, or the index built anew.
Remedy = Literal["restore", "ingest", "embed", "rebuild"]
VECTOR_TOLERANCE = 1e-6
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was stored: where, what, what mends it, and the ids it concerns."""

    place: str
    detail: str
    remedy: Remedy
    ids: tuple[str, ...] = ()


def verify(directory: Path, catalog: Catalog) -> list[Problem]:
    """Everything that is wrong, the catalog first; empty when all is well. Reads every file once."""
    problems = [*_catalog(catalog)]
    if any(problem.remedy == "restore" for problem in problems):
        return problems
    for row in catalog.generation_rows():
        problems.extend(verify_generation(directory, catalog, row.generation, live=row.live))
    return problems


def _catalog(catalog: Catalog) -> Iterator[Problem]:
    damage = catalog.integrity_problems()
    if damage:
        yield Problem("catalog", "; ".join(damage[:_SHOWN]), "restore")
        return
    texts, passages, vectors = [], [], []
    for doc_id, version, text in catalog.stored_texts():
        if text_version(text) != version:
            texts.append(doc_id)
    for row in catalog.stored_passages():
        same_id = row["chunk_id"] == passage_id(
            row["doc_id"], row["version"], row["start_char"], row["end_char"], row["chunker"]
        )
        if not same_id or text_checksum(row["body"]) != row["checksum"]:
            passages.append(row["doc_id"])
    vectors = catalog.damaged_vectors()
    if texts:
        yield Problem("catalog", _say("documents have another text than was stored", texts), "ingest", tuple(texts))
    if passages:
        ids = sorted(set(passages) - set(texts))
        if ids:
            yield Problem("catalog", _say("documents have damaged passages", ids), "ingest", tuple(ids))
    if vectors:
        yield Problem("catalog", _say("vectors are damaged", vectors), "embed", tuple(vectors))


def verify_generation(directory: Path, catalog: Catalog, generation: int, *, live: bool) -> Iterator[Problem]:
    """What is wrong with one generation; the live one must hold the passages that lived when it was built, each
    once, with the catalog's vectors."""
    place = f"generation {generation:06d}"
    try:
        manifest = read_manifest(directory, generation, catalog.manifest_sha256(generation) or "")
    except CitewellError as error:
        yield Problem(place, error.message, "rebuild")
        return
    damaged = damaged_files(directory, manifest)
    if damaged:
        yield Problem(place, _say("files do not match their checksum", damaged), "rebuild", tuple(damaged))
        return
    folder = generation_folder(directory, generation)
    try:
        table, blocks = read_table(folder)
        lexical = open_lexical(manifest.fingerprints.lexical_engine, folder)
        slots = lexical.slots()
    except (ValueError, RuntimeError, OSError, KeyError, zipfile.BadZipFile) as error:
        yield Problem(place, f"cannot be opened: {error}", "rebuild")
        return
    if table.has_twins() or not np.array_equal(np.sort(slots), table.columns.slots[table.alive]):
        yield Problem(place, "its lexical and its dense part do not hold the same passages once", "rebuild")
        return
    if live:
        yield from _same_as_catalog(
            place, catalog, manifest, table, DenseIndex([block.vectors for block in blocks], manifest.dimension)
        )


def _same_as_catalog(
    place: str, catalog: Catalog, manifest: Manifest, table: PassageTable, dense: DenseIndex
) -> Iterator[Problem]:
    hidden = set(table.rows_of_documents(catalog.deleted_doc_ids()).tolist())
    indexed = {key: row for key, row in table.ids().items() if row not in hidden}
    built = manifest.fingerprints
    living = catalog.vectors_at(manifest.generation, built.embedder, built.chunker)
    different = sorted(living.keys() - indexed.keys())
    if not catalog.changes_since(manifest.generation):  # else versions that only it holds may be forgotten
        different = sorted(living.keys() ^ indexed.keys())
    if different:
        yield Problem(place, _say("passages are in the catalog or in the index, but not in both", different), "rebuild")
    without = [key for key, vector in living.items() if vector is None]
    if without:
        yield Problem("catalog", _say("passages have no vector", without), "embed", tuple(without))
    both = [key for key in indexed.keys() & living.keys() if living[key] is not None]
    stored = dense.vectors(np.array([indexed[key] for key in both], dtype=np.int64))
    wrong = [
        key
        for key, vector in zip(both, stored, strict=True)
        if _differs(np.frombuffer(living[key] or b"", "<f4"), vector)
    ]
    if wrong:
        yield Problem(place, _say("vectors of the index are not those of the catalog", sorted(wrong)), "rebuild")


def _differs(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether a stored vector is not the catalog's, of which an index keeps 16 bits a number."""
    kept = kept_of(one)
    return kept.shape != other.shape or not bool(np.abs(kept - other).max(initial=0.0) <= VECTOR_TOLERANCE)


def _say(what: str, ids: list[str]) -> str:
    shown = ", ".join(ids[:_SHOWN]) + (", …" if len(ids) > _SHOWN else "")
    return f"{len(ids)} {what}: {shown}"
