"""Sentences, token maps and the invariants of the flowing types."""

from __future__ import annotations

import pytest

from citewell.core.sentences import sentence_spans
from citewell.core.tokens import ModelTokenizer, TokenMap
from citewell.core.types import Block, Chunk, Document, Ranking, rank_by_score, text_version
from citewell.core.words import count_words, stems, word_spans


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("Dr. Bell met Mr. Lane at 5 p.m. in Leeds.", 1),
        ("It costs 3.50 euros. It is red.", 2),
        ("See e.g. Section 4. It explains.", 2),
        ("Am 1. März beginnt die Frist. Sie endet am 3. Mai.", 2),
        ("He said “Stop.” Then he left.", 2),
        ("Row one | a\nRow two | b", 2),
        ("1. Switch it off. 2. Wait.", 2),
        ("これは文です。次の文。", 2),
        ("J. Smith wrote it.", 1),
        ("「これは文です。」次の文。", 2),
        ("Skončilo to. Žádná další není.", 2),
        ("انتهى الاجتماع. بدأ العمل في اليوم التالي. متى انتهى؟ مساءً.", 4),
        ("التقى د. أحمد بالوزير. وافق الوزير.", 2),
        ("اجلاس ختم ہوا۔ کام شروع ہوا۔", 2),
        ("הפגישה הסתיימה. העבודה החלה.", 2),
        ("회의가 끝났다. 일이 시작되었다.", 2),
        ("बैठक समाप्त हुई। काम शुरू हुआ।", 2),
        ("Version 2.0 of it. and on", 1),
    ],
)
def test_sentences_end_where_a_reader_says_they_do(text: str, count: int) -> None:
    assert len(sentence_spans(text)) == count, [text[a:b] for a, b in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Row 3 – of it (all).", ["Row", "3", "–", "of", "it", "(all)."]),
        ("年假有二十八天。", ["年假", "有二", "十八", "天。"]),
        ("3月31日", ["3", "月", "31", "日"]),
        ("ポンプは、毎日", ["ポン", "プは、", "毎日"]),
        ("회의가 끝났다.", ["회의", "가", "끝났", "다."]),
        ("P200泵", ["P200", "泵"]),
    ],
)
def test_words_are_told_where_no_spaces_part_them(text: str, words: list[str]) -> None:
    assert [text[a:b] for a, b in word_spans(text)] == words
    assert count_words(text) == len(words)


def test_texts_that_speak_of_the_same_share_stems() -> None:
    assert stems("Calibrating 2 P200 pumps") == {"calibr", "p200", "pumps"}
    assert stems("年假有多少天？") & stems("每年有年假。") == {"年假"}
    assert stems("泵 P200泵") == {"泵", "p200"}


def test_a_token_map_counts_any_span_as_the_tokenizer_counts_its_text(tokenizer: ModelTokenizer) -> None:
    text = "Calibration of the P200 pump: 12 litres/minute, see §4."
    assert TokenMap(tokenizer, text).cost(0, len(text)) == tokenizer.count(text)
    at = text.index("pump")
    assert TokenMap(tokenizer, text).cost(at, len(text)) == tokenizer.count(text[at:])


def test_a_word_that_the_tokenizer_hides_in_one_token_is_charged_by_its_length(tokenizer: ModelTokenizer) -> None:
    tokens = TokenMap(tokenizer, "a" * 4000)
    assert tokens.cost(0, 4000) == 1000
    assert tokens.cost(2000, 4000) == 500
    assert tokens.longest_end(1000, 4000, 100) == 1400


def test_a_document_refuses_blocks_out_of_order_and_a_wrong_version() -> None:
    with pytest.raises(ValueError, match="order"):
        Document(
            "d",
            text_version("abcdef"),
            "u",
            "t",
            "abcdef",
            "text/plain",
            blocks=(Block(3, 5, "paragraph"), Block(0, 2, "paragraph")),
        )
    with pytest.raises(ValueError, match="version"):
        Document("d", "wrong", "u", "t", "abc", "text/plain")


def test_pages_are_those_of_the_block_at_the_character() -> None:
    blocks = (Block(0, 2, "paragraph", 1), Block(3, 5, "paragraph", 4))
    document = Document("d", text_version("ab cd"), "u", "t", "ab cd", "application/pdf", blocks=blocks)
    assert [document.page_at(i) for i in (0, 3, 4)] == [1, 4, 4]


def test_a_passage_is_as_long_as_its_span() -> None:
    with pytest.raises(ValueError, match="span"):
        Chunk("c", "d", "v", 0, 3, "abcd", 1)


def test_a_header_names_nothing_twice() -> None:
    assert Chunk("c", "d", "v", 0, 1, "x", 1, ("Leave", "Carrying over"), "Leave").header == "Leave › Carrying over"


def test_rankings_break_ties_by_passage_id() -> None:
    ranking = rank_by_score("s", {"b": 1.0, "a": 1.0, "c": 2.0}, dict.fromkeys("abc", "d"))
    assert [c.chunk_id for c in ranking.candidates] == ["c", "a", "b"]
    with pytest.raises(ValueError, match="ranks"):
        Ranking("s", ranking.candidates[1:])
