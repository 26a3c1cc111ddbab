"""An endpoint over real HTTP that fails in every way: each question ends in time, and no storm of requests meets it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from faulty import GOOD, Service, serving
from pydantic import SecretStr
from scripted import Heard
from twins import WordCounter, shown

from citewell.core.errors import CitewellError, ModelFailed, ModelUnavailable
from citewell.core.language import Message
from citewell.core.settings import GenerateSettings
from citewell.core.types import Query
from citewell.generate.language.endpoint import EndpointModel
from citewell.generate.language.generator import LanguageGenerator
from citewell.generate.language.guard import GuardedModel, Resting

CONTEXT = shown("Leave is 28 days. It grows.", "Hotels cost 145 euros.")
ASKED = [Message("user", "How many?")]


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as made:
        yield made


@pytest.fixture
def open_model() -> Iterator[Callable[..., EndpointModel]]:
    """Models that are closed after the test."""
    made: list[EndpointModel] = []

    def make(chosen: GenerateSettings) -> EndpointModel:
        made.append(EndpointModel(chosen, WordCounter()))
        return made[-1]

    yield make
    for model in made:
        model.close()


def settings(service: Service, **more: Any) -> GenerateSettings:
    return GenerateSettings(model=service.address, endpoint_key=SecretStr("a-key"), **more)


def test_a_completion_is_streamed_with_its_usage_and_asked_for_by_schema(
    service: Service, open_model: Callable[..., EndpointModel]
) -> None:
    service.script = ["good"]
    pieces = Heard()
    model = open_model(settings(service, endpoint_model="some-model"))
    done = model.complete(ASKED, {"type": "object"}, 50, 5, pieces)
    assert done.text == GOOD == "".join(pieces)
    assert (done.usage.prompt_tokens, done.usage.answer_tokens, done.usage.cached_tokens, done.usage.calls) == (
        20,
        9,
        12,
        1,
    )
    (asked,) = service.requests
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("some-model", 0, 50)
    assert asked["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert service.keys == ["Bearer a-key"]
    service.script = ["one_line"]
    assert model.complete(ASKED, None, 50, 5).text == GOOD
    assert "response_format" not in service.requests[1]


@pytest.mark.parametrize(
    ("fault", "error"),
    [("500", ModelUnavailable), ("429", ModelUnavailable), ("404", ModelFailed), ("garbage", CitewellError), ("reset", ModelUnavailable),
     ("silent", ModelUnavailable), ("endless", CitewellError), ("empty", ModelUnavailable), ("error_event", ModelUnavailable)],
)  # fmt: skip
def test_each_fault_ends_in_time_and_never_shows_the_key(
    service: Service, open_model: Callable[..., EndpointModel], fault: str, error: type[Exception]
) -> None:
    service.script = [fault]
    began = time.monotonic()
    with pytest.raises(error) as told:
        open_model(settings(service)).complete(ASKED, None, 50, 1.0)
    assert time.monotonic() - began < 10
    assert "a-key" not in f"{told.value} {told.value.__cause__}"


@pytest.mark.slow
def test_of_five_hundred_questions_each_ends_within_its_deadline_cited_or_not_at_all(
    service: Service, open_model: Callable[..., EndpointModel]
) -> None:
    deadline, slack = 1.0, 5.0  # the slack is this machine's, not the model's
    guarded = GuardedModel(open_model(settings(service, timeout_s=deadline)), failures=8, rest_s=0.02)
    subject = LanguageGenerator(guarded, settings(service, timeout_s=deadline))
    rested = threading.Event()
    took: list[float] = []

    def ask(number: int) -> str:
        if number == 200:
            service.down.set()  # until the breaker is seen to open: by chance alone it may not fail often enough in a row
        began = time.monotonic()
        try:
            draft = subject.generate(Query("How many days?"), CONTEXT, [])
            outcome = "answered" if all(s.citations for s in draft.sentences) and draft.sentences else "empty"
        except Resting:
            outcome = "rests"
        except CitewellError:
            outcome = "failed"
        took.append(time.monotonic() - began)
        if outcome == "failed":
            time.sleep(0.02)  # the next generator answers, and takes its time
        if outcome == "rests":
            rested.set()
            service.down.clear()
            # Who asks next waits for the service; else one trial that hangs outlasts all five hundred.
            until = time.monotonic() + 1.0
            while guarded.health.state != "closed" and time.monotonic() < until:
                time.sleep(0.01)
        return outcome

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(ask, range(500)))
    assert len(outcomes) == 500
    assert max(took) < deadline + slack
    assert outcomes.count("answered") > 50
    assert outcomes.count("failed") + outcomes.count("rests") > 50
    assert "empty" not in outcomes
    assert rested.is_set()
    assert "answered" in outcomes[outcomes.index("rests") :]  # it closed again, by itself
    health = guarded.health
    assert health.calls >= len(service.requests) - 1
    assert (
        len(service.requests) <= 2 * 500 * 1.2 + 10
    )  # a question asks twice at most, for a reply that can be read, and a fifth is tried again
    service.script = ["good"] * 40
    time.sleep(0.1)
    assert guarded.complete(ASKED, None, 50, 5).text == GOOD  # and it closes again
    assert guarded.health.state == "closed"
