"""Ingestion as jobs: archives are folders, failures are letters, and nothing that was staged comes to light too early or too late."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import threading
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import bombs
import pytest

from citewell.core.errors import DocumentNotFound, FileEncrypted, IndexIncompatible, JobState
from citewell.core.settings import load_settings
from citewell.index import files
from citewell.index.store.queue import ALONE_AFTER, MAX_LOST_ALONE
from citewell.index.store.verify import verify
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.build import ingest_feed, ingest_paths, ingest_upload, queue_paths, upload_id
from citewell.pipeline.ingestion import desk
from citewell.pipeline.ingestion.page import write_page
from citewell.pipeline.ingestion.preview import preview
from citewell.pipeline.ingestion.watch import watch_paths
from citewell.pipeline.ingestion.worker import Worker
from citewell.pipeline.upkeep import health
from citewell.pipeline.wiring import Engine


def uris(engine: Engine) -> set[str]:
    return {summary.uri for summary in engine.catalog.summaries()}


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, data in members.items():
            made.writestr(name.replace("_", "/", 1).replace("DOT", "."), data)
    return stream.getvalue()


class Stopped(Exception):
    """Ends an ingestion at a step."""


def stop_at(step: str, monkeypatch: pytest.MonkeyPatch, times: int = 1) -> None:
    left = times

    def watcher(reached: str) -> None:
        nonlocal left
        left -= reached == step
        if reached == step and left == 0:
            raise Stopped

    monkeypatch.setattr(files, "_watchers", [watcher])


def test_an_archive_is_a_folder_and_what_leaves_it_leaves_the_index(engine: Engine, folder: Path) -> None:
    packed = folder / "box.zip"
    packed.write_bytes(
        archive(aDOTmd=b"# A\n\nThe first note of the box.", sub_bDOTmd=b"# B\n\nThe second note of the box.")
    )
    report = ingest_paths(engine, [folder])
    assert report.added == ["papers/box.zip/a.md", "papers/box.zip/sub/b.md"]
    assert report.outcomes == {"unchanged": 3, "container": 1, "added": 2}
    again = ingest_paths(engine, [folder], prune=True)
    assert (again.unchanged, again.published, again.removed) == (4, False, [])
    packed.write_bytes(archive(aDOTmd=b"# A\n\nThe first note of the box.", cDOTmd=b"# C\n\nA third one."))
    changed = ingest_paths(engine, [folder])
    assert (changed.added, changed.removed) == (["papers/box.zip/c.md"], ["papers/box.zip/sub/b.md"])
    packed.unlink()
    gone = ingest_paths(engine, [folder], prune=True)
    assert sorted(gone.removed) == ["papers/box.zip/a.md", "papers/box.zip/c.md"]
    assert not (engine.directory / "spool").exists() or list((engine.directory / "spool").iterdir()) == []


def test_archives_in_archives_end_at_a_depth(engine: Engine, folder: Path, make_engine: Callable[..., Engine]) -> None:
    data = archive(noteDOTmd=b"# Note\n\nAt the bottom of it all.")
    for _ in range(3):
        data = archive(innerDOTzip=data)
    (folder / "deep.zip").write_bytes(data)
    assert ingest_paths(engine, [folder]).added == ["papers/deep.zip/inner.zip/inner.zip/inner.zip/note.md"]
    shallow = make_engine(folder.parent / "other", load_settings(ingest={"max_depth": 2}))
    report = ingest_paths(shallow, [folder])
    assert [(f.uri, f.code) for f in report.failed] == [("papers/deep.zip/inner.zip/inner.zip", "file.too_large")]
    shallow.close()


def test_archives_in_one_another_without_end_are_one_dead_letter(engine: Engine, folder: Path) -> None:
    (folder / "nested.zip").write_bytes(bombs.nested_zip(depth=50))
    report = ingest_paths(engine, [folder])
    assert [f.code for f in report.failed] == ["file.too_large"]
    assert report.failed[0].uri.startswith("papers/nested.zip/")
    assert list((engine.directory / "spool").iterdir()) == []


def test_an_attachment_is_a_document_of_its_own(engine: Engine, folder: Path) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "The plan"
    message.set_content("Please read the plan that is attached.")
    message.add_attachment(b"# Plan\n\nWe begin in March.", maintype="text", subtype="markdown", filename="plan.md")
    (folder / "mail.eml").write_bytes(message.as_bytes())
    report = ingest_paths(engine, [folder])
    assert sorted(report.added) == ["papers/mail.eml", "papers/mail.eml/plan.md"]
    assert ingest_paths(engine, [folder], prune=True).removed == []


def test_a_killed_ingestion_is_gone_on_with_and_nothing_is_done_twice(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, make_engine: Callable[..., Engine]
) -> None:
    small = make_engine(engine.directory, load_settings(ingest={"window_documents": 1}))
    for number in range(4):
        (folder / f"new{number}.md").write_text(f"# New {number}\n\nParagraph number {number} of the new ones.")
    with monkeypatch.context() as patched:
        stop_at("window staged", patched, times=5)
        with pytest.raises(Stopped):
            ingest_paths(small, [folder])
    assert len(uris(engine)) == 3
    (folder / "new0.md").unlink()
    (folder / "new1.md").write_text("# New 1\n\nWritten anew meanwhile.")
    report = ingest_paths(small, [folder])
    assert report.added == ["papers/new1.md", "papers/new2.md", "papers/new3.md"]
    assert report.chunks_embedded < 3
    assert "papers/new0.md" not in uris(engine)
    assert verify(engine.directory, engine.catalog) == []
    assert [job.state for job in desk.jobs(engine.directory)] == ["done", "cancelled", "done"]
    small.close()


def test_a_job_that_was_interrupted_can_be_resumed(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, make_engine: Callable[..., Engine]
) -> None:
    (folder / "new.md").write_text("# New\n\nA new paragraph about turbines.")
    with monkeypatch.context() as patched:
        stop_at("publishing begun", patched)
        with pytest.raises(Stopped):
            ingest_paths(engine, [folder])
    (job,) = [j for j in desk.jobs(engine.directory) if j.ended_at is None]
    assert any(f"`citewell jobs resume {job.job_id}`" in finding.hint for finding in health.examine(engine))
    other = make_engine(engine.directory, load_settings(chunking={"max_tokens": 64}))
    with pytest.raises((JobState, IndexIncompatible)):
        desk.work_on(other, job.job_id)
    other.close()
    report = desk.work_on(engine, job.job_id)
    assert (report.added, report.published) == (["papers/new.md"], True)
    assert "papers/new.md" in uris(engine)


def test_what_is_deleted_while_a_job_waits_stays_deleted(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pumps.txt").write_text("Pumps\n\nA new edition of the pumps.")
    with monkeypatch.context() as patched:
        stop_at("publishing begun", patched)
        with pytest.raises(Stopped):
            ingest_paths(engine, [folder])
    doc_id = next(s.doc_id for s in engine.catalog.summaries() if s.uri == "papers/pumps.txt")
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.delete(doc_id)
    (job,) = [j for j in desk.jobs(engine.directory) if j.ended_at is None]
    desk.work_on(engine, job.job_id)
    assert "papers/pumps.txt" not in uris(engine)


def test_a_paused_job_waits_and_a_cancelled_one_leaves_nothing(engine: Engine, folder: Path) -> None:
    (folder / "new.md").write_text("# New\n\nA new paragraph about turbines.")
    number = queue_paths(engine, [folder]).job
    assert desk.change(engine.directory, "pause", number).state == "paused"
    assert desk.work_on(engine, number).added == []
    desk.change(engine.directory, "resume", number)
    with Worker(engine) as worker:
        assert worker.serve(threading.Event(), until_idle=True) == [number]
    assert "papers/new.md" in uris(engine)
    (folder / "other.md").write_text("# Other\n\nAnother one.")
    number = queue_paths(engine, [folder]).job
    assert desk.change(engine.directory, "cancel", number).outcomes == {"cancelled": 5}
    with pytest.raises(JobState):
        desk.change(engine.directory, "resume", number)


def test_dead_letters_say_why_and_are_tried_again(engine: Engine, folder: Path) -> None:
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 cut off")
    (folder / "worse.pdf").write_bytes(b"%PDF-1.7 cut off as well")
    assert len(ingest_paths(engine, [folder]).failed) == 2
    letters = {letter["uri"]: letter for letter in engine.catalog.dead_letters()}
    assert letters["papers/bad.pdf"]["code"] == "file.broken"
    assert len(letters["papers/bad.pdf"]["content_key"]) > 64
    assert letters["papers/bad.pdf"]["attempts"] == 1
    (folder / "bad.pdf").write_text("<html><body><p>Mended, as a page.</p></body></html>")
    report = desk.retry(engine, ["papers/bad.pdf"])
    assert (report.added, report.failed) == (["papers/bad.pdf"], [])
    assert [letter["uri"] for letter in engine.catalog.dead_letters()] == ["papers/worse.pdf"]
    with pytest.raises(DocumentNotFound):
        desk.retry(engine, ["papers/leave.md"])
    assert desk.drop(engine.directory, ["papers/worse.pdf", "papers/none.pdf"]) == ["papers/worse.pdf"]
    assert engine.catalog.dead_letters() == []


def test_a_dead_letter_in_an_archive_is_tried_with_its_archive(engine: Engine, folder: Path) -> None:
    (folder / "box.zip").write_bytes(archive(badDOTpdf=b"%PDF-1.7 cut", aDOTmd=b"# A\n\nA note."))
    assert [f.uri for f in ingest_paths(engine, [folder]).failed] == ["papers/box.zip/bad.pdf"]
    (folder / "box.zip").write_bytes(
        archive(badDOTpdf=b"<html><body><p>Mended.</p></body></html>", aDOTmd=b"# A\n\nA note.")
    )
    assert desk.retry(engine, []).added == ["papers/box.zip/bad.pdf"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_tried_three_times(engine: Engine, folder: Path) -> None:
    (folder / "secret.md").write_text("# Secret")
    (folder / "secret.md").chmod(0)
    assert [f.code for f in ingest_paths(engine, [folder]).failed] == ["file.unreadable"]
    assert engine.catalog.dead_letters()[0]["attempts"] == 3


def test_a_file_that_vanished_is_tried_three_times_and_told(engine: Engine, folder: Path) -> None:
    (folder / "new.md").write_text("# New")
    number = queue_paths(engine, [folder]).job
    (folder / "new.md").unlink()
    report = desk.work_on(engine, number)
    assert [(f.uri, f.code) for f in report.failed] == [("papers/new.md", "file.unreadable")]
    assert engine.catalog.dead_letters()[0]["attempts"] == 3


def test_a_file_that_ends_the_program_again_and_again_is_a_dead_letter(engine: Engine, folder: Path) -> None:
    (folder / "new.md").write_text("# New\n\nA new paragraph about turbines.")
    number = queue_paths(engine, [folder]).job
    db = sqlite3.connect(engine.directory / "catalog.sqlite")
    with db:
        db.execute("UPDATE tasks SET lost = ? WHERE path = 'new.md'", (ALONE_AFTER + MAX_LOST_ALONE,))
    db.close()
    report = desk.work_on(engine, number)
    assert [(f.uri, f.code) for f in report.failed] == [("papers/new.md", "file.rejected")]
    assert report.unchanged == 3


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    engine: Engine, folder: Path, tmp_path: Path, make_engine: Callable[..., Engine]
) -> None:
    (folder / "new.md").write_text("# New\n\nText.")
    (folder / "leave.md").write_text("# Leave\n\nOther rules.")
    (folder / "pumps.txt").unlink()
    (folder / "pass.bak").write_text("passed over")
    choosy = make_engine(engine.directory, load_settings(ingest={"exclude": ["*.bak"]}))
    told = preview(choosy, [folder], prune=True)
    assert (told.added, told.changed, told.unchanged, told.removed) == (
        ["papers/new.md"],
        ["papers/leave.md"],
        1,
        ["papers/pumps.txt"],
    )
    assert told.skipped == ["papers/pass.bak: the settings or .citewellignore say so"]
    assert len(uris(engine)) == 3
    assert [job.state for job in desk.jobs(engine.directory)] == ["done"]
    fresh = make_engine(tmp_path / "never")
    assert len(preview(fresh, [folder]).added) == 4
    assert not (tmp_path / "never").exists()
    choosy.close()
    fresh.close()


def test_a_feed_is_previewed_line_by_line(engine: Engine, tmp_path: Path) -> None:
    feed = tmp_path / "kb.jsonl"
    feed.write_text("\n".join(json.dumps({"id": str(n), "text": f"Entry number {n} of the base."}) for n in range(3)))
    assert preview(engine, [feed]).added == ["kb/0", "kb/1", "kb/2"]
    ingest_feed(engine, feed)
    assert preview(engine, [feed]).unchanged == 3


def test_force_reads_again_what_is_known(engine: Engine, folder: Path) -> None:
    report = ingest_paths(engine, [folder], force=True)
    assert (len(report.changed), report.unchanged, report.chunks_embedded) == (3, 0, 0)


def test_personal_data_is_taken_out_before_anything_is_stored(
    folder: Path, tmp_path: Path, make_engine: Callable[..., Engine]
) -> None:
    careful = make_engine(tmp_path / "careful", load_settings(ingest={"redact": ["email", "iban"]}))
    (folder / "staff.md").write_text("# Staff\n\nWrite to jane.doe@example.org, or pay to DE89370400440532013000.")
    (folder / "staff.md.meta.json").write_text(
        '{"title": "Staff of jane.doe@example.org", "contact": "jane.doe@example.org"}'
    )
    report = ingest_paths(careful, [folder])
    assert report.redacted == {"email": 3, "iban": 1}
    held = b"".join(path.read_bytes() for path in careful.directory.rglob("*") if path.is_file())
    assert b"jane.doe" not in held
    assert b"370400440532013000" not in held.lower()  # four digits of it stand in many a random name
    open_handed = make_engine(careful.directory, load_settings())
    assert "papers/staff.md" in ingest_paths(open_handed, [folder]).changed
    careful.close()
    open_handed.close()


def test_an_upload_that_is_refused_says_why(engine: Engine) -> None:
    with pytest.raises(FileEncrypted):
        ingest_upload(engine, "secret.zip", bombs.zip_encrypted())
    report = ingest_upload(engine, "note.md", b"# Note\n\nThe key hangs in the annex.")
    assert report.added == ["uploads/note.md"]
    assert engine.catalog.document(upload_id("note.md")).title == "Note"


def test_several_workers_share_a_job_and_do_nothing_twice(
    engine: Engine, folder: Path, make_engine: Callable[..., Engine]
) -> None:
    small = make_engine(engine.directory, load_settings(ingest={"window_documents": 2}))
    for number in range(24):
        (folder / f"{number}.md").write_text(f"# Note {number}\n\nThis is what note {number} says about the pump.")
    number = queue_paths(small, [folder]).job
    reports = []

    def work() -> None:
        other = make_engine(engine.directory, load_settings(ingest={"window_documents": 2}))
        reports.append(desk.work_on(other, number))
        other.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == 4
    assert all(len(set(report.added)) == len(report.added) == 24 for report in reports)
    assert len(uris(engine)) == 27
    assert sum(s.passages for s in engine.catalog.summaries()) == engine.catalog.counts()["passages"]
    assert engine.catalog.live_generation() == 2
    assert verify(engine.directory, engine.catalog) == []
    small.close()


def test_the_report_is_a_page_that_shows_file_names_as_text(engine: Engine, folder: Path, tmp_path: Path) -> None:
    (folder / "<script>alert(1).pdf").write_bytes(b"%PDF-1.7 cut off")
    write_page(ingest_paths(engine, [folder]), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>" not in page


def test_a_watched_folder_is_kept_up_with(engine: Engine, folder: Path) -> None:
    stop, seen = threading.Event(), []

    def tell(report: object) -> None:
        seen.append(report)
        if len(seen) == 1:
            (folder / "late.md").write_text("# Late\n\nIt came while the folder was watched.")
        else:
            stop.set()

    thread = threading.Thread(target=watch_paths, args=(engine, [folder]), kwargs={"tell": tell, "stop": stop})
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert "papers/late.md" in uris(engine)
