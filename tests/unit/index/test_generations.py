"""Generations: made from the one before, compacted, switched, rolled back; whatever happened, they hold what lives, once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import pytest
from killing import WORDS

from citewell.core.errors import GenerationNotFound, WriterBusy
from citewell.core.settings import load_settings
from citewell.index import sketch, snapshot
from citewell.index.dense import DenseIndex
from citewell.index.sketch import Sketch
from citewell.index.store import blocks
from citewell.index.store.blocks import DEAD_SHARE, FEW_BLOCKS, FEW_DEAD, TIER, names_of, sketches_of, to_merge
from citewell.index.store.generations import generation_folder
from citewell.index.store.merging import Pace, merge_blocks, merging
from citewell.index.store.verify import verify
from citewell.index.store.writer import CatalogWriter
from citewell.ingest.jobs import Silent
from citewell.pipeline.ask import search
from citewell.pipeline.build import ingest_paths, rebuild
from citewell.pipeline.upkeep.health import status
from citewell.pipeline.upkeep.maintain import compact
from citewell.pipeline.upkeep.merging import Upkeep
from citewell.pipeline.wiring import Engine

Make = Callable[..., Engine]


def text_of(number: int, edition: int) -> str:
    chance = random.Random(f"{number} {edition}")
    return f"# Note {number}\n\n" + " ".join(chance.choices(WORDS, k=30)) + f" numbered{number} edition{edition}.\n"


def answers(engine: Engine) -> list[tuple[str, ...]]:
    """What is found for some questions, by address of the document."""
    found = []
    for question in ("pump valve error", "hotel night limit", "numbered3", "edition2 annual report"):
        hits, _, _ = search(engine, question)
        found.append(tuple(hits.passages[c.chunk_id].uri for c in hits.final.candidates if c.chunk_id in hits.passages))
    return found


@pytest.mark.parametrize("lexical", ["tantivy", "rank_bm25"])
def test_many_small_changes_end_as_one_large_ingestion(tmp_path: Path, make_engine: Make, lexical: str) -> None:
    """Random additions, updates, deletions, compactions and rebuilds, against an index made at once of what is left."""
    settings = load_settings(lexical={"engine": lexical})
    folder = tmp_path / "notes"
    folder.mkdir()
    engine = make_engine(tmp_path / "index", settings)
    chance = random.Random(7)
    present: set[int] = set()
    for turn in range(14):
        for number in chance.sample(range(12), 3):
            path = folder / f"{number}.md"
            if number in present and chance.random() < 0.4:
                path.unlink()
                present.discard(number)
            else:
                path.write_text(text_of(number, turn))
                present.add(number)
        ingest_paths(engine, [folder], prune=True)
        if turn % 5 == 3:
            compact(engine, thoroughly=True)
        if turn == 9:
            rebuild(engine)
        assert verify(engine.directory, engine.catalog) == []
    fresh = make_engine(tmp_path / "fresh", settings)
    ingest_paths(fresh, [folder])
    assert [set(found) for found in answers(engine)] == [set(found) for found in answers(fresh)]
    assert {s.uri for s in engine.catalog.summaries()} == {f"notes/{number}.md" for number in present}
    engine.close()
    fresh.close()


def test_what_did_not_change_is_linked_and_not_written(engine: Engine, folder: Path) -> None:
    (folder / "new.md").write_text("# New\n\nA paragraph about turbines.")
    ingest_paths(engine, [folder])
    first, second = (generation_folder(engine.directory, number) for number in (1, 2))
    for name in names_of(first):
        assert (first / "blocks" / f"{name}.faiss").samefile(second / "blocks" / f"{name}.faiss")
    assert len(names_of(second)) == 2
    shared = {p.name for p in (first / "lexical").iterdir()} & {p.name for p in (second / "lexical").iterdir()}
    assert any(name.endswith(".store") for name in shared)


def test_compaction_merges_blocks_and_changes_no_answer(engine: Engine, folder: Path) -> None:
    for number in range(4):
        (folder / "new.md").write_text(f"# New\n\nParagraph {number} about turbines and leave.")
        ingest_paths(engine, [folder])
    before = search(engine, "turbines and annual leave")[0].final
    name = compact(engine, thoroughly=True)
    assert name == "000006"
    assert len(names_of(generation_folder(engine.directory, 6))) == 1
    after = search(engine, "turbines and annual leave")[0].final
    assert [c.chunk_id for c in after.candidates] == [c.chunk_id for c in before.candidates]
    assert verify(engine.directory, engine.catalog) == []
    assert compact(engine, thoroughly=True) is None


def test_compaction_takes_what_ended_out_of_the_word_counts(
    engine: Engine, folder: Path, tmp_path: Path, make_engine: Make
) -> None:
    (folder / "new.md").write_text("# New\n\nParagraph about turbines, turbines and leave.")
    (folder / "gone.md").write_text("# Gone\n\nParagraph about turbines and more turbines.")
    (folder / "stays.md").write_text("# Stays\n\nParagraph about turbines that stays in its segment.")
    ingest_paths(engine, [folder])
    (folder / "new.md").write_text("# New\n\nParagraph about turbines and leave.")
    (folder / "gone.md").unlink()
    ingest_paths(engine, [folder], prune=True)
    doc_id = next(s.doc_id for s in engine.catalog.summaries() if s.uri == "papers/pumps.txt")
    fresh = make_engine(tmp_path / "fresh")
    ingest_paths(fresh, [folder])
    wanted = search(fresh, "turbines and leave")[0].ranking("bm25").scores()
    assert search(engine, "turbines and leave")[0].ranking("bm25").scores() != wanted
    assert compact(engine, thoroughly=True) is not None
    assert search(engine, "turbines and leave")[0].ranking("bm25").scores() == wanted
    (folder / "new.md").write_text("# New\n\nParagraph about leave.")
    ingest_paths(engine, [folder])
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.delete(doc_id)  # hidden, and still in the files until the next publication
    assert compact(engine, thoroughly=True) is not None
    assert verify(engine.directory, engine.catalog) == []
    fresh.close()


def test_large_blocks_have_a_sketch_that_changes_no_answer(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(first: int) -> None:
        for number in range(first, first + 20):
            (folder / f"note{number}.md").write_text(text_of(number, 1))
        ingest_paths(engine, [folder])

    times = iter([2.0, 1.0] * 10)
    monkeypatch.setattr(sketch, "_ms", lambda search, questions: next(times))
    opened: list[list[Sketch | None]] = []

    def recorded(parts: list[faiss.Index], dimension: int, sketches: list[Sketch | None], threads: int) -> DenseIndex:
        opened.append(sketches)
        return DenseIndex(parts, dimension, sketches, threads)

    monkeypatch.setattr(snapshot, "DenseIndex", recorded)
    add(0)
    monkeypatch.setattr(blocks, "SKETCHED_ROWS", 16)
    add(20)
    second, third, fourth = (generation_folder(engine.directory, number) for number in (2, 3, 4))
    assert [len(sketches_of(generation)) for generation in (second, third)] == [0, 1]
    before = search(engine, "pump valve error")[0].final
    assert compact(engine, thoroughly=True) == "000004"
    assert [measured.rows for measured in sketches_of(fourth)] == [engine.catalog.counts()["passages"]]
    assert [measured["rows"] for measured in status(engine)["sketches"]] == [engine.catalog.counts()["passages"]]
    after = search(engine, "pump valve error")[0].final
    assert [c.chunk_id for c in after.candidates] == [c.chunk_id for c in before.candidates]
    assert [[made is not None for made in sketches] for sketches in opened] == [[False, False, True], [True]]
    assert verify(engine.directory, engine.catalog) == []


def test_what_ends_while_blocks_are_merged_stays_ended(engine: Engine, folder: Path, tmp_path: Path) -> None:
    for number in range(3):
        (folder / f"new{number}.md").write_text(f"# New\n\nParagraph {number} about turbines.")
        ingest_paths(engine, [folder])
    merges = merge_blocks(generation_folder(engine.directory, 4), tmp_path, lambda size: None, thoroughly=True)
    assert [len(merge.replaced) for merge in merges] == [4]
    (folder / "new0.md").write_text("# New\n\nNow about gearboxes.")
    (folder / "new1.md").unlink()
    ingest_paths(engine, [folder], prune=True)
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        assert writer.merge(merges) == 6
        assert writer.merge(merges) is None  # its blocks are there no more
    assert names_of(generation_folder(engine.directory, 6))[0].endswith("-000006")
    assert verify(engine.directory, engine.catalog) == []
    texts = [p.chunk.text for p in search(engine, "turbines gearboxes")[0].passages.values()]
    assert not any("Paragraph 0" in text or "Paragraph 1" in text for text in texts)
    assert any("gearboxes" in text for text in texts)


def test_an_earlier_generation_that_answers_is_not_merged(engine: Engine, folder: Path, tmp_path: Path) -> None:
    for number in range(3):
        (folder / f"new{number}.md").write_text(f"# New\n\nParagraph {number} about turbines.")
        ingest_paths(engine, [folder])
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.make_live(3, deliberate=True)
    assert compact(engine, thoroughly=True) is None
    (folder / "more.md").write_text("# More\n\nA paragraph about gearboxes.")
    ingest_paths(engine, [folder])
    assert compact(engine, thoroughly=True) == "000006"
    assert verify(engine.directory, engine.catalog) == []


def test_a_running_service_merges_what_others_wrote(engine: Engine, folder: Path, make_engine: Make) -> None:
    upkeep = Upkeep(engine, interval_s=0.01)
    assert upkeep.look_once() is None
    other = make_engine(engine.directory)
    for number in range(FEW_BLOCKS):
        (folder / f"new{number}.md").write_text(f"# New\n\nParagraph {number} about turbines.")
        ingest_paths(other, [folder])
    upkeep.start()
    deadline = time.monotonic() + 30
    while len(names_of(generation_folder(engine.directory, engine.catalog.live_generation() or 0))) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    upkeep.stop()
    assert engine.catalog.generation_rows()[-1].made_by == "merge"
    assert verify(engine.directory, engine.catalog) == []
    assert search(engine, "turbines")[0].passages
    other.close()


def test_two_do_not_merge_at_once(engine: Engine) -> None:
    with merging(engine.directory), pytest.raises(WriterBusy), merging(engine.directory):
        pass


def test_a_merge_goes_at_the_rate_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: 100.0 + sum(slept))
    monkeypatch.setattr(time, "sleep", slept.append)
    pace, free = Pace(1e6), Pace(0)
    for _ in range(5):
        pace.wait(20_000)
        free.wait(20_000)
    assert sum(slept) == pytest.approx(0.1)


def test_rolling_back_brings_neither_documents_nor_rights_back(engine: Engine, folder: Path) -> None:
    (folder / "new.md").write_text("# New\n\nA paragraph about turbines.")
    ingest_paths(engine, [folder])
    leave = next(s for s in engine.catalog.summaries() if s.uri.endswith("leave.md"))
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.set_groups(leave.doc_id, ["hr"])
    assert engine.catalog.document(leave.doc_id).acl == ("hr",)
    hr = frozenset({"hr"})
    assert {c.doc_id for c in search(engine, "annual leave", hr)[0].final.candidates} == {leave.doc_id}
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.set_groups(leave.doc_id, [])
        writer.make_live(1, deliberate=True)
    assert engine.snapshot().generation == "000001"
    assert not search(engine, "annual leave", hr)[0].final.candidates
    assert leave.doc_id in {c.doc_id for c in search(engine, "annual leave")[0].final.candidates}
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.delete(leave.doc_id)
        writer.make_live(2, deliberate=True)
        writer.make_live(1, deliberate=True)
    assert leave.doc_id not in {c.doc_id for c in search(engine, "annual leave")[0].final.candidates}
    ingest_paths(engine, [folder / "new.md"])  # publishes the deletion
    assert verify(engine.directory, engine.catalog) == []
    with CatalogWriter(engine.directory, engine.settings.storage) as writer, pytest.raises(GenerationNotFound):
        writer.make_live(99)


def test_after_a_rollback_the_next_generation_holds_what_lives(engine: Engine, folder: Path) -> None:
    (folder / "new.md").write_text("# New\n\nA paragraph about turbines.")
    ingest_paths(engine, [folder])
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.make_live(1, deliberate=True)
    (folder / "more.md").write_text("# More\n\nA paragraph about gearboxes.")
    ingest_paths(engine, [folder])
    assert verify(engine.directory, engine.catalog) == []
    assert search(engine, "turbines")[0].final.candidates[0].doc_id
    assert {s.uri for s in engine.catalog.summaries()} >= {"papers/new.md", "papers/more.md"}


def test_a_candidate_with_other_settings_waits_and_answers_when_it_is_published(
    engine: Engine, folder: Path, make_engine: Make
) -> None:
    other = make_engine(engine.directory, load_settings(chunking={"max_tokens": 32}))
    report = rebuild(other, publish=False)
    assert (report.generation, report.published) == ("000002", False)
    assert engine.snapshot().generation == "000001"
    (folder / "new.md").write_text("# New\n\nA paragraph about turbines.")
    ingest_paths(engine, [folder])  # goes on with the live settings
    assert engine.snapshot().generation == "000003"
    caught_up = rebuild(other, publish=False).generation
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.make_live(int(caught_up), deliberate=True)
    for reader in (engine, other):  # a service with the old settings follows
        assert reader.snapshot().generation == caught_up
        assert search(reader, "turbines")[0].passages
    assert verify(engine.directory, engine.catalog) == []
    other.close()


def test_blocks_merge_from_the_newest_backwards() -> None:
    wanted = partial(to_merge, thoroughly=True)
    assert wanted([1000], [0]) == []
    assert wanted([1000, 10], [0, 0]) == []
    assert wanted([1000, 10, 10], [0, 0, 0]) == [range(1, 3)]
    assert wanted([40, 10, 3], [0, 0, 0]) == [range(3)]
    assert wanted([1000, 10], [int(1000 * DEAD_SHARE) + 1, 0]) == [range(1)]


def test_others_ingest_while_documents_are_split_anew(engine: Engine, folder: Path, make_engine: Make) -> None:
    other = make_engine(engine.directory, load_settings(chunking={"max_tokens": 32}, ingest={"window_documents": 1}))

    class Meanwhile(Silent):
        def advance(self, done: int, total: int, what: str) -> None:
            if done == 1:
                (folder / "new.md").write_text("# New\n\nA paragraph about turbines.")
                (folder / "travel.md").write_text("# Travel\n\nNo travel any more.")
                (folder / "pumps.txt").unlink()
                ingest_paths(engine, [folder], prune=True)

    report = rebuild(other, progress=Meanwhile())
    assert set(report.changed) >= {"papers/leave.md", "papers/new.md", "papers/travel.md"}
    assert verify(engine.directory, engine.catalog) == []
    assert {s.uri for s in other.catalog.summaries()} == {"papers/leave.md", "papers/new.md", "papers/travel.md"}
    assert other.snapshot().generation == report.generation
    assert search(other, "turbines")[0].passages
    other.close()


def test_few_blocks_and_few_tombstones_are_left_alone() -> None:
    assert to_merge([10] * FEW_BLOCKS, [9] * FEW_BLOCKS) == []
    assert to_merge([10 * FEW_DEAD, 10], [9 * FEW_DEAD, 9]) == [range(1)]
    sizes: list[int] = []
    written = 0
    for _ in range(1000):  # rows written in all stay proportional, times a logarithm
        sizes.append(1)
        for run in to_merge(sizes, [0] * len(sizes)):
            merged = sum(sizes[run.start : run.stop])
            sizes[run.start : run.stop] = [merged]
            written += merged
    assert len(sizes) <= FEW_BLOCKS + np.log(1000)
    assert written < 1000 * (np.log(1000) / np.log(1 + 1 / TIER) + 1)
