"""What of a long passage is read: whole sentences that bear on the question, and where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.core.models import BUNDLED_EMBEDDER, model_folder
from citewell.core.tokens import ModelTokenizer
from citewell.encoders.window import GAP, cut

TOKENS = ModelTokenizer(model_folder(BUNDLED_EMBEDDER))
FILLER = "Nothing of note happened on that day in the whole valley. "
TEXT = "The archive lies in Bern. " + FILLER * 10 + "Badges open the side door after six. " + FILLER * 10


def test_a_text_that_fits_is_read_whole() -> None:
    window = cut("any question", "Two words.", TOKENS, 16)
    assert (window.text, window.parts) == ("Two words.", ((0, 10),))


def test_the_sentence_that_bears_on_the_question_is_kept() -> None:
    window = cut("Which door opens after six?", TEXT, TOKENS, 40)
    assert "Badges open the side door after six." in window.text
    assert TOKENS.count(window.text) <= 40


def test_parts_are_in_order_and_are_the_text() -> None:
    window = cut("archive badges", TEXT, TOKENS, 40)
    assert window.text == GAP.join(TEXT[start:end] for start, end in window.parts)
    assert list(window.parts) == sorted(window.parts)


def test_a_span_is_found_in_the_source() -> None:
    window = cut("Which door opens after six?", TEXT, TOKENS, 40)
    at = window.text.index("side door")
    start, end = window.source_span(at, at + len("side door"))
    assert TEXT[start:end] == "side door"


def test_a_sentence_longer_than_the_room_is_cut() -> None:
    window = cut("valley", "valley " * 500, TOKENS, 20)
    assert 0 < TOKENS.count(window.text) <= 20


@pytest.mark.parametrize("room", [1, 3, 10])
@given(text=st.text(alphabet="ab .!?\n…é中", min_size=1, max_size=200))
def test_any_text_gives_a_window_whose_characters_are_those_of_the_source(room: int, text: str) -> None:
    window = cut("a b", text, TOKENS, room)
    for at in range(len(window.text)):
        start, end = window.source_span(at, at + 1)
        assert 0 <= start < end <= len(text)
    assert window.text == GAP.join(text[start:end] for start, end in window.parts)
