"""One generation opened for searching, together with the catalog's present word on what is alive and who may read it."""

from __future__ import annotations

import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from citewell.core.errors import IndexCorrupt, IndexMissing
from citewell.core.filters import All, Any, Condition, Filter, Not, is_about_passages
from citewell.core.protocols import Embedder
from citewell.core.settings import LexicalSettings
from citewell.index.dense import DenseIndex, DenseRetriever
from citewell.index.lexical import LexicalIndex, LexicalRetriever, open_lexical, rows_holding
from citewell.index.passages import Columns, PassageTable
from citewell.index.store.blocks import Block, names_of, open_block, read_dead
from citewell.index.store.catalog import Catalog
from citewell.index.store.generations import Manifest, damaged_files, generation_folder, read_manifest

Groups = frozenset[str] | None  # of a caller; None is the owner, who sees everything
_SNAPSHOTS_HELD = 16  # views of one generation for callers of different groups and for filters


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Both first-stage retrievers over one generation, without the documents that were deleted since or that the caller may not read."""

    manifest: Manifest
    bm25: LexicalRetriever
    dense: DenseRetriever

    @property
    def generation(self) -> str:
        """The generation's name, six digits."""
        return f"{self.manifest.generation:06d}"


@dataclass(frozen=True, slots=True)
class _Opened:
    """The files of one generation."""

    manifest: Manifest
    embedder: Embedder
    table: PassageTable
    dense: DenseIndex
    lexical: LexicalIndex
    blocks: dict[str, Block]


class SnapshotSource:
    """Gives snapshots of the generation that `pick` names; another pick, a deletion or a change of rights is seen by the next call."""

    def __init__(
        self,
        directory: Path,
        catalog: Catalog,
        pick: Callable[[], int | None],
        embedder_of: Callable[[Manifest], Embedder],
        lexical: LexicalSettings,
        *,
        verify: bool = True,
        threads: int = 0,
    ) -> None:
        self._directory = directory
        self._catalog = catalog
        self._pick = pick
        self._embedder_of = embedder_of
        self._lexical = lexical
        self._verify = verify
        self._threads = threads
        self._sound: set[str] = set()  # checksums of files that were read and found to match
        self._changes: int | None = None
        self._opened: _Opened | None = None
        self._held: OrderedDict[tuple[Groups, Filter | None], Snapshot] = OrderedDict()
        self._lock = threading.Lock()

    def current(self, groups: Groups = None, filter: Filter | None = None) -> Snapshot:
        """The generation, as a caller of these groups sees what the filter lets through. Raises IndexMissing, IndexIncompatible or IndexCorrupt."""
        with self._lock:
            try:
                return self._current(groups, filter)
            except IndexCorrupt:
                # Between naming a generation and opening it, writers may have replaced and pruned it.
                self._changes = None
                return self._current(groups, filter)

    def _current(self, groups: Groups, filter: Filter | None) -> Snapshot:
        changes = self._catalog.changes()
        if changes != self._changes:
            self._held.clear()
            self._open(self._picked())
            self._changes = changes
        snapshot = self._held.get((groups, filter))
        if snapshot is None:
            snapshot = self._held[groups, filter] = self._view(groups, filter)
            if len(self._held) > _SNAPSHOTS_HELD:
                self._held.popitem(last=False)
        return snapshot

    def _picked(self) -> int:
        generation = self._pick()
        if generation is None:
            raise IndexMissing(f"nothing has been ingested into {self._directory} yet")
        return generation

    def _open(self, generation: int) -> None:
        if self._opened is not None and self._opened.manifest.generation == generation:
            return
        manifest = read_manifest(self._directory, generation, self._catalog.manifest_sha256(generation) or "")
        if self._verify:
            self._require_sound(manifest)
        embedder = self._embedder_of(manifest)
        try:
            self._opened = self._open_files(manifest, embedder)
        except (ValueError, RuntimeError, OSError, KeyError, zipfile.BadZipFile) as error:
            # What the libraries raise for files that are damaged, or pruned while they were opened.
            raise IndexCorrupt(f"the index files of generation {generation} cannot be opened: {error}") from error

    def _require_sound(self, manifest: Manifest) -> None:
        """Raises IndexCorrupt for a file that is not what was written; what an earlier generation shared is not read again."""
        unread = {name: checksum for name, checksum in manifest.files.items() if checksum not in self._sound}
        damaged = damaged_files(self._directory, manifest.model_copy(update={"files": unread}))
        if damaged:
            raise IndexCorrupt(
                f"{damaged[0]} of generation {manifest.generation:06d} does not match its checksum",
                hint="Run `citewell index repair`.",
            )
        self._sound = set(manifest.files.values())

    def _open_files(self, manifest: Manifest, embedder: Embedder) -> _Opened:
        folder = generation_folder(self._directory, manifest.generation)
        known = {} if self._opened is None else self._opened.blocks
        blocks = {name: known.get(name) or open_block(folder, name) for name in names_of(folder)}
        table = PassageTable(Columns.joined([block.columns for block in blocks.values()]), read_dead(folder))
        held = blocks.values()
        dense = DenseIndex([b.vectors for b in held], manifest.dimension, [b.sketch for b in held], self._threads)
        lexical = open_lexical(manifest.fingerprints.lexical_engine, folder, self._lexical)
        return _Opened(manifest, embedder, table, dense, lexical, blocks)

    def _view(self, groups: Groups, filter: Filter | None) -> Snapshot:
        assert self._opened is not None
        opened = self._opened
        permitted = None if groups is None else self._catalog.documents_shown(groups, None)
        shown = opened.table.shown(permitted, self._catalog.deleted_doc_ids())
        if filter is not None:
            fitting = self._rows_of(opened, filter)
            shown = fitting & opened.table.alive if shown is None else fitting & shown
        return Snapshot(
            manifest=opened.manifest,
            bm25=LexicalRetriever(opened.lexical, opened.table, shown),
            dense=DenseRetriever(opened.dense, opened.table, opened.embedder, shown),
        )

    def _rows_of(self, opened: _Opened, filter: Filter) -> NDArray[np.bool_]:
        """For each row whether its passage and its document fit the filter."""
        if not is_about_passages(filter):
            return opened.table.rows_within(self._catalog.documents_shown(None, filter))
        match filter:
            case All(parts):
                return reduce(np.logical_and, (self._rows_of(opened, part) for part in parts))
            case Any(parts):
                return reduce(np.logical_or, (self._rows_of(opened, part) for part in parts))
            case Not(part):
                return ~self._rows_of(opened, part)
            case Condition(operator=operator, values=values):
                held = rows_holding(opened.lexical, opened.table, values)
                return ~held if operator == "!=" else held
