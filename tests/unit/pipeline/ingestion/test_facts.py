"""What is said about documents besides their content: rules, files beside them, feeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.core.errors import SettingsError, SourceError
from citewell.core.settings import load_settings
from citewell.core.types import Document
from citewell.pipeline.ask import ask, search
from citewell.pipeline.build import ingest_feed, ingest_paths
from citewell.pipeline.wiring import Engine

Make = Callable[..., Engine]


def document(engine: Engine, uri: str) -> Document:
    return engine.catalog.document(next(s.doc_id for s in engine.catalog.summaries() if s.uri == uri))


def found(engine: Engine, question: str, groups: frozenset[str] | None = None, filter: str = "") -> set[str]:
    hits, _, _ = search(engine, question, groups, filter)
    return {passage.uri for passage in hits.passages.values()}


def test_a_file_beside_a_document_says_who_reads_it_and_what_it_is_about(engine: Engine, folder: Path) -> None:
    (folder / "leave.md.meta.json").write_text(json.dumps({"groups": ["hr"], "tags": ["policy", "time"], "year": 2024}))
    report = ingest_paths(engine, [folder])
    assert (report.changed, report.skipped, report.chunks_embedded) == (["papers/leave.md"], [], 0)
    leave = document(engine, "papers/leave.md")
    assert (leave.acl, leave.metadata) == (("hr",), {"tags": "policy, time", "year": "2024"})
    assert ingest_paths(engine, [folder]).unchanged == 3
    assert found(engine, "annual leave", frozenset({"hr"})) == {"papers/leave.md"}
    assert found(engine, "annual leave", frozenset({"it"})) == set()
    assert found(engine, "annual leave hotel", filter="tag:policy AND year>=2024") == {"papers/leave.md"}
    assert found(engine, "annual leave hotel", filter="NOT tag:policy") == {"papers/travel.md", "papers/pumps.txt"}
    (folder / "leave.md.meta.json").write_text("{broken")
    assert [f.code for f in ingest_paths(engine, [folder]).failed] == ["file.broken"]
    assert document(engine, "papers/leave.md").acl == ("hr",)


def test_rules_speak_of_paths_and_the_more_particular_word_counts(
    engine: Engine, folder: Path, make_engine: Make
) -> None:
    rules = [{"path": "*", "groups": ["all"]}, {"path": "*.md", "groups": ["staff"], "tags": ["note"]}]
    ruled = make_engine(engine.directory, load_settings(ingest={"rules": rules}))
    (folder / "travel.md.meta.yaml").write_text("groups: [travel]\n")
    report = ingest_paths(ruled, [folder])
    assert sorted(report.changed) == ["papers/leave.md", "papers/pumps.txt", "papers/travel.md"]
    assert [document(ruled, f"papers/{name}").acl for name in ("leave.md", "travel.md", "pumps.txt")] == [
        ("staff",), ("travel",), ("all",),
    ]  # fmt: skip
    assert document(ruled, "papers/travel.md").metadata == {"tags": "note"}
    with pytest.raises(SettingsError):
        load_settings(ingest={"rules": [{"path": "*", "group": ["typo"]}]})
    ruled.close()


def test_a_feed_adds_replaces_and_removes(engine: Engine, tmp_path: Path) -> None:
    feed = tmp_path / "kb.jsonl"
    lines = [
        {
            "id": "a/1",
            "text": "# Boilers\n\nThe boiler is serviced in May.",
            "format": "md",
            "groups": ["ops"],
            "tags": "heat",
        },
        {"id": "a/2", "text": "The spare key hangs in the annex.", "title": "Keys", "date": "2024-03-01"},
        {"id": "a/3", "text": 5},
    ]
    feed.write_text("\n".join(map(json.dumps, lines)) + "\nno json\n\n")
    report = ingest_feed(engine, feed)
    assert report.added == ["kb/a/1", "kb/a/2"]
    assert [failure.uri for failure in report.failed] == ["kb/a/3", "kb/line 4"]
    assert document(engine, "kb/a/1").media_type == "text/markdown"
    assert found(engine, "boiler service", frozenset({"ops"})) == {"kb/a/1"}
    assert found(engine, "spare key", filter="date>=2024-01-01 collection:kb") == {"kb/a/2"}
    assert (ingest_feed(engine, feed).unchanged, len(engine.catalog.dead_letters())) == (2, 2)
    feed.write_text('{"id": "a/1", "deleted": true}\n{"id": "a/2", "text": "The key is lost."}\n')
    report = ingest_feed(engine, feed)
    assert (report.removed, report.changed) == (["kb/a/1"], ["kb/a/2"])
    assert "The key is lost." in document(engine, "kb/a/2").text
    feed.write_text('{"id": "a/9", "text": "Only this."}\n')
    assert ingest_feed(engine, feed, prune=True).removed == ["kb/a/2"]
    assert "papers/leave.md" in {s.uri for s in engine.catalog.summaries()}
    with pytest.raises(SourceError):
        ingest_feed(engine, feed, source="uploads")


def test_an_answer_keeps_to_the_filter(engine: Engine) -> None:
    question = "How many days of annual leave does an employee have?"
    assert ask(engine, question, filter="path:leave.md").status == "grounded"
    refused = ask(engine, question, filter="NOT path:leave.md")
    assert "papers/leave.md" not in {p.stored.uri for p in refused.context.passages}
    assert ask(engine, question, filter="nowhere:1").status == "abstained"
