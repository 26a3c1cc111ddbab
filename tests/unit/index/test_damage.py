"""A flipped bit, a full disk, a purged document: told, mended, gone; and never a wrong answer."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from citewell.core.errors import BackupInvalid, CitewellError, DocumentNotFound, IndexCorrupt
from citewell.index import files
from citewell.index.store.catalog import Catalog
from citewell.index.store.verify import verify
from citewell.pipeline.ask import search
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.upkeep import health, maintain
from citewell.pipeline.wiring import Engine

Make = Callable[..., Engine]
QUESTIONS = ("annual leave", "hotel prices", "who approves travel")
FLIPS = 12


def answers(engine: Engine) -> list[list[tuple[str, str]]]:
    found = []
    for question in QUESTIONS:
        hits, _, _ = search(engine, question)
        found.append([(c.chunk_id, hits.passages[c.chunk_id].chunk.text) for c in hits.final.candidates])
    return found


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.unlink()  # a new file: the old one may have other names
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("kind", ["catalog.sqlite", "blocks/*.faiss", "blocks/*.npz", "lexical/*.idx", "lexical/*.term", "lexical/*.fieldnorm", "lexical/meta.json", "manifest.json"])  # fmt: skip
def test_a_flipped_bit_is_told_and_mended_and_never_a_wrong_answer(
    engine: Engine, tmp_path: Path, make_engine: Make, kind: str
) -> None:
    right = answers(engine)
    with closing(sqlite3.connect(engine.directory / "catalog.sqlite")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    chance = random.Random(kind)
    told = 0
    for number in range(FLIPS):
        copy = Path(shutil.copytree(engine.directory, tmp_path / f"copy{number}"))
        path = copy / kind if kind == "catalog.sqlite" else next((copy / "generations" / "000001").glob(kind))
        flip(path, chance)
        damaged = make_engine(copy)
        try:
            assert answers(damaged) == right
        except CitewellError:
            told += 1
            if kind != "catalog.sqlite":
                damaged.close()
                damaged = make_engine(copy)
                assert verify(copy, damaged.catalog) != []
                maintain.repair(damaged)
                assert answers(damaged) == right
                assert verify(copy, damaged.catalog) == []
        damaged.close()
    assert told == FLIPS or kind == "catalog.sqlite"


def test_a_damaged_text_is_named_and_read_again(engine: Engine, folder: Path) -> None:
    with closing(sqlite3.connect(engine.directory / "catalog.sqlite")) as db, db:
        db.execute("UPDATE documents SET text = replace(text, '28', '29') WHERE uri = 'papers/leave.md'")
    assert "leave" in (folder / "leave.md").read_text().lower()
    with pytest.raises(IndexCorrupt, match="damaged in the catalog"):
        answers(engine)
    done = maintain.repair(engine)
    assert done.ingest_again == ("papers/leave.md",)
    ingest_paths(engine, [folder])
    assert verify(engine.directory, engine.catalog) == []
    assert any("28" in text for _, text in answers(engine)[0])


def test_a_damaged_vector_is_computed_again(engine: Engine) -> None:
    right = answers(engine)
    with closing(sqlite3.connect(engine.directory / "catalog.sqlite")) as db, db:
        db.execute("UPDATE vectors SET vector = zeroblob(length(vector))")
    assert {p.remedy for p in verify(engine.directory, engine.catalog)} >= {"embed"}
    maintain.repair(engine)
    assert verify(engine.directory, engine.catalog) == []
    assert answers(engine) == right


def test_a_full_disk_leaves_everything_as_it_was(engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = answers(engine)
    (folder / "new.md").write_text("# New\n\nA paragraph about turbines.")
    for place in (
        "citewell.index.store.generations.write_block",
        "citewell.index.store.generations.write_lexical",
        "citewell.index.store.generations.sync",
    ):

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(place, full)
        with pytest.raises(OSError, match="No space"):
            ingest_paths(engine, [folder])
        monkeypatch.undo()
        assert answers(engine) == right
        assert verify(engine.directory, engine.catalog) == []
    assert ingest_paths(engine, [folder]).added == ["papers/new.md"]


def test_a_purged_document_is_nowhere(engine: Engine, folder: Path) -> None:
    secret = "The zircon parapet kept humming quietly while eleven bailiffs counted marmalade jars in Przemysl."
    (folder / "secret.md").write_text(f"# Secret\n\n{secret}\n")
    ingest_paths(engine, [folder])
    (folder / "secret.md").write_text(f"# Secret\n\n{secret} Twice over.\n")
    ingest_paths(engine, [folder])
    doc_id = next(s.doc_id for s in engine.catalog.summaries() if s.uri == "papers/secret.md")
    engine.close()
    engine.__dict__.pop("catalog")
    engine.__dict__.pop("_snapshots", None)
    done = maintain.purge(engine, doc_id)
    assert (done.uri, done.found_in) == ("papers/secret.md", ())
    assert done.phrases >= 2
    for path in engine.directory.rglob("*"):
        if path.is_file():
            assert b"zircon" not in path.read_bytes(), path
            assert b"marmalade" not in path.read_bytes(), path
    assert verify(engine.directory, engine.catalog) == []
    assert len(engine.catalog.summaries()) == 3
    with pytest.raises(DocumentNotFound):
        maintain.purge(engine, doc_id)


@pytest.mark.parametrize(
    "step", ["document deleted", "purge begun", "purge published", "purged rows removed", "log truncated"]
)
def test_a_purge_that_was_stopped_is_run_again(
    engine: Engine, folder: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc_id = next(s.doc_id for s in engine.catalog.summaries() if s.uri == "papers/travel.md")

    def stop(reached: str) -> None:
        if reached == step:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "_watchers", [stop])
        with pytest.raises(KeyboardInterrupt):
            maintain.purge(engine, doc_id)
    assert [f.detail for f in health.examine(engine) if f.state == "problem"] == [
        "the purge of papers/travel.md was not finished"
    ]
    assert maintain.purge(engine, doc_id).found_in == ()
    assert not any(b"145 euros" in path.read_bytes() for path in engine.directory.rglob("*") if path.is_file())
    assert [f for f in health.examine(engine) if f.state == "problem"] == []


def test_a_backup_of_a_directory_in_use_is_sound_and_comes_back(
    engine: Engine, folder: Path, tmp_path: Path, make_engine: Make
) -> None:
    right = answers(engine)
    assert maintain.backup(engine, tmp_path / "backup") == "000001"
    with pytest.raises(BackupInvalid):
        maintain.backup(engine, tmp_path / "backup")
    (folder / "new.md").write_text("# New\n\nA paragraph about turbines.")
    ingest_paths(engine, [folder])
    engine.close()
    assert maintain.restore(tmp_path / "backup", engine.directory) == "000001"
    again = make_engine(engine.directory)
    assert answers(again) == right
    assert ingest_paths(again, [folder]).added == ["papers/new.md"]
    again.close()
    flip(next((tmp_path / "backup").rglob("*.faiss")), random.Random(1))
    with pytest.raises(BackupInvalid, match="not sound"):
        maintain.restore(tmp_path / "backup", tmp_path / "elsewhere")
    with closing(Catalog(engine.directory)) as catalog:
        assert verify(engine.directory, catalog) == []
