"""Passages follow headings, are of like length, stay within the limit, and name the columns of the rows they hold."""

from __future__ import annotations

import itertools

import pytest
from pydantic import ValidationError

from citewell.core.settings import ChunkingSettings
from citewell.core.tokens import ModelTokenizer
from citewell.core.types import Chunk, Document
from citewell.ingest.chunking import Chunker
from citewell.ingest.normalise import compose_document
from citewell.ingest.parsed import Parsed, RawBlock, row


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


FILLING = ["sentences", "paragraphs", "fixed"]
COLUMNS = row(["Pump", "Litres a minute", "Price in euros"])


def table(rows: int, *header: str) -> list[RawBlock]:
    body = [row([f"P{n}", f"{n * 31 % 97}", f"{n * 7919 % 997}.50"]) for n in range(rows)]
    return [*(RawBlock("table_header", text) for text in header), *(RawBlock("table_row", text) for text in body)]


def begins_with_row(chunk: Chunk, source: Document) -> bool:
    return any(b.start_char == chunk.start_char and b.kind == "table_row" for b in source.blocks)


@pytest.mark.parametrize("method", ["structure", *FILLING])
def test_each_row_of_a_long_table_has_its_column_names_in_its_passage(tokenizer: ModelTokenizer, method: str) -> None:
    source = document(RawBlock("heading", "Prices", 1), RawBlock("paragraph", "All of them."), *table(60, COLUMNS))
    made = Chunker(ChunkingSettings(method=method, max_tokens=96, min_tokens=0), tokenizer, "t").split(source)
    assert len(made) >= 7
    first, *others = made
    assert COLUMNS in first.text
    assert first.heading_path == ("Prices",)
    assert all(chunk.heading_path == ("Prices", COLUMNS) for chunk in others)
    assert all(COLUMNS in chunk.headed_text and COLUMNS not in chunk.text for chunk in others)
    assert all(begins_with_row(chunk, source) for chunk in others)
    assert all(source.text[c.start_char : c.end_char] == c.text for c in made)
    assert all(tokenizer.count(c.headed_text) + 2 <= 96 for c in made)


def test_a_table_of_several_header_rows_is_named_by_all_of_them(chunker: Chunker) -> None:
    source = document(*table(40, row(["", "2024", "2024"]), row(["Pump", "Flow", "Price"])))
    made = chunker.split(source)
    assert made[0].heading_path == ()
    assert all(chunk.heading_path == ("| 2024 | 2024 Pump | Flow | Price",) for chunk in made[1:])


def test_each_of_two_tables_has_its_own_column_names(chunker: Chunker) -> None:
    made = chunker.split(document(*table(30, COLUMNS), *table(30, row(["Name", "Born", "Died"]))))
    inside = [chunk.heading_path for chunk in made if chunk.heading_path]
    assert [path for path, _ in itertools.groupby(inside)] == [(COLUMNS,), ("Name | Born | Died",)]


def test_after_a_table_its_column_names_are_gone(chunker: Chunker) -> None:
    made = chunker.split(document(*table(30, COLUMNS), RawBlock("paragraph", LONG)))
    assert made[-1].text.endswith("pumps.")
    assert made[-1].heading_path == ()


def test_rows_without_a_header_have_no_column_names(chunker: Chunker) -> None:
    made = chunker.split(document(*table(30)))
    assert len(made) >= 4
    assert {chunk.heading_path for chunk in made} == {()}


@pytest.mark.parametrize("method", ["structure", *FILLING])
@pytest.mark.parametrize("sentences", range(1, 12))
def test_a_header_row_stays_with_the_first_row_below_it(tokenizer: ModelTokenizer, method: str, sentences: int) -> None:
    before = " ".join(f"Sentence number {i} speaks of pumps." for i in range(sentences))
    made = Chunker(ChunkingSettings(method=method, max_tokens=64, min_tokens=0), tokenizer, "t").split(
        document(RawBlock("paragraph", before), *table(20, COLUMNS))
    )
    assert not any(chunk.text.endswith(COLUMNS) for chunk in made)


def test_a_table_that_fits_begins_a_passage_rather_than_being_cut(tokenizer: ModelTokenizer) -> None:
    blocks = [RawBlock("paragraph", LONG), *table(5, COLUMNS), RawBlock("paragraph", LONG)]
    made = Chunker(ChunkingSettings(max_tokens=256), tokenizer, "t").split(document(*blocks))
    holding = [chunk for chunk in made if "P0 |" in chunk.text or "P4 |" in chunk.text]
    assert len(holding) == 1


