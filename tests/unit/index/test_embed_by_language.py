"""An embedder for each language, as one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from twins import REFERENCE_ENCODERS

from citewell.core.errors import IndexIncompatible, SettingsError
from citewell.core.languages import MULTILINGUAL
from citewell.core.models import BUNDLED_EMBEDDER, model_folder
from citewell.core.settings import EmbedderSettings, load_settings
from citewell.index.embed import SentenceEmbedder
from citewell.index.embed_by_language import EmbedderByLanguage
from citewell.index.store.verify import verify
from citewell.pipeline.ask import search
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

ENGLISH = "Every employee has twenty-eight days of annual leave a year, and may carry five of them over."
GERMAN = "Jeder Mitarbeiter hat achtundzwanzig Tage Urlaub im Jahr und darf fünf davon in das nächste Jahr mitnehmen."
KEPT = 128  # numbers of the main model's vectors
QUESTION = "Wie viele Tage Urlaub hat jeder Mitarbeiter im Jahr?"


def shortened(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first numbers of a vector, at length 1 again."""
    kept: NDArray[np.float32] = vector[:KEPT] / np.linalg.norm(vector[:KEPT])
    return kept


@pytest.fixture
def german() -> str:
    """Another model for German: the same weights under another name, of which all numbers are kept."""
    return str(model_folder(BUNDLED_EMBEDDER))


@pytest.fixture
def both(german: str) -> EmbedderByLanguage:
    return EmbedderByLanguage(EmbedderSettings(dimensions=KEPT, by_language={"de": german}), REFERENCE_ENCODERS)


def test_each_model_has_its_own_numbers_of_a_vector(both: EmbedderByLanguage, embedder: SentenceEmbedder) -> None:
    vectors, german = both.embed([ENGLISH, GERMAN, ENGLISH]), embedder.embed([GERMAN])[0]
    english = shortened(embedder.embed([ENGLISH])[0])
    assert vectors.shape == (3, both.dimension) == (3, KEPT + embedder.dimension)
    np.testing.assert_allclose(vectors[0, :KEPT], english, atol=1e-5)
    np.testing.assert_allclose(vectors[1, KEPT:], german, atol=1e-5)
    assert not vectors[0, KEPT:].any()
    assert not vectors[1, :KEPT].any()
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_a_question_is_compared_by_the_model_that_read_the_passage(
    both: EmbedderByLanguage, embedder: SentenceEmbedder
) -> None:
    question, whole = both.embed_questions([QUESTION])[0], embedder.embed_questions([QUESTION])[0]
    english, german = embedder.embed([ENGLISH, GERMAN])
    expected = [shortened(english) @ shortened(whole), german @ whole]
    np.testing.assert_allclose(both.embed([ENGLISH, GERMAN]) @ question, expected, atol=1e-5)


def test_the_fingerprint_names_every_model(both: EmbedderByLanguage, embedder: SentenceEmbedder, german: str) -> None:
    others = [
        EmbedderByLanguage(EmbedderSettings(by_language={tag: german}), REFERENCE_ENCODERS) for tag in ("de", "fr")
    ]
    again = EmbedderByLanguage(EmbedderSettings(dimensions=KEPT, by_language={"de": german}), REFERENCE_ENCODERS)
    assert both.fingerprint == again.fingerprint
    assert len({both.fingerprint, *(other.fingerprint for other in others), embedder.fingerprint}) == 4


def test_a_language_that_cannot_be_told_is_refused() -> None:
    with pytest.raises(SettingsError, match="klingon"):
        load_settings(embedder={"by_language": {"klingon": "model"}})


def test_documents_of_both_languages_are_found_and_another_embedder_is_refused(
    tmp_path: Path, german: str, make_engine: Callable[..., Engine]
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "leave.md").write_text(ENGLISH, encoding="utf-8")
    (folder / "urlaub.md").write_text(GERMAN, encoding="utf-8")
    engine = make_engine(
        tmp_path / "index", load_settings(embedder={"by_language": {"de": german}}, rerank={"model": ""})
    )
    ingest_paths(engine, [folder])
    assert verify(engine.directory, engine.catalog) == []
    found, _, _ = search(engine, QUESTION)
    assert found.passages[found.dense.candidates[0].chunk_id].uri == "papers/urlaub.md"
    assert len(found.final) == 2
    with pytest.raises(IndexIncompatible, match="embedder"):
        search(make_engine(engine.directory), QUESTION)
    engine.close()


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage: de\n---\n# Model\n", {"de"}),
        ("---\nlicense: mit\nlanguage:\n- EN\n- multilingual\n---\n", {"en", MULTILINGUAL}),
        ("# No head\n", set()),
        ("---\nlanguage: [broken\n---\n", set()),
        ("---\njust words\n---\n", set()),
    ],
)
def test_a_model_card_declares_languages(tmp_path: Path, card: str, languages: set[str]) -> None:
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert SentenceEmbedder(EmbedderSettings(model=str(tmp_path)), REFERENCE_ENCODERS).languages == languages


def test_the_bundled_model_is_english(embedder: SentenceEmbedder) -> None:
    assert embedder.languages == {"en"}
