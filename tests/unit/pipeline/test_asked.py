"""Questions are kept by the id of their answer, few of them, and forgotten with a purge."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable

import pytest

from citewell.core.errors import AnswerNotFound
from citewell.core.settings import load_settings
from citewell.pipeline.ask import ask, ask_again
from citewell.pipeline.asked import FILE
from citewell.pipeline.upkeep.maintain import purge
from citewell.pipeline.wiring import Engine

QUESTION = "How many days of annual leave does an employee have?"


def test_an_answer_is_replayed_by_its_id_with_the_same_rights_and_filter(engine: Engine) -> None:
    answer = ask(engine, QUESTION, filter="path:leave*")
    refused = ask(engine, QUESTION, frozenset({"nobody"}))
    asked, again = ask_again(engine, answer.answer_id)
    assert (asked.question, asked.filter, asked.groups, asked.status) == (QUESTION, "path:leave*", None, answer.status)
    assert (again.answer_id, again.sentences, again.reasons) == (answer.answer_id, answer.sentences, answer.reasons)
    asked, again = ask_again(engine, refused.answer_id)
    assert asked.groups == ("nobody",)
    assert (again.status, again.context.passages) == ("abstained", ())


def test_only_so_many_are_kept_by_the_owner_alone_and_without_text_of_documents(
    engine: Engine, make_engine: Callable[..., Engine]
) -> None:
    few = make_engine(engine.directory, load_settings(storage={"keep_questions": 2}))
    ids = [ask(few, f"How many days of leave in {year}?").answer_id for year in range(2000, 2006)]
    path = engine.directory / FILE
    lines = path.read_text(encoding="utf-8").splitlines()
    assert 2 <= len([line for line in lines if line]) <= 4
    assert few.asked.find(ids[-1]).question == "How many days of leave in 2005?"
    with pytest.raises(AnswerNotFound):
        few.asked.find(ids[0])
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert not {"sentences", "quote", "text"} & {key for line in lines if line for key in json.loads(line)}
    path.write_text(path.read_text(encoding="utf-8") + '{"answer_id": "cut o', encoding="utf-8")
    assert few.asked.find(ids[-1])


def test_none_is_kept_where_none_shall_be_and_a_purge_forgets_all(
    engine: Engine, make_engine: Callable[..., Engine]
) -> None:
    silent = make_engine(engine.directory, load_settings(storage={"keep_questions": 0}))
    ask(silent, QUESTION)
    assert not (engine.directory / FILE).exists()
    answer = ask(engine, QUESTION)
    assert (engine.directory / FILE).is_file()
    purge(engine, answer.context.passages[0].chunk.doc_id)
    assert not (engine.directory / FILE).exists()
    with pytest.raises(AnswerNotFound):
        ask_again(engine, answer.answer_id)
