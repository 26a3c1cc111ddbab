"""Keeping a data directory sound: repair, compaction, purging with proof, backup and restore."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from citewell.core.errors import BackupInvalid, DocumentNotFound, IndexCorrupt
from citewell.index.files import reached, sync
from citewell.index.lexical import count_ended
from citewell.index.store.catalog import CATALOG_NAME, Catalog
from citewell.index.store.generations import FOLDER, generation_folder
from citewell.index.store.merging import Pace, merge_blocks, merging
from citewell.index.store.verify import Problem, verify
from citewell.index.store.writer import LOCK_NAME, CatalogWriter
from citewell.ingest.jobs import Progress
from citewell.pipeline.build import rebuild
from citewell.pipeline.wiring import Engine

PHRASES = 20  # of a purged document that are searched for
MIN_PHRASE_CHARS = 16
_RUN = re.compile(r"\S+(?: \S+){3}")
_BLOCK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was wrong, which generation was built in place of a damaged one, and the documents whose files must be ingested again."""

    problems: tuple[Problem, ...]
    generation: str | None
    ingest_again: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Purged:
    """A purged document, how many files were searched for how many of its phrases, and where one was found."""

    uri: str
    phrases: int
    files: int
    found_in: tuple[str, ...]


def repair(engine: Engine, progress: Progress | None = None) -> Repaired:
    """Mends what the catalog can mend: damaged vectors are computed anew, damaged generations built anew from the stored text.

    A document whose stored text is damaged is forgotten and named: its file must be ingested again. Raises IndexCorrupt when the
    catalog itself must be restored from a backup.
    """
    with closing(Catalog(engine.directory)) as catalog:
        problems = verify(engine.directory, catalog)
        uris = {summary.doc_id: summary.uri for summary in catalog.summaries()}
    beyond = [p for p in problems if p.remedy == "restore"]
    if beyond:
        raise IndexCorrupt(f"the catalog is damaged: {beyond[0].detail}", hint="Restore it: `citewell index restore`.")
    if not problems:
        return Repaired((), None, ())
    damaged = sorted({i for p in problems if p.remedy == "ingest" for i in p.ids})
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.drop_damaged_vectors()
        writer.drop_documents(damaged)
    generation = rebuild(engine, progress=progress).generation
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.prune(1)
    return Repaired(tuple(problems), generation, tuple(uris.get(doc_id, doc_id) for doc_id in damaged))


def compact(engine: Engine, *, thoroughly: bool = False, wait_s: float = 0) -> str | None:
    """Merges small blocks of the live generation and drops its tombstones; the new generation's name, or None.

    When that is not to be done `thoroughly`, a few small blocks and a few tombstones are left alone. Thoroughly, an index in whose word
    counts documents that ended still take part is written anew from the stored text, so that scores are those of an index that never
    held them.
    The new blocks are written at storage.merge_mb_per_s beside the index, while others read and write; the writer's lock is held for
    linking to them alone. Raises WriterBusy when another process merges, or still writes after `wait_s` seconds.
    """
    live = engine.catalog.live_generation()
    if live is None:
        return None
    pace = Pace(engine.settings.storage.merge_mb_per_s * 1e6)
    with merging(engine.directory) as folder:
        merges = merge_blocks(generation_folder(engine.directory, live), folder, pace.wait, thoroughly=thoroughly)
        folder_now = generation_folder(engine.directory, live)
        anew = thoroughly and count_ended(engine.settings.lexical.engine, folder_now) > 0
        if not merges and not anew:
            return None
        with CatalogWriter(engine.directory, engine.settings.storage, wait_s) as writer:
            number = writer.merge(merges, words_anew=anew)
    return None if number is None else f"{number:06d}"


