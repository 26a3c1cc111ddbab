"""Sentences are chosen that answer together, and what they lean on comes with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twins import WordCounter, evidence_of, make_chunk, shown

from citewell.core.evidence import Quotable, Signals
from citewell.core.settings import GenerateSettings
from citewell.core.types import Block, Context, Passage, Query, Reading, StoredPassage
from citewell.core.words import count_words
from citewell.generate.extractive import ExtractiveGenerator, choose
from citewell.generate.leaning import leans_of, whole_of
from citewell.generate.parts import parts_of
from citewell.generate.quotables import quotable_sentences, shortened

GENERATOR = ExtractiveGenerator(WordCounter(), GenerateSettings())
QUERY = Query("how many days")


def passage_of(*blocks: tuple[str, str]) -> Passage:
    """A passage of blocks of these kinds, a line each."""
    made, at = [], 0
    for kind, text in blocks:
        made.append(Block(at, at + len(text), kind))  # type: ignore[arg-type]
        at += len(text) + 1
    chunk = make_chunk("d", "\n".join(text for _, text in blocks))
    return Passage(1, StoredPassage(chunk, "s/d", tuple(made)), 1.0, chunk.text)


def quoted(passage: Passage, words: str) -> Quotable:
    return next(q for q in quotable_sentences(passage) if words in q.text)


def test_one_sure_sentence_is_enough_and_more_are_quoted_where_none_is() -> None:
    context = shown("Leave is 28 days.", "Trains go hourly then.", "Hotels cost much money.", "Pumps are always blue.")
    assert choose(evidence_of(context, [5.0, 0.0, 0.0, 0.0]), 3) == [0]
    assert choose(evidence_of(context, [1.0, 0.9, 0.8, 0.7]), 3) == [0, 1, 2]
    assert choose(evidence_of(context, [1.0, 0.9, -9.0, -9.0]), 3) == [0, 1]
    assert choose(evidence_of(shown(), []), 3) == []


def test_what_is_said_already_is_not_quoted_again() -> None:
    context = shown("Leave is 28 days.", "leave is 28 days", "Hotels cost much money.")
    assert choose(evidence_of(context, [1.0, 1.0, 0.9]), 3) == [0, 2]


def test_an_answer_keeps_below_its_words() -> None:
    long = " ".join(["word"] * 60)
    context = shown(f"First {long}.", f"Second {long}.", "Short one here.")
    assert choose(evidence_of(context, [1.0, 1.0, 0.9]), 3) == [0, 2]


@pytest.mark.parametrize("mark", [", ", "; ", "، ", " "])
@pytest.mark.parametrize("place", [0, 40, 119])
def test_of_a_long_sentence_the_clauses_around_the_answer_are_quoted(mark: str, place: int) -> None:
    words = [f"word{i}" for i in range(120)]
    text = mark.join(" ".join(words[i : i + 10]) for i in range(0, 120, 10))
    (passage,) = shown(f"{text}.").passages
    at = text.index(words[place])
    short = shortened(Quotable(passage, passage.start_char, passage.start_char + len(text), text), at, 80)
    assert len(short.text.split()) <= 80
    assert words[place] in short.text
    offset = passage.chunk.start_char
    assert passage.chunk.text[short.start_char - offset : short.end_char - offset] == short.text
    assert shortened(short, 0, 80) == short


def test_sentences_without_spaces_between_words_are_quoted_and_shortened() -> None:
    """Han, kana and Thai: words are not what stands between spaces."""
    for text in ("员工每年有二十八天带薪年假。", "ポンプは毎日点検します。", "พนักงานลาได้ปีละสิบวัน"):
        assert [q.text for q in quotable_sentences(shown(text).passages[0])] == [text]
    assert quotable_sentences(shown("年假。").passages[0]) == []
    clauses = [f"第{i}条规定员工的年假" for i in range(40)]
    for mark in ("，", ""):
        text = mark.join(clauses) + "。"
        (long,) = quotable_sentences(shown(text).passages[0])
        short = shortened(long, text.index("第20条"), 80)
        assert "第20条" in short.text
        assert count_words(short.text) <= 80
        assert text[short.start_char - long.start_char :].startswith(short.text)


def test_sentences_are_in_reading_order_and_the_readers_words_are_highlighted() -> None:
    context = shown("Leave is 28 days a year.", "It grows with age, says the law.")
    ids = [p.chunk.chunk_id for p in context.passages]
    signals = Signals(readings={ids[0]: Reading(1.0, 0.9, 9, 16, 3.0), ids[1]: Reading(1.0, 0.9, 0, 32, 3.0)})
    draft = GENERATOR.generate(QUERY, context, [evidence_of(context, [1.0, 1.1], signals)])
    assert [s.citations[0].marker for s in draft.sentences] == [1, 2]
    assert draft.sentences[0].short_answer == "28 days"
    assert draft.sentences[1].highlight is None  # all of a sentence is no short answer


def test_each_part_of_a_question_gets_its_sentence() -> None:
    context = shown("Leave is 28 days.", "Trains go hourly then.")
    parts = [evidence_of(context, [9.0, 0.0]), evidence_of(context, [0.0, 9.0])]
    draft = GENERATOR.generate(QUERY, context, parts)
    assert [s.citations[0].doc_id for s in draft.sentences] == ["a", "b"]
    assert GENERATOR.generate(QUERY, Context((), 0, 64), [evidence_of(shown(), [])]).sentences == ()


def test_a_pronoun_brings_what_it_stands_for_and_a_turn_what_it_turns() -> None:
    passage = passage_of(
        ("paragraph", "Maria Holt leads Graz. She signs all contracts. However, trainees may not sign.")
    )
    assert [(lean.kind, lean.citation.quote) for lean in leans_of(quoted(passage, "She signs"))] == [
        ("antecedent", "Maria Holt leads Graz.")
    ]
    assert [lean.kind for lean in leans_of(quoted(passage, "However"))] == ["condition"]
    assert leans_of(quoted(passage, "Maria")) == ()


def test_a_list_item_is_quoted_whole_with_what_introduces_the_list() -> None:
    passage = passage_of(
        ("paragraph", "After the trial period you get:"),
        ("list_item", "a phone of your own. It is new."),
        ("list_item", "a bicycle of your own"),
    )
    item = whole_of(quoted(passage, "It is new"))
    assert item.text == "a phone of your own. It is new."
    assert passage.chunk.text[item.start_char : item.end_char] == item.text
    assert [(lean.kind, lean.citation.quote) for lean in leans_of(quoted(passage, "bicycle"))] == [
        ("list", "After the trial period you get:")
    ]


def test_what_introduces_a_list_may_stand_before_the_passage_and_without_a_colon() -> None:
    item = passage_of(("list_item", "diving from the edge of the pool"))
    lead = "Rules. The following is strictly forbidden in the hall:"
    begun = replace(item, stored=replace(item.stored, lead=Block(100, 100 + len(lead), "paragraph"), lead_text=lead))
    (lean,) = leans_of(quoted(begun, "diving"))
    assert (lean.kind, lean.citation.quote) == ("list", "The following is strictly forbidden in the hall:")
    assert (lean.citation.start_char, lean.citation.end_char) == (107, 100 + len(lead))
    for said, count in (("Strictly forbidden in the hall", 1), ("The hall is old.", 0)):
        held = passage_of(("paragraph", said), ("list_item", "diving from the edge of the pool"))
        assert len(leans_of(quoted(held, "diving"))) == count


def test_what_is_cut_from_a_long_sentence_and_denies_the_rest_is_shown_beside_it() -> None:
    long = ", ".join(f"the part number {i} of the old hall" for i in range(12))
    text = f"It is not the case, as some say, that {long}, is paid by the office, but only if nobody was there."
    context = shown(text)
    (sentence,) = GENERATOR.generate(QUERY, context, [evidence_of(context, [1.0])]).sentences
    assert "not the case" not in sentence.text or "only if" not in sentence.text
    beside = " ".join(lean.citation.quote for lean in sentence.leans_on)
    for words in ("not the case", "only if nobody"):
        assert words in sentence.text or words in beside


def test_the_first_row_of_a_table_without_column_names_can_be_quoted() -> None:
    passage = passage_of(
        ("paragraph", "About the pump."), ("table_row", "Weight | 4.2 kg"), ("table_row", "Length | 310 mm")
    )
    assert [(q.text, q.columns) for q in quotable_sentences(passage)][1:] == [
        ("Weight | 4.2 kg", ""),
        ("Length | 310 mm", ""),
    ]


def test_a_table_row_is_quoted_whole() -> None:
    passage = passage_of(
        ("paragraph", "Limits are these ones."),
        ("table_header", "Meal | Limit"),
        ("table_row", "Dinner. Late | £32 | €36"),
    )
    assert whole_of(quoted(passage, "Late")).text == "Dinner. Late | £32 | €36"


def test_a_question_of_the_document_is_no_answer_and_what_answers_it_is_read_under_it() -> None:
    passage = passage_of(
        ("paragraph", "May I bring my dog?"),
        ("paragraph", "On Fridays you may. Ask your room first."),
        ("paragraph", "Q: When is it closed?\nA: From noon of Christmas Eve."),
        ("paragraph", "Badges cost 10 euros."),
        ("paragraph", "Why does it matter? A lost badge opens doors."),
        ("paragraph", "Locks are old. Who has the keys? The reception has them."),
    )
    assert [(q.text, q.asked) for q in quotable_sentences(passage)] == [
        ("On Fridays you may.", "May I bring my dog?"),
        ("Ask your room first.", "May I bring my dog?"),
        ("A: From noon of Christmas Eve.", "Q: When is it closed?"),
        ("Badges cost 10 euros.", ""),
        ("A lost badge opens doors.", "Why does it matter?"),
        ("Locks are old.", ""),
        ("The reception has them.", ""),
    ]
    friday = quoted(passage, "On Fridays")
    assert friday.read.endswith("May I bring my dog?: On Fridays you may.")
    assert friday.alone.heading_path[-1] == "May I bring my dog?"
    assert [(lean.kind, lean.citation.quote) for lean in leans_of(friday)] == [("question", "May I bring my dog?")]
    assert leans_of(quoted(passage, "Ask your room")) == ()


def test_a_list_of_questions_can_be_quoted() -> None:
    """Somebody may ask which questions are asked."""
    questions = ("What did you like here?", "What was missing for you?", "Would you come back again?")
    passage = passage_of(("paragraph", "We ask these ones."), *(("list_item", question) for question in questions))
    assert [q.text for q in quotable_sentences(passage)] == ["We ask these ones.", *questions]


@pytest.mark.parametrize(("heading", "asked"), [("What if I lose it?", "What if I lose it?"), ("Lost badges", "")])
def test_a_sentence_is_read_under_a_heading_within_its_passage_that_asks(heading: str, asked: str) -> None:
    text = f"{heading}\nTell the desk at once."
    chunk = replace(make_chunk("d", text), heading_path=("Handbook",))
    path, end = ("Handbook", heading), len(heading)
    blocks = (Block(0, end, "heading", heading_path=path), Block(end + 1, len(text), "paragraph", heading_path=path))
    (found,) = quotable_sentences(Passage(1, StoredPassage(chunk, "s/d", blocks), 1.0, text))
    assert (found.text, found.asked) == ("Tell the desk at once.", asked)
    assert found.alone.heading_path == (("Handbook", asked) if asked else ("Handbook",))


def test_a_question_is_taken_apart_where_it_asks_several_things() -> None:
    assert parts_of("Who built the bridge and when was it closed?") == [
        "Who built the bridge?", "Who built the bridge? when was it closed?",
    ]  # fmt: skip
    assert parts_of("What is leave? How many days are there?") == ["What is leave?", "How many days are there?"]
    for whole in (
        "Who wrote it and sold it?",
        "What are the rules for trains and planes?",
        "leave days",
        "Is it on and is it off and is it x and is it y?",
    ):
        assert parts_of(whole) == [whole]
