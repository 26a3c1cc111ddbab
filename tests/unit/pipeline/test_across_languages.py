"""What is said when a question and the documents are in different languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.core.languages import MULTILINGUAL
from citewell.core.types import document_id
from citewell.index.embed import SentenceEmbedder
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.across_languages import across_languages
from citewell.pipeline.ask import ask
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

GERMAN = "Wie viele Tage Urlaub hat jeder Mitarbeiter im Jahr?"


def test_a_question_in_a_language_that_no_document_has_is_told_what_is_compared(engine: Engine) -> None:
    note = across_languages(engine.embedder, engine.snapshot(), GERMAN)
    assert "in de" in note
    assert "in en" in note
    assert note in ask(engine, GERMAN).warnings
    assert across_languages(engine.embedder, engine.snapshot(), "How many days of annual leave are there?") == ""
    assert across_languages(engine.embedder, engine.snapshot(), "E41 P200") == ""
    assert not ask(engine, "How many days of annual leave are there?").warnings


def test_nothing_is_said_where_some_documents_are_in_that_language(
    tmp_path: Path, folder: Path, make_engine: Callable[..., Engine]
) -> None:
    (folder / "urlaub.md").write_text("Jeder Mitarbeiter hat achtundzwanzig Tage Urlaub im Jahr.", encoding="utf-8")
    engine = make_engine(tmp_path / "other")
    ingest_paths(engine, [folder])
    assert across_languages(engine.embedder, engine.snapshot(), GERMAN) == ""
    engine.close()


def test_languages_of_what_a_caller_may_not_read_are_neither_told_nor_counted(
    tmp_path: Path, folder: Path, make_engine: Callable[..., Engine]
) -> None:
    (folder / "urlaub.md").write_text("Jeder Mitarbeiter hat achtundzwanzig Tage Urlaub im Jahr.", encoding="utf-8")
    engine = make_engine(tmp_path / "other")
    ingest_paths(engine, [folder])
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.set_groups(document_id("papers", "leave.md"), ["staff"])
    french = "Combien de jours de congé chaque employé a-t-il par année civile ?"
    assert "in en, de" in across_languages(engine.embedder, engine.snapshot(), french)
    staff = engine.snapshot(frozenset({"staff"}))
    told = across_languages(engine.embedder, staff, french)
    assert "in en:" in told
    assert across_languages(engine.embedder, staff, GERMAN) != ""
    assert across_languages(engine.embedder, engine.snapshot(frozenset({"nobody"})), GERMAN) == ""
    engine.close()


@pytest.mark.parametrize("languages", [{MULTILINGUAL}, {"de", "en"}, {"de", "en", "fr"}])
def test_nothing_is_said_where_the_model_reads_both(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, languages: set[str]
) -> None:
    embedder = engine.embedder
    assert isinstance(embedder, SentenceEmbedder)
    monkeypatch.setitem(embedder.__dict__, "languages", frozenset(languages))
    assert across_languages(embedder, engine.snapshot(), GERMAN) == ""


def test_a_model_of_another_language_is_told_too(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.embedder.__dict__, "languages", frozenset())
    assert across_languages(engine.embedder, engine.snapshot(), GERMAN) != ""
