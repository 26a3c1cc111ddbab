"""One generation opened for searching, together with the catalog's present word on what is alive."""

from __future__ import annotations

import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

from citewell.core.errors import IndexCorrupt, IndexMissing
from citewell.core.protocols import Embedder
from citewell.core.settings import LexicalSettings
from citewell.index.catalog import Catalog
from citewell.index.dense import DenseIndex, DenseRetriever
from citewell.index.generations import Fingerprints, Manifest, generation_folder, read_manifest, require_same
from citewell.index.lexical import LexicalRetriever, open_lexical
from citewell.index.passages import PassageTable


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Both first-stage retrievers over one generation, without the documents that were deleted since."""

    manifest: Manifest
    bm25: LexicalRetriever
    dense: DenseRetriever
    deleted: frozenset[str]

    @property
    def generation(self) -> str:
        """The generation's name, six digits."""
        return f"{self.manifest.generation:06d}"


class SnapshotSource:
    """Gives the current snapshot; a newly published generation or a deletion is seen by the next call."""

    def __init__(
        self,
        directory: Path,
        catalog: Catalog,
        embedder: Embedder,
        fingerprints: Fingerprints,
        lexical: LexicalSettings,
    ) -> None:
        self._directory = directory
        self._catalog = catalog
        self._embedder = embedder
        self._fingerprints = fingerprints
        self._lexical = lexical
        self._current: Snapshot | None = None
        self._lock = threading.Lock()

    def current(self) -> Snapshot:
        """The live generation. Raises IndexMissing, IndexIncompatible or IndexCorrupt."""
        try:
            return self._at(self._live())
        except IndexCorrupt:
            # Between naming a generation and opening it, writers may have replaced and pruned it.
            return self._at(self._live())

    def _live(self) -> int:
        generation = self._catalog.live_generation()
        if generation is None:
            raise IndexMissing(f"nothing has been ingested into {self._directory} yet")
        return generation

    def _at(self, generation: int) -> Snapshot:
        deleted = self._catalog.deleted_doc_ids()
        with self._lock:
            held = self._current
            if held is None or held.manifest.generation != generation or held.deleted != deleted:
                self._current = self._open(generation, deleted)
            assert self._current is not None
            return self._current

    def _open(self, generation: int, deleted: frozenset[str]) -> Snapshot:
        manifest = read_manifest(self._directory, generation, self._catalog.manifest_sha256(generation) or "")
        require_same(manifest.fingerprints, self._fingerprints)
        try:
            return self._open_files(generation, manifest, deleted)
        except (ValueError, RuntimeError, OSError, KeyError, zipfile.BadZipFile) as error:
            # What the libraries raise for files that are damaged, or pruned while they were opened.
            raise IndexCorrupt(f"the index files of generation {generation} cannot be opened: {error}") from error

    def _open_files(self, generation: int, manifest: Manifest, deleted: frozenset[str]) -> Snapshot:
        folder = generation_folder(self._directory, generation)
        table = PassageTable.read(folder)
        excluded = table.rows_of_documents(deleted)
        lexical = open_lexical(manifest.fingerprints.lexical_engine, folder, self._lexical.k1, self._lexical.b)
        return Snapshot(
            manifest=manifest,
            bm25=LexicalRetriever(lexical, table, frozenset(excluded.tolist())),
            dense=DenseRetriever(DenseIndex(folder), table, self._embedder, excluded),
            deleted=deleted,
        )
