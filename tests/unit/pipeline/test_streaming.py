"""An answer while it is made: what is shown was checked, stays, and comes before the rest is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scripted import Breaks, Scripted, reply

from citewell.core.answers import Answer, Sentence
from citewell.core.errors import ModelUnavailable
from citewell.core.settings import GenerateSettings, load_settings
from citewell.generate.language.generator import LanguageGenerator
from citewell.pipeline.ask import ask
from citewell.pipeline.audience import Audience
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.streaming import Said, StageBegins, Waiting, answer_events
from citewell.pipeline.wiring import Engine

QUESTION = "How many days of annual leave are there?"
RIGHT, WRONG = ("Annual leave amounts to 28 days.", [1]), ("Annual leave amounts to 31 days.", [1])


class Listening(Audience):
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.said: list[tuple[Sentence, bool]] = []
        self.heard_one = threading.Event()
        self.left = False

    @property
    def is_gone(self) -> bool:
        return self.left

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def sentence(self, sentence: Sentence, *, checked: bool) -> None:
        self.said.append((sentence, checked))
        self.heard_one.set()


def heard(engine: Engine, model: Scripted, audience: Listening | None = None) -> tuple[Answer, Listening]:
    engine.__dict__["generators"] = (LanguageGenerator(model, GenerateSettings()), engine.generators[-1])
    listening = audience or Listening()
    return ask(engine, QUESTION, audience=listening), listening


@pytest.fixture
def leave(make_engine: Callable[..., Engine], tmp_path: Path) -> Iterator[Engine]:
    papers = tmp_path / "leave-papers"
    papers.mkdir()
    (papers / "leave.md").write_text(
        "# Leave\n\nAnnual leave amounts to 28 days. Annual leave is approved by the head of department.\n",
        encoding="utf-8",
    )
    engine = make_engine(tmp_path / "leave", load_settings(generate={"threshold": 0.0}))
    ingest_paths(engine, [papers])
    yield engine
    engine.close()


def test_what_is_shown_was_checked_and_is_the_answer(leave: Engine) -> None:
    answer, listening = heard(leave, Scripted(reply(RIGHT, WRONG), reply(answerable=True)))
    assert listening.said == [(sentence, True) for sentence in answer.sentences]
    assert [s.text for s in answer.sentences] == [RIGHT[0]]
    assert listening.stages[:2] == ["open", "bm25"]
    assert {"generate", "verify"} <= set(listening.stages)


def test_quotations_are_shown_too_and_nothing_of_a_refusal(leave: Engine, engine: Engine) -> None:
    listening = Listening()
    answer = ask(leave, QUESTION, audience=listening)
    assert [sentence for sentence, _ in listening.said] == list(answer.sentences)
    refused = Listening()
    assert ask(engine, "Who won the chess tournament of 1924 in New York?", audience=refused).status == "abstained"
    assert refused.said == []


def test_a_sentence_is_shown_while_the_next_is_still_being_written(leave: Engine) -> None:
    listening = Listening()
    second = ("Annual leave is approved by the head of department.", [1])
    model = Scripted(reply(RIGHT, second))
    model.before = lambda said: '"citations": [1]}' not in said or listening.heard_one.wait(20)  # until it was read
    answer, _ = heard(leave, model, listening)
    assert [s.text for s in answer.sentences] == [RIGHT[0], second[0]]


def test_what_was_shown_stays_when_the_answer_is_written_once_more(leave: Engine) -> None:
    second = ("Annual leave is approved by the head of department.", [1])
    wrong = ("Annual leave is approved by nobody in 1999.", [1])
    model = Scripted(reply(RIGHT, wrong), reply(RIGHT, second))
    answer, listening = heard(leave, model)
    assert [s.text for s in answer.sentences] == [RIGHT[0], second[0]]
    assert [s.text for s, _ in listening.said] == [RIGHT[0], second[0]]
    assert answer.status == "grounded"
    assert "rewritten" in answer.reasons


def test_after_shows_first_and_the_answer_corrects(leave: Engine) -> None:
    leave.settings = load_settings(generate={"threshold": 0.0, "verify": "after"})
    answer, listening = heard(leave, Scripted(reply(WRONG, RIGHT), reply(RIGHT)))
    assert [(s.text, checked) for s, checked in listening.said][:2] == [(WRONG[0], False), (RIGHT[0], False)]
    assert [s.text for s in answer.sentences] == [RIGHT[0]]


def test_what_was_whole_when_a_model_broke_off_is_the_answer(leave: Engine) -> None:
    text = reply(RIGHT, WRONG)
    answer, listening = heard(leave, Scripted(Breaks(text[: text.index("31")], ModelUnavailable("away"))))
    assert [s.text for s in answer.sentences] == [RIGHT[0]] == [s.text for s, _ in listening.said]
    assert (answer.status, answer.route) == ("partial", "scripted")
    assert "generator_cut_off" in answer.reasons
    answer, _ = heard(leave, Scripted(Breaks(reply(RIGHT)[:20], ModelUnavailable("away"))))
    assert answer.route == "extractive"
    assert "generator_failed" in answer.reasons


def test_a_model_stops_when_nobody_waits(leave: Engine) -> None:
    listening = Listening()
    listening.left = True
    model = Scripted(reply(RIGHT, WRONG, WRONG))
    answer, _ = heard(leave, model, listening)
    assert answer.route == "extractive"
    assert model.asked == []
    text = reply(RIGHT, WRONG, WRONG)

    class Leaves(Listening):
        @property
        def is_gone(self) -> bool:
            return "generate" in self.stages

    model = Scripted(text)
    heard(leave, model, Leaves())
    assert len(model.asked) == 1
    assert len(model.said) == model.piece  # not only at the next whole sentence


def test_events_end_with_the_answer_or_with_the_error(leave: Engine) -> None:
    events = list(answer_events(lambda audience: ask(leave, QUESTION, audience=audience)))
    assert isinstance(events[0], StageBegins)
    assert isinstance(events[-1], Answer)
    assert [e.sentence for e in events if isinstance(e, Said)] == list(events[-1].sentences)

    def broken(audience: Audience) -> Answer:
        audience.stage("open")
        raise RuntimeError("no")

    failing = answer_events(broken)
    assert next(failing) == StageBegins("open")
    with pytest.raises(RuntimeError, match="no"):
        next(failing)


def test_quiet_times_are_told_and_whoever_closes_is_gone() -> None:
    release, seen = threading.Event(), []

    def slow(audience: Audience) -> Answer:
        release.wait(20)
        seen.append(audience.is_gone)
        raise RuntimeError("over")

    events = answer_events(slow, quiet_s=0.01)
    assert next(events) == Waiting()
    events.close()
    release.set()
    ends = time.monotonic() + 20
    while not seen and time.monotonic() < ends:
        time.sleep(0.01)
    assert seen == [True]
