"""The writer and the generations: what a crash, damage or another setting does."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.core.errors import DocumentNotFound, IndexCorrupt, IndexIncompatible, IndexMissing, WriterBusy
from citewell.core.settings import load_settings
from citewell.index.store.generations import FOLDER, MANIFEST, generation_folder, read_manifest
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.ask import search
from citewell.pipeline.build import ingest_paths, rebuild
from citewell.pipeline.upkeep import health
from citewell.pipeline.upkeep.maintain import repair
from citewell.pipeline.wiring import Engine

Make = Callable[..., Engine]


def problems(engine: Engine) -> list[str]:
    return [f.detail for f in health.examine(engine) if f.state == "problem"]


def test_a_directory_without_an_index_is_told(tmp_path: Path, make_engine: Make) -> None:
    with pytest.raises(IndexMissing):
        make_engine(tmp_path).catalog  # noqa: B018


def test_only_one_writes_at_a_time(engine: Engine) -> None:
    with CatalogWriter(engine.directory, engine.settings.storage), pytest.raises(WriterBusy) as caught:
        CatalogWriter(engine.directory, engine.settings.storage)
    assert caught.value.retryable


def test_what_a_killed_job_staged_and_built_is_dropped_by_the_next_writer(engine: Engine) -> None:
    db = sqlite3.connect(engine.directory / "catalog.sqlite")
    with db:
        db.execute(
            "INSERT INTO documents (doc_id, version, source, path, uri, title, text, media_type, language, metadata, acl, blocks, content_key) "
            "SELECT 'feed', version, source, 'x', uri, title, text, media_type, language, metadata, acl, blocks, '' FROM documents LIMIT 1"
        )
    half_built = generation_folder(engine.directory, 2)
    half_built.mkdir()
    assert health.status(engine)["documents"] == 3
    with CatalogWriter(engine.directory, engine.settings.storage):
        pass
    assert db.execute("SELECT count(*) FROM documents WHERE doc_id = 'feed'").fetchone()[0] == 0
    assert not half_built.exists()
    assert problems(engine) == []


def test_a_build_that_fails_leaves_the_live_generation_alone(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = health.status(engine)

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("citewell.index.store.generations.write_lexical", fail)
    (folder / "new.md").write_text("# New\n\nA new paragraph about turbines.")
    with pytest.raises(OSError, match="space"):
        ingest_paths(engine, [folder])
    monkeypatch.undo()
    assert health.status(engine) == before
    again = ingest_paths(engine, [folder])  # takes over what was staged: nothing is embedded twice
    assert (again.added, again.chunks_embedded) == (["papers/new.md"], 0)
    staged = "SELECT count(*) FROM documents WHERE valid_from IS NULL"
    assert sqlite3.connect(engine.directory / "catalog.sqlite").execute(staged).fetchone()[0] == 0
    assert problems(engine) == []


@pytest.mark.parametrize("name", ["manifest.json", "blocks/*.faiss", "blocks/*.npz", "lexical/meta.json"])
def test_a_damaged_file_is_found(engine: Engine, name: str) -> None:
    path = next(generation_folder(engine.directory, 1).glob(name))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))
    assert problems(engine) != []


def test_a_missing_file_is_refused_with_a_hint(engine: Engine) -> None:
    next(generation_folder(engine.directory, 1).glob("blocks/*.faiss")).unlink()
    with pytest.raises(IndexCorrupt) as caught:
        engine.snapshot()
    assert "rebuild" in caught.value.hint


@pytest.mark.parametrize("name", ["blocks/*.faiss", "blocks/*.npz", "lexical/meta.json"])
def test_a_file_overwritten_with_zeros_is_told_by_a_search(engine: Engine, name: str) -> None:
    path = next(generation_folder(engine.directory, 1).glob(name))
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(IndexCorrupt):
        search(engine, "annual leave")


def test_a_catalog_that_is_only_begun_is_an_index_that_is_missing(tmp_path: Path, make_engine: Make) -> None:
    sqlite3.connect(tmp_path / "catalog.sqlite").execute("PRAGMA journal_mode = WAL")
    with pytest.raises(IndexMissing):
        make_engine(tmp_path).catalog  # noqa: B018


def test_documents_without_any_term_are_searched_by_rank_bm25_too(tmp_path: Path, make_engine: Make) -> None:
    (tmp_path / "odd").mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / "odd" / name).write_text("?!" * (1 + ord(name[0])))
    odd = make_engine(tmp_path / "index", load_settings(lexical={"engine": "rank_bm25"}))
    ingest_paths(odd, [tmp_path / "odd"])
    found, _, _ = search(odd, "anything at all")
    assert len(found.bm25) == 0
    odd.close()


def test_rebuilding_mends_an_index_from_the_catalog(engine: Engine) -> None:
    next(generation_folder(engine.directory, 1).glob("blocks/*.faiss")).unlink()
    done = repair(engine)
    assert [p.remedy for p in done.problems] == ["rebuild"]
    assert done.generation == "000002"
    assert problems(engine) == []
    assert health.status(engine)["documents"] == 3


def test_a_vector_that_differs_from_the_catalog_is_found(engine: Engine) -> None:
    db = sqlite3.connect(engine.directory / "catalog.sqlite")
    with db:
        db.execute("UPDATE vectors SET vector = zeroblob(length(vector))")
    assert any("vectors" in text for text in problems(engine))


@pytest.mark.parametrize("other", [{"chunking": {"max_tokens": 100}}, {"lexical": {"engine": "rank_bm25"}}])
def test_other_settings_than_the_index_was_built_with_are_refused_until_it_is_rebuilt(
    engine: Engine, folder: Path, make_engine: Make, other: dict[str, dict[str, object]]
) -> None:
    changed = make_engine(engine.directory, load_settings(**other))
    with pytest.raises(IndexIncompatible, match="built with another"):
        changed.snapshot()
    with pytest.raises(IndexIncompatible):
        ingest_paths(changed, [folder])
    rebuild(changed)
    found, _, _ = search(changed, "annual leave")
    assert found.passages
    with pytest.raises(IndexIncompatible):
        engine.snapshot()
    changed.close()


def test_a_format_of_the_future_is_refused(engine: Engine, make_engine: Make) -> None:
    db = sqlite3.connect(engine.directory / "catalog.sqlite")
    with db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'format_version'")
    with pytest.raises(IndexIncompatible, match="format 99"):
        make_engine(engine.directory).catalog  # noqa: B018


def test_a_generation_of_the_future_is_refused(engine: Engine) -> None:
    path = generation_folder(engine.directory, 1) / MANIFEST
    content = path.read_text().replace('"oldest_readable_version": 2', '"oldest_readable_version": 99')
    path.write_text(content)
    with pytest.raises(IndexIncompatible, match="format"):
        read_manifest(engine.directory, 1, hashlib.sha256(content.encode()).hexdigest())


def test_a_file_that_is_no_catalog_is_told(tmp_path: Path, make_engine: Make) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 40)
    with pytest.raises(IndexCorrupt):
        make_engine(tmp_path).catalog  # noqa: B018


def test_old_generations_are_kept_to_their_number(engine: Engine, folder: Path) -> None:
    for number in range(4):
        (folder / "leave.md").write_text(f"# Leave\n\nEdition {number} of the leave rules.")
        ingest_paths(engine, [folder])
    kept = sorted(path.name for path in (engine.directory / FOLDER).iterdir())
    assert kept == ["000004", "000005"]
    assert health.status(engine)["generations_kept"] == kept


def test_deleting_what_is_not_there_is_told(engine: Engine) -> None:
    with CatalogWriter(engine.directory, engine.settings.storage) as writer, pytest.raises(DocumentNotFound):
        writer.delete("0" * 16)
