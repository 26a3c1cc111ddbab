"""Re-ingestion changes what has changed and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.core.errors import DocumentNotFound, VersionGone
from citewell.core.settings import load_settings
from citewell.pipeline.ask import search
from citewell.pipeline.build import ingest_paths, ingest_upload
from citewell.pipeline.upkeep import health, maintain
from citewell.pipeline.wiring import Engine


def uris(engine: Engine) -> list[str]:
    return [summary.uri for summary in engine.catalog.summaries()]


def test_a_second_ingestion_changes_nothing(engine: Engine, folder: Path) -> None:
    before = health.status(engine)
    report = ingest_paths(engine, [folder])
    assert (report.unchanged, report.chunks_embedded, report.published) == (3, 0, False)
    assert health.status(engine) == before


def test_a_changed_file_replaces_its_version_and_embeds_only_its_changed_passages(engine: Engine, folder: Path) -> None:
    text = (
        (folder / "leave.md").read_text()
        + "\n"
        + "".join(f"\n## Part {i}\n\n" + f"Rule {i} is about a subject of its own. " * 20 for i in range(7))
    )
    (folder / "leave.md").write_text(text)
    first = ingest_paths(engine, [folder])
    (folder / "leave.md").write_text(text.replace("Rule 3", "Rule three"))
    second = ingest_paths(engine, [folder])
    assert second.changed == ["papers/leave.md"]
    assert second.passages == first.passages > 5
    assert 0 < second.chunks_embedded < first.chunks_embedded
    assert len(uris(engine)) == 3


def test_a_removed_file_is_reported_and_goes_with_prune(engine: Engine, folder: Path) -> None:
    (folder / "pumps.txt").unlink()
    assert ingest_paths(engine, [folder]).missing == ["papers/pumps.txt"]
    assert "papers/pumps.txt" in uris(engine)
    assert ingest_paths(engine, [folder], prune=True).removed == ["papers/pumps.txt"]
    assert "papers/pumps.txt" not in uris(engine)
    found, _, _ = search(engine, "pump P200 inlet blocked")
    assert all("pumps" not in stored.uri for stored in found.passages.values())


def test_pruning_a_part_leaves_the_rest_alone(engine: Engine, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.md").write_text("# A\n\nAbout apples.")
    ingest_paths(engine, [folder])
    (folder / "travel.md").unlink()
    report = ingest_paths(engine, [folder / "sub"], prune=True)
    assert report.removed == []
    assert "papers/travel.md" in uris(engine)


def test_a_broken_file_is_listed_and_does_not_stop_or_harm_the_others(engine: Engine, folder: Path) -> None:
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 cut off")
    (folder / "good.md").write_text("# Good\n\nStill ingested.")
    report = ingest_paths(engine, [folder])
    assert [(f.uri, f.code) for f in report.failed] == [("papers/bad.pdf", "file.broken")]
    assert report.added == ["papers/good.md"]
    assert health.status(engine)["rejected"][0]["uri"] == "papers/bad.pdf"
    (folder / "bad.pdf").unlink()
    ingest_paths(engine, [folder])
    assert health.status(engine)["rejected"] == []


def test_a_document_whose_new_file_is_broken_keeps_its_last_good_version(engine: Engine, folder: Path) -> None:
    (folder / "pumps.txt").write_bytes(b"")
    assert ingest_paths(engine, [folder], prune=True).failed[0].code == "file.no_text"
    assert "papers/pumps.txt" in uris(engine)


def test_superseded_versions_stay_readable_for_old_citations(engine: Engine, folder: Path) -> None:
    summary = next(s for s in engine.catalog.summaries() if s.uri.endswith("leave.md"))
    (folder / "leave.md").write_text("# Leave\n\nNow 30 days.")
    ingest_paths(engine, [folder])
    assert "28 days" in engine.catalog.document(summary.doc_id, summary.version).text
    assert "30 days" in engine.catalog.document(summary.doc_id).text


def test_a_version_that_is_kept_no_longer_is_told_as_that(
    engine: Engine, folder: Path, make_engine: Callable[..., Engine]
) -> None:
    summary = next(s for s in engine.catalog.summaries() if s.uri.endswith("leave.md"))
    forgetful = make_engine(engine.directory, load_settings(storage={"keep_versions_days": 0, "keep_generations": 1}))
    (folder / "leave.md").write_text("# Leave\n\nNow 30 days.")
    ingest_paths(forgetful, [folder])
    with pytest.raises(VersionGone):
        engine.catalog.document(summary.doc_id, summary.version)
    assert engine.catalog.text_at(summary.doc_id, summary.version, 0, 5) is None
    assert maintain.repair(forgetful).problems == ()
    (folder / "leave.md").unlink()
    ingest_paths(forgetful, [folder], prune=True)
    with pytest.raises(DocumentNotFound) as raised:
        engine.catalog.document(summary.doc_id, summary.version)
    assert not isinstance(raised.value, VersionGone)
    forgetful.close()


def test_a_document_deleted_and_uploaded_again_is_found_once(engine: Engine) -> None:
    from citewell.index.store.writer import CatalogWriter

    ingest_upload(engine, "note.txt", b"The spare key hangs in the boiler room of the annex.")
    doc_id = next(s.doc_id for s in engine.catalog.summaries() if s.uri == "uploads/note.txt")
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.delete(doc_id)
    ingest_upload(engine, "note.txt", b"The spare key hangs in the boiler room of the annex.")
    found, _, _ = search(engine, "spare key boiler room")
    assert [c.doc_id for c in found.final.candidates if c.doc_id == doc_id] == [doc_id]


def test_an_upload_cannot_leave_its_source(engine: Engine) -> None:
    ingest_upload(engine, "../../etc/x.txt", b"Text of an upload with an odd name.")
    assert "uploads/x.txt" in uris(engine)


def test_the_same_text_in_two_documents_is_embedded_once(engine: Engine, folder: Path) -> None:
    for name in ("copy1.txt", "copy2.txt"):
        (folder / name).write_text("Notice\n\nThe gate closes at ten in the evening on every working day.")
    report = ingest_paths(engine, [folder])
    assert (len(report.added), report.chunks_embedded) == (2, 1)


def test_a_pruned_document_opens_in_no_version(engine: Engine, folder: Path) -> None:
    summary = next(s for s in engine.catalog.summaries() if s.uri.endswith("pumps.txt"))
    (folder / "pumps.txt").unlink()
    ingest_paths(engine, [folder], prune=True)
    with pytest.raises(DocumentNotFound):
        engine.catalog.document(summary.doc_id, summary.version)
    assert engine.catalog.text_at(summary.doc_id, summary.version, 0, 5) is None


def test_overlapping_folders_hold_each_document_once(engine: Engine, folder: Path) -> None:
    report = ingest_paths(engine, [folder.parent / "papers", folder])
    assert (report.added, report.unchanged) == ([], 3)
    (folder.parent / "extra.md").write_text("# Extra\n\nA file beside the folder.")
    report = ingest_paths(engine, [folder.parent], prune=True)
    assert (len(report.added), report.unchanged, report.removed) == (1, 3, [])
