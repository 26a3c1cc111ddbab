"""Whatever a language model says is read, and no marker comes out that is not the context's."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from citewell.generate.language.reply import (
    Form,
    Reply,
    ReplyReader,
    ReplySentence,
    read_reply,
    reply_model,
    reply_schema,
)

GOOD = {"answerable": True, "sentences": [{"text": "Leave is 28 days.", "citations": [1]}, {"text": "It grows.", "citations": [2, 1]}]}  # fmt: skip
SENTENCES = (ReplySentence("Leave is 28 days.", (1,)), ReplySentence("It grows.", (2, 1)))


def test_the_schema_has_no_room_for_other_markers() -> None:
    schema = reply_schema([2, 1], 3)
    assert "$" not in json.dumps(schema)
    item = schema["properties"]["sentences"]["items"]["properties"]["citations"]["items"]
    assert item["enum"] == [1, 2]
    model = reply_model([1, 2], 3)
    model.model_validate(GOOD)
    with pytest.raises(ValidationError):
        model.model_validate({"answerable": True, "sentences": [{"text": "x", "citations": [3]}]})
    with pytest.raises(ValueError, match="cite nothing"):
        reply_schema([], 3)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        json.dumps(GOOD, indent=2),
        "Sure! Here it is:\n```json\n" + json.dumps(GOOD) + "\n```",
        json.dumps(GOOD)[:-2],  # cut off
        json.dumps(GOOD)[:-2] + ', {"text": "half a sent',
        "- Leave is 28 days. [1]\n- It grows. [2, 1]\nand a line without",
        "Leave is 28 days [1].\nIt grows [2][1].",
    ],
)
def test_a_reply_is_read_in_many_forms(text: str) -> None:
    found = read_reply(text, [1, 2], 3)
    assert [(s.text.rstrip("."), s.citations) for s in found.sentences] == [
        (s.text.rstrip("."), s.citations) for s in SENTENCES
    ]


@pytest.mark.parametrize("text", ['{"answerable": false, "sentences": []}', "NOT ANSWERABLE", "No answer."])
def test_a_model_may_decline(text: str) -> None:
    found = read_reply(text, [1], 3)
    assert found == Reply((), False)
    assert found.is_usable


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "nothing_cited"),
        ("I think so.", "nothing_cited"),
        ("{" * 5000, "nothing_cited"),
        ('{"text": "x", "citations": [7, "1", true, 1.0]}', "unknown_marker"),
        ("x [99]", "unknown_marker"),
        ("a" * 30_000, "too_long"),
        (json.dumps({"sentences": [{"text": f"No {i}", "citations": [1]} for i in range(9)]}), "too_many_sentences"),
    ],
)
def test_what_is_wrong_with_a_reply_is_told(text: str, problem: str) -> None:
    assert problem in read_reply(text, [1], 3).problems


@given(st.text(max_size=400), st.sets(st.integers(1, 9), min_size=1))
def test_any_text_is_read_and_cites_only_what_there_is(text: str, markers: set[int]) -> None:
    found = read_reply(text, markers, 3)
    assert all(set(s.citations or ()) <= markers and s.text for s in found.sentences)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "citations", "sentences", "answerable", "x"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(json_values, st.integers(0, 60))
def test_any_json_is_read_whole_or_cut_off(value: object, cut: int) -> None:
    text = json.dumps(value)
    for said in (text, text[:cut]):
        assert all(set(s.citations or ()) <= {1, 2} for s in read_reply(said, {1, 2}, 3).sentences)


@given(st.lists(st.integers(1, 30), max_size=40))
def test_a_stream_gives_each_sentence_once_whole_and_in_order(widths: list[int]) -> None:
    text = json.dumps(GOOD)
    reader, said, at = ReplyReader({1, 2}, 3), [], 0
    for width in [*widths, len(text)]:
        said += reader.feed(text[at : at + width])
        at += width
    assert tuple(said) == SENTENCES
    assert reader.finish() == Reply(SENTENCES, True)


@given(
    st.lists(st.integers(1, 30), max_size=40),
    st.sampled_from(["lines", "json"]),
    st.text(max_size=200),
    st.integers(0, 120),
)
def test_what_a_stream_gave_is_never_taken_back(widths: list[int], form: Form, tail: str, cut: int) -> None:
    for start in (
        json.dumps(GOOD),
        "Leave is 28 days. [1]\nIt grows. [2, 1]\n",
        '{"answerable": false, "sentences": [',
        "NOT ANSWERABLE\n",
    ):
        text, at = start[:cut] + tail, 0
        reader, given_out = ReplyReader({1, 2}, 3, form), []
        for width in [*widths, len(text)]:
            given_out += reader.feed(text[at : at + width])
            at += width
        whole = reader.finish()
        assert list(whole.sentences[: len(given_out)]) == given_out
        assert whole.answerable is not False or not given_out


def test_json_where_lines_were_asked_for_is_read_as_json() -> None:
    for form in ("lines", "json"):
        assert read_reply('{"answerable": false\n', {1, 2}, 3, form) == Reply((), False)
        assert read_reply(json.dumps(GOOD, indent=1), {1, 2}, 3, form) == Reply(SENTENCES, True)
    assert read_reply("{1, 2} is a set. [1]\n", {1, 2}, 3, "lines").sentences == (
        ReplySentence("{1, 2} is a set.", (1,)),
    )


def test_lines_that_go_on_as_json_keep_what_was_given() -> None:
    reader = ReplyReader({1, 2}, 3, "lines")
    assert reader.feed('It is. [1]\n{"answerable": false}\n')[0] == ReplySentence("It is.", (1,))
    assert reader.finish().answerable is None


def test_lines_are_given_as_they_end() -> None:
    reader = ReplyReader({1, 2}, 3, "lines")
    assert reader.feed("Leave is 28 days. [") == []
    assert reader.feed("1]") == []
    assert reader.feed("\nIt gr") == [ReplySentence("Leave is 28 days.", (1,))]
    assert reader.feed("ows. [2]") == []
    assert len(reader.finish().sentences) == 2


def test_nothing_is_given_while_the_reply_may_still_decline() -> None:
    reader = ReplyReader({1}, 3)
    assert reader.feed('{"sentences": [{"text": "A.", "citations": [1]}], ') == []
    assert reader.feed('"answerable": true}') == [ReplySentence("A.", (1,))]


def test_lines_may_leave_their_markers_out_where_lines_were_asked_for() -> None:
    found = read_reply("Here is the answer:\n\nLeave is 28 days.\n- It grows. [9]", {1}, 3, "lines")
    assert found.sentences == (ReplySentence("Leave is 28 days.", None), ReplySentence("It grows.", ()))
    assert found.is_usable
    assert not read_reply("Leave is 28 days.", {1}, 3).is_usable


def test_of_a_sentence_that_was_cut_off_the_whole_ones_are_kept() -> None:
    text = '{"answerable": true, "sentences": [{"text": "Leave is 28 days. It gr'
    assert read_reply(text, {1}, 3).sentences == (ReplySentence("Leave is 28 days.", None),)
    assert read_reply(text[:-10] + "\\", {1}, 3).sentences == ()
    whole = (
        text[: text.index("[{") + 1]
        + json.dumps({"text": "It grows.", "citations": [1]})
        + ', {"text": "Leave is 28 days. It'
    )
    assert read_reply(whole, {1}, 3).sentences == (ReplySentence("It grows.", (1,)),)


def test_of_a_sentence_at_the_very_end_of_a_cut_reply_nobody_knows_whether_it_goes_on() -> None:
    reader = ReplyReader({1}, 3, "lines")
    reader.feed("Leave is 28 days. [1]\nThe dose is 1.")
    reply = reader.finish(whole=False)
    assert ([s.text for s in reply.sentences], reply.cut_off) == (["Leave is 28 days."], True)
    for text in ('{"answerable": true, "sentences": [{"text": "It grows. The dose is 1.', '{"answerable": true, "sentences": [{"text": "It grows. The dose is 1'):  # fmt: skip
        assert [s.text for s in read_reply(text, {1}, 3).sentences] == ["It grows."]
    whole = ReplyReader({1}, 3)
    whole.feed(json.dumps({"answerable": True, "sentences": [{"text": "It is 1.", "citations": [1]}]}) + "\n\n")
    assert not whole.finish(whole=False).cut_off  # what ran out was room for empty lines


@pytest.mark.parametrize("form", ["json", "lines"])
@pytest.mark.parametrize("opening", ["<think>", ""])
def test_what_a_model_thinks_first_is_left_out(form: Form, opening: str) -> None:
    thought = f'{opening}The user asks. [2]\nPerhaps {{"answerable": false}}?\n</think>\n'
    said = '{"answerable": true, "sentences": [{"text": "It is 5.", "citations": [1]}]}' if form == "json" else "It is 5. [1]"  # fmt: skip
    assert [s.text for s in read_reply(thought + said, {1, 2}, 3, form).sentences] == ["It is 5."]
    reader = ReplyReader({1, 2}, 3, form)
    assert not any(reader.feed(char) for char in "<think>One. [1]\nTwo. [2]\n")
    assert reader.finish().sentences == ()


def test_numbers_of_a_list_are_no_figures_and_markers_may_be_quoted() -> None:
    lines = read_reply("1. It is 5. [1]\n2) It grows. [2]\n31. December is free. [1]", {1, 2}, 3, "lines")
    assert [s.text for s in lines.sentences] == ["It is 5.", "It grows.", "31. December is free."]
    for named in ('["1"]', "1", '"[1]"', '["[1]", 9]'):
        (sentence,) = read_reply(f'{{"sentences": [{{"text": "It is 5.", "citations": {named}}}]}}', {1}, 3).sentences
        assert sentence.citations == (1,)


def test_nothing_that_cannot_be_shown_is_written() -> None:
    (sentence,) = read_reply('{"text": "It \\u202eis \\ud83d 5\\u0007.", "citations": [1]}', {1}, 3).sentences
    assert sentence.text == "It is � 5."