def purge(engine: Engine, doc_id: str, *, prove: bool = True) -> Purged:
    """Removes a document and every copy of its words from the directory: rows, vectors, earlier generations, free pages and the log.

    With `prove` every file is then searched for phrases of its text. A purge that was killed is run again with the same id; when its
    text is gone already, there are no phrases left to look for. Raises DocumentNotFound.
    """
    with closing(Catalog(engine.directory)) as catalog:
        texts = catalog.texts_of(doc_id)
        if not catalog.remembers(doc_id):
            raise DocumentNotFound(f"there is no document {doc_id}")
        phrases = _phrases(catalog, doc_id, texts) if prove else []
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        uri = writer.delete_all_versions(doc_id)
        reached("purge begun")
        number = writer.build(engine.recipe, "purge", anew=True)
        writer.make_live(number)
        writer.prune(1, with_canary=True)
        reached("purge published")
        writer.scrub()
    for backup in engine.directory.glob(f"{CATALOG_NAME}.format*"):
        backup.unlink()
    engine.asked.clear()
    if not prove:
        return Purged(uri, 0, 0, ())
    files = [path for path in sorted(engine.directory.rglob("*")) if path.is_file()]
    found = [str(path.relative_to(engine.directory)) for path in files if _holds(path, phrases)]
    return Purged(uri, len(phrases), len(files), tuple(found))


def _phrases(catalog: Catalog, doc_id: str, texts: Sequence[str]) -> list[bytes]:
    """Runs of words that stand in this document and in no other."""
    runs = sorted({run for text in texts for run in _RUN.findall(text) if len(run) >= MIN_PHRASE_CHARS})
    random.Random(doc_id).shuffle(runs)  # noqa: S311 (a sample, not a secret)
    own: list[bytes] = []
    for run in runs:
        if len(own) == PHRASES:
            break
        if not catalog.stands_elsewhere(doc_id, run):
            own.append(run.encode())
    return own


def _holds(path: Path, phrases: Sequence[bytes]) -> bool:
    """Whether a file holds one of the phrases, as bytes, also across the blocks that are read."""
    longest = max(map(len, phrases), default=1)
    before = b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            window = before + block
            if any(phrase in window for phrase in phrases):
                return True
            before = window[-longest:]
    return False


def backup(engine: Engine, target: Path) -> str:
    """Copies the catalog and the live generation of a directory that may be in use; returns the generation's name.

    Raises BackupInvalid when `target` is not empty.
    """
    if target.exists() and any(target.iterdir()):
        raise BackupInvalid(f"{target} is not empty", hint="Name a new folder.")
    target.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(engine.directory / CATALOG_NAME, isolation_level=None)) as db:
        db.execute("VACUUM INTO ?", (str(target / CATALOG_NAME),))
    with closing(sqlite3.connect(target / CATALOG_NAME, isolation_level=None)) as copy:
        row = copy.execute("SELECT value FROM meta WHERE key = 'live_generation'").fetchone()
        live = int(row[0]) if row else None
        copy.execute("DELETE FROM generations WHERE generation IS NOT ?", (live,))
    if live is not None:
        source = generation_folder(engine.directory, live)
        try:
            shutil.copytree(source, generation_folder(target, live))
        except (OSError, shutil.Error) as error:
            shutil.rmtree(target, ignore_errors=True)
            raise BackupInvalid(
                f"generation {live:06d} went away while it was copied: {error}", hint="Run the backup again."
            ) from error
    for path in _all_files(target):
        sync(path)
    sync(target)
    with closing(Catalog(target)) as catalog:
        problems = verify(target, catalog)
    if problems:
        raise BackupInvalid(f"the copy is not sound: {problems[0].place}: {problems[0].detail}", hint="Run `citewell index repair` first.")  # fmt: skip
    return f"{live or 0:06d}"


def restore(source: Path, directory: Path) -> str:
    """Puts a backup in the place of a directory's content; what was there is kept beside it. Returns the generation's name.

    Raises BackupInvalid when `source` is no sound backup.
    """
    with closing(Catalog(source)) as catalog:
        problems = verify(source, catalog)
        live = catalog.live_generation()
    if problems:
        raise BackupInvalid(f"{source} is not sound: {problems[0].place}: {problems[0].detail}")
    directory.parent.mkdir(parents=True, exist_ok=True)
    part = directory.with_name(f"{directory.name}.restoring")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    shutil.copyfile(source / CATALOG_NAME, part / CATALOG_NAME)
    if (source / FOLDER).is_dir():
        shutil.copytree(source / FOLDER, part / FOLDER)
    for path in _all_files(part):
        sync(path)
    if directory.exists():
        old = directory.with_name(f"{directory.name}.replaced")
        shutil.rmtree(old, ignore_errors=True)
        os.replace(directory, old)
    os.replace(part, directory)
    sync(directory.parent)
    return f"{live or 0:06d}"


def _all_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK_NAME)
