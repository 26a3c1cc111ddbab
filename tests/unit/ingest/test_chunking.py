"""Passages follow headings, are of like length, and stay within the limit."""

from __future__ import annotations

import pytest

from citewell.core.settings import ChunkingSettings
from citewell.core.tokens import ModelTokenizer
from citewell.core.types import Document
from citewell.ingest.chunking import Chunker
from citewell.ingest.normalise import Parsed, RawBlock, compose_document


def document(*blocks: RawBlock, title: str = "T") -> Document:
    return compose_document(Parsed(list(blocks), "text/plain", title=title), source="s", path="p")


@pytest.fixture
def chunker(tokenizer: ModelTokenizer) -> Chunker:
    return Chunker(ChunkingSettings(max_tokens=64, min_tokens=16), tokenizer, "t")


LONG = " ".join(f"Sentence number {i} speaks about the calibration of pumps." for i in range(12))


def test_a_passage_begins_with_its_heading_and_knows_its_path(chunker: Chunker) -> None:
    made = chunker.split(document(RawBlock("heading", "A", 1), RawBlock("heading", "B", 2), RawBlock("paragraph", LONG), RawBlock("heading", "C", 2), RawBlock("paragraph", LONG)))  # fmt: skip
    assert made[0].text.startswith("A\n\nB\n\nSentence number 0")
    assert {chunk.heading_path for chunk in made} == {("A", "B"), ("A", "C")}


def test_long_sections_are_cut_at_sentence_ends_into_parts_of_like_length(chunker: Chunker) -> None:
    made = chunker.split(document(RawBlock("paragraph", LONG)))
    assert all(chunk.text.endswith(".") for chunk in made)
    counts = [chunk.token_count for chunk in made]
    assert max(counts) <= 64
    assert min(counts) >= 0.5 * max(counts), counts


@pytest.mark.parametrize("edit", ["", "A new sentence is put in here, in the middle of it all. "])
def test_an_edit_changes_the_passages_around_it_and_no_others(tokenizer: ModelTokenizer, edit: str) -> None:
    sentences = [f"Rule {i} of the {i * 7919 % 997} is about pump {i * 31 % 101} and its valve. " for i in range(200)]
    chunker = Chunker(ChunkingSettings(), tokenizer, "t")
    before = {c.text for c in chunker.split(document(RawBlock("paragraph", "".join(sentences))))}
    edited = [*sentences[:100], edit or "Rule hundred is no more. ", *sentences[100 + (not edit) :]]
    after = {c.text for c in chunker.split(document(RawBlock("paragraph", "".join(edited))))}
    assert len(after) >= 12
    assert len(after - before) <= 3


def test_small_neighbours_under_one_heading_are_joined_and_strangers_are_not(chunker: Chunker) -> None:
    small = document(RawBlock("heading", "A", 1), RawBlock("heading", "x", 2), RawBlock("paragraph", "Short one."), RawBlock("heading", "y", 2), RawBlock("paragraph", "Short two."))  # fmt: skip
    assert len(chunker.split(small)) == 1
    apart = document(RawBlock("heading", "A", 1), RawBlock("heading", "x", 2), RawBlock("heading", "x1", 3), RawBlock("paragraph", LONG), RawBlock("heading", "B", 1), RawBlock("paragraph", "Short."))  # fmt: skip
    assert chunker.split(apart)[-1].heading_path == ("B",)


def test_a_sentence_over_the_limit_is_cut_between_tokens(chunker: Chunker) -> None:
    made = chunker.split(document(RawBlock("paragraph", "word " * 300)))
    assert len(made) >= 5
    assert all(chunk.token_count <= 64 for chunk in made)


def test_without_chunking_a_document_is_one_passage(tokenizer: ModelTokenizer) -> None:
    whole = document(RawBlock("paragraph", LONG), RawBlock("paragraph", LONG))
    made = Chunker(ChunkingSettings(method="none"), tokenizer, "t").split(whole)
    assert [chunk.text for chunk in made] == [whole.text]


def test_ids_follow_document_span_and_settings(tokenizer: ModelTokenizer, chunker: Chunker) -> None:
    source = document(RawBlock("paragraph", LONG))
    again = [c.chunk_id for c in chunker.split(source)]
    assert again == [c.chunk_id for c in chunker.split(source)]
    other = Chunker(ChunkingSettings(max_tokens=65, min_tokens=16), tokenizer, "t")
    assert other.fingerprint != chunker.fingerprint
    assert not set(again) & {c.chunk_id for c in other.split(source)}
