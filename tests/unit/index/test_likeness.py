"""Documents that say nearly the same are found, named beside a citation that they bear out, and hidden from who may not read them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from citewell.core.types import document_id
from citewell.index.likeness import ALIKE, likeness, signature_of
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.ask import ask
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

RULES = (
    "# Parking\n\nEvery visitor must leave the number of the car at the gate. A permit for the yard costs twelve pounds a month. "
    "Bicycles stand under the roof beside the canteen, and nowhere else. The yard is locked at nine in the evening on every day."
)


def signature(text: str) -> bytes:
    made = signature_of(text)
    assert made is not None
    return made


@pytest.mark.parametrize("changed", [0, 1, 3, 10, 40])
def test_likeness_estimates_the_share_of_common_runs_of_words(changed: int) -> None:
    chance = random.Random(1)
    words = [f"w{chance.randrange(10_000)}" for _ in range(400)]
    other = list(words)
    for at in range(changed):
        other[at * 400 // changed] = "new"

    def runs(text: list[str]) -> set[tuple[str, ...]]:
        return {tuple(text[at : at + 5]) for at in range(len(text) - 4)}

    exact = len(runs(words) & runs(other)) / len(runs(words) | runs(other))
    assert likeness(signature(" ".join(words)), signature(" ".join(other))) == pytest.approx(exact, abs=0.15)


def test_a_short_text_has_no_signature() -> None:
    assert signature_of("Too short to tell.") is None


def test_a_copy_is_reported_and_named_beside_the_citation(engine: Engine, folder: Path) -> None:
    (folder / "parking.md").write_text(RULES)
    (folder / "parking-copy.md").write_text(RULES + " See also the map at the gate.")
    report = ingest_paths(engine, [folder])
    assert {(pair["uri"], pair["like"]) for pair in report.duplicates} == {
        ("papers/parking.md", "papers/parking-copy.md"),
        ("papers/parking-copy.md", "papers/parking.md"),
    }
    assert all(float(str(pair["likeness"])) >= ALIKE for pair in report.duplicates)
    answer = ask(engine, "What does a permit for the yard cost?")
    assert answer.status == "grounded"
    citation = answer.sentences[0].citations[0]
    assert {citation.uri, *citation.also_in} == {"papers/parking.md", "papers/parking-copy.md"}


def test_a_copy_without_the_quoted_words_is_not_named(engine: Engine, folder: Path) -> None:
    (folder / "parking.md").write_text(RULES)
    (folder / "parking-copy.md").write_text(RULES.replace("twelve pounds", "thirteen pounds"))
    ingest_paths(engine, [folder])
    answer = ask(engine, "What does a permit for the yard cost?")
    assert any("pounds" in sentence.text for sentence in answer.sentences)
    for sentence in answer.sentences:
        for citation in sentence.citations:
            assert citation.also_in == () or "pounds" not in citation.quote


def test_a_copy_is_hidden_from_who_may_not_read_it(engine: Engine, folder: Path) -> None:
    (folder / "parking.md").write_text(RULES)
    (folder / "parking-copy.md").write_text(RULES)
    ingest_paths(engine, [folder])
    one, other = (document_id("papers", name) for name in ("parking.md", "parking-copy.md"))
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.set_groups(one, ["staff"])
        writer.set_groups(other, ["board"])
    assert [a.doc_id for a in engine.catalog.alike(one)] == [other]
    assert engine.catalog.alike(one, frozenset({"staff"})) == []
    assert [a.doc_id for a in engine.catalog.alike(one, frozenset({"staff", "board"}))] == [other]


def test_a_copy_that_ended_is_named_no_more(engine: Engine, folder: Path) -> None:
    (folder / "parking.md").write_text(RULES)
    (folder / "parking-copy.md").write_text(RULES)
    ingest_paths(engine, [folder])
    (folder / "parking-copy.md").write_text(
        "# Canteen\n\nLunch is served from noon until two, on every working day of the week and at no other time."
    )
    ingest_paths(engine, [folder])
    assert engine.catalog.alike(document_id("papers", "parking.md")) == []