@pytest.mark.parametrize("method", ["structure", *FILLING])
def test_only_a_row_over_the_limit_is_cut_and_its_pieces_know_the_columns(
    tokenizer: ModelTokenizer, method: str
) -> None:
    long_row = row(["P200", "It moves water. " * 40, "12"])
    source = document(*table(3, COLUMNS), RawBlock("table_row", long_row), *table(3))
    made = Chunker(ChunkingSettings(method=method, max_tokens=64, min_tokens=0), tokenizer, "t").split(source)
    whole = [b for b in source.blocks if source.text[b.start_char : b.end_char] != long_row.strip()]
    assert all(any(c.start_char <= b.start_char and b.end_char <= c.end_char for c in made) for b in whole)
    pieces = [c for c in made if "It moves water." in c.text]
    assert len(pieces) >= 4
    assert all(COLUMNS in piece.headed_text for piece in pieces)
    assert all(chunk.token_count <= 64 for chunk in made)


def test_column_names_that_are_too_long_are_shortened(tokenizer: ModelTokenizer) -> None:
    wide = row([f"Column {n} of the table" for n in range(100)])
    made = Chunker(ChunkingSettings(max_tokens=256), tokenizer, "t").split(document(*table(200, wide)))
    shown = {chunk.heading_path[-1] for chunk in made if chunk.heading_path}
    assert len(shown) == 1
    name = shown.pop()
    assert wide.startswith(name)
    assert 40 <= tokenizer.count(name) <= 64


def test_a_table_of_nothing_but_header_rows_is_split_in_linear_time(chunker: Chunker) -> None:
    made = chunker.split(document(*(RawBlock("table_header", row([f"Name {n}", "Born"])) for n in range(20_000))))
    assert len(made) >= 1000
    assert all(len(chunk.header) < 300 for chunk in made)


def test_a_row_that_is_added_changes_the_passages_around_it_and_no_others(tokenizer: ModelTokenizer) -> None:
    rows = table(300, COLUMNS)
    chunker = Chunker(ChunkingSettings(), tokenizer, "t")
    before = {c.headed_text for c in chunker.split(document(*rows))}
    after = {
        c.headed_text for c in chunker.split(document(*rows[:150], RawBlock("table_row", "New | 1 | 2"), *rows[150:]))
    }
    assert len(after) >= 12
    assert len(after - before) <= 3


def test_a_long_sentence_between_short_ones_leaves_no_scraps(chunker: Chunker) -> None:
    short = [f"Pump {i} is old." for i in range(4)]
    long = "The pump " + "and the valve " * 14 + "work."
    made = chunker.split(document(RawBlock("paragraph", " ".join([*short, long, *short]))))
    assert len(made) == 3


@pytest.mark.parametrize("method", FILLING)
def test_passages_overlap_by_what_fits_into_the_overlap(tokenizer: ModelTokenizer, method: str) -> None:
    source = document(
        *(RawBlock("paragraph", f"Rule {i} is about pump {i * 31 % 101} and its valve.") for i in range(60))
    )
    settings = ChunkingSettings(method=method, max_tokens=96, overlap_tokens=24)
    made = Chunker(settings, tokenizer, "t").split(source)
    shared = [tokenizer.count(source.text[b.start_char : a.end_char]) for a, b in itertools.pairwise(made)]
    assert all(12 <= tokens <= 24 for tokens in shared), shared
    assert all(a.end_char < b.end_char for a, b in itertools.pairwise(made))
    assert all(chunk.token_count <= 96 for chunk in made)


def test_passages_that_are_filled_up_have_the_headings_that_all_of_them_share(tokenizer: ModelTokenizer) -> None:
    source = document(RawBlock("heading", "A", 1), RawBlock("paragraph", "Short one."), RawBlock("heading", "x", 2), RawBlock("paragraph", "Short two."))  # fmt: skip
    (made,) = Chunker(ChunkingSettings(method="paragraphs"), tokenizer, "t").split(source)
    assert made.heading_path == ("A",)


@pytest.mark.parametrize("method", ["structure", "none"])
def test_methods_that_cannot_overlap_say_so(method: str) -> None:
    with pytest.raises(ValidationError, match="do not overlap"):
        ChunkingSettings(method=method, overlap_tokens=16)


def test_an_overlap_is_at_most_half_a_passage() -> None:
    with pytest.raises(ValidationError, match="half"):
        ChunkingSettings(method="fixed", max_tokens=64, overlap_tokens=33)
