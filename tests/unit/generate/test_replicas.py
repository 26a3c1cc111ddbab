"""Several servers of one model: the one with the least to do is asked, and one that fails costs no answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from scripted import Breaks, Heard, Scripted

from citewell.core.errors import BudgetSpent, ModelFailed, ModelUnavailable
from citewell.core.language import Message
from citewell.generate.language.guard import GuardedModel
from citewell.generate.language.replicas import WARM, Replicas

ASKED = [Message("user", "How many days?")]


def replicas(*models: Scripted) -> Replicas:
    return Replicas([GuardedModel(model, tries=1, failures=2, rest_s=60) for model in models])


def test_pending_questions_go_to_whoever_has_least() -> None:
    arrived, go = threading.Semaphore(0), threading.Event()
    models = [Scripted("yes") for _ in range(3)]

    def busy(said: str) -> bool:
        del said
        arrived.release()
        return go.wait(20)

    for model in models:
        model.before = busy
    subject = replicas(*models)
    with ThreadPoolExecutor(6) as pool:
        answers = []
        for _ in range(6):
            answers.append(pool.submit(subject.complete, ASKED, None, 5, 20))
            assert arrived.acquire(timeout=20)
        go.set()
        assert {answer.result().text for answer in answers} == {"yes"}
    assert [len(model.asked) for model in models] == [2, 2, 2]


def test_another_one_answers_where_one_fails_and_it_comes_back_step_by_step() -> None:
    bad, good = Scripted(ModelUnavailable("away"), ModelUnavailable("away"), "bad is back"), Scripted("yes")
    subject = replicas(bad, good)
    assert [subject.complete(ASKED, None, 5, 20).text for _ in range(6)] == ["yes"] * 6
    assert len(bad.asked) == 1  # a server that is not warm waits behind one that is
    assert len(good.asked) == 6
    one, other = subject._replicas
    assert one.load[1] > other.load[1]
    one.answered = other.answered = WARM
    assert one.load == other.load


def test_a_budget_that_refuses_says_nothing_of_the_server() -> None:
    refused = Scripted(BudgetSpent("too much"), BudgetSpent("too much"), "yes")
    subject = replicas(refused, Scripted("other"))
    one = subject._replicas[0]
    for _ in range(2):
        with pytest.raises(BudgetSpent):
            subject.complete(ASKED, None, 5, 20)
    assert (one.pending, one.answered, one.model.health.state) == (0, 0, "closed")
    assert subject.complete(ASKED, None, 5, 20).text == "yes"
    assert one.answered == 1


def test_the_error_of_the_last_is_told_and_what_was_shown_is_not_written_twice() -> None:
    subject = replicas(Scripted(ModelUnavailable("first")), Scripted(ModelUnavailable("last")))
    with pytest.raises(ModelUnavailable, match="last"):
        subject.complete(ASKED, None, 5, 20)
    other = Scripted("again")
    subject = replicas(Scripted(Breaks("half of it", ModelUnavailable("away"))), other)

    class Shown(Heard):
        def restart(self) -> bool:
            return False

    with pytest.raises(ModelUnavailable, match="away"):
        subject.complete(ASKED, None, 5, 20, Shown())
    assert other.asked == []


def test_a_server_without_the_model_is_passed_over_and_draws_no_questions() -> None:
    wrong, good = Scripted(*[ModelFailed("no such model")] * 6), Scripted("yes")
    subject = replicas(wrong, good)
    assert [subject.complete(ASKED, None, 5, 20).text for _ in range(6)] == ["yes"] * 6
    assert len(wrong.asked) == 1
