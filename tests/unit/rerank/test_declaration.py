"""What a cross-encoder's folder declares of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citewell.core.errors import ModelMismatch
from citewell.core.languages import LANGUAGES
from citewell.core.models import CHECKSUMS, model_folder, require_checksums, write_checksums
from citewell.rerank.declaration import FILE, Declaration, can_read, declare_blend, declared

ENGLISH = "The pump must be calibrated every year before the audit of the laboratory."
GERMAN = "Die Pumpe muss jedes Jahr vor der Prüfung des Labors kalibriert werden."
CHINESE = "每年审核之前必须校准泵。"


def test_the_bundled_one_reads_latin_letters() -> None:
    languages = set(declared(model_folder("citewell-reader")).languages)
    assert {"en", "de", "es"} <= languages <= set(LANGUAGES)
    assert languages.isdisjoint({"zh", "ja", "ko", "th", "ar", "he", "hi", "ru", "el", "und"})


def test_what_is_declared_of_its_languages_stays_when_a_blend_is_fitted(tmp_path: Path) -> None:
    assert declared(tmp_path) == Declaration()
    (tmp_path / FILE).write_text('{"languages": ["de"]}')
    write_checksums(tmp_path)
    declare_blend(tmp_path, {"any": 0.4})
    assert declared(tmp_path) == Declaration(blend={"any": 0.4}, languages=("de",))
    assert json.loads((tmp_path / FILE).read_text()) == {"blend": {"any": 0.4}, "languages": ["de"]}
    require_checksums(tmp_path)
    assert FILE in (tmp_path / CHECKSUMS).read_text()


@pytest.mark.parametrize("written", ["[]", "{", '{"blend": {"charm": 1.0}}', '{"languages": "en"}'])
def test_a_declaration_that_says_something_else_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / FILE).write_text(written)
    with pytest.raises(ModelMismatch):
        declared(tmp_path)


@pytest.mark.parametrize(
    ("question", "passages", "reads"),
    [
        ("How often must the pump be calibrated before an audit?", [GERMAN], True),
        ("Wie oft muss die Pumpe vor der Prüfung kalibriert werden?", [ENGLISH, GERMAN], True),
        ("Wie oft muss die Pumpe vor der Prüfung kalibriert werden?", [GERMAN, ENGLISH], False),
        ("P200?", [GERMAN, CHINESE], False),
        ("P200?", [GERMAN, ENGLISH], True),
        ("P200?", ["P200"], True),
        ("P200?", [], True),
        ("多久校准一次泵？", [CHINESE], False),
    ],
)
def test_it_reads_where_the_question_or_the_passages_are_in_its_language(
    question: str, passages: list[str], reads: bool
) -> None:
    assert can_read(["en"], question, passages) is reads
    assert can_read([], question, passages)
