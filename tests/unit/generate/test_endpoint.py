"""An endpoint over real HTTP that fails in every way: each question ends in time, and no storm of requests meets it."""

from __future__ import annotations

import asyncio
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
from citewell.core.settings import GenerateSettings, Settings, describe_settings
from citewell.core.types import Query
from citewell.generate.language import endpoint
from citewell.generate.language.endpoint import EndpointModel
from citewell.generate.language.events import MOST_WAIT_S, wait_of
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
     ("silent", ModelUnavailable), ("endless", CitewellError), ("empty", ModelUnavailable), ("error_event", ModelUnavailable), ("cut", ModelUnavailable)],
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


def completion(text: Any, finish: str = "stop", **usage: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}, "finish_reason": finish}], "usage": usage}


def test_what_a_service_complains_of_is_left_out_from_then_on(
    service: Service, open_model: Callable[..., EndpointModel]
) -> None:
    service.says = [
        (400, {"error": {"message": "This model does not support response format `json_schema`."}}, {}),
        (400, {"error": {"message": "Use max_completion_tokens instead of max_tokens."}}, {}),
        (200, completion(GOOD), {}),
        (200, completion("again"), {}),
    ]
    service.script = ["said"] * 4
    model = open_model(settings(service))
    assert model.complete(ASKED, {"type": "object"}, 50, 5).text == GOOD
    assert model.complete(ASKED, {"type": "object"}, 50, 5).text == "again"
    assert ["response_format" in asked for asked in service.requests] == [True, False, False, False]
    assert [asked.get("max_completion_tokens") for asked in service.requests] == [None, None, 50, 50]


def test_a_refusal_is_told_in_the_words_of_the_service_without_the_key(
    service: Service, open_model: Callable[..., EndpointModel]
) -> None:
    said = "No model of this name for a-key or sk-abcdefghijklmnopqrstuvwxyz123\x1b[2J"
    service.says, service.script = [(404, {"error": {"message": said}}, {})], ["said"]
    with pytest.raises(ModelFailed, match=r"status 404: No model of this name for … or … *\[2J") as told:
        open_model(settings(service)).complete(ASKED, None, 50, 5)
    assert told.value.hint == "Check the model's name and the address."
    assert not told.value.was_read


def test_who_limits_how_often_it_is_asked_is_left_alone_for_as_long_and_has_not_failed(
    service: Service, open_model: Callable[..., EndpointModel]
) -> None:
    service.says = [(429, {}, {"Retry-After": "0.4"}), (200, completion("yes"), {}), (429, {}, {"Retry-After": "600"})]
    service.script = ["said"] * 3
    guarded = GuardedModel(open_model(settings(service)), failures=1)
    began = time.monotonic()
    assert guarded.complete(ASKED, None, 50, 20).text == "yes"
    assert time.monotonic() - began >= 0.4
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            guarded.complete(ASKED, None, 50, 20)
    assert len(service.requests) == 3
    assert (guarded.health.state, guarded.health.failures_in_a_row) == ("open", 0)


def test_a_service_that_says_nothing_is_left_when_nobody_waits(
    service: Service, open_model: Callable[..., EndpointModel]
) -> None:
    service.script = ["silent"]

    class Gone(Heard):
        def take(self, piece: str) -> bool:
            return False

    began = time.monotonic()
    with pytest.raises(ModelFailed, match="nobody waits"):
        open_model(settings(service)).complete(ASKED, None, 50, 20, Gone())
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(("told", "seconds"), [("7", 7.0), ("", 0.0), ("soon", 0.0), ("-3", 0.0), ("nan", 0.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("1e9", MOST_WAIT_S)])  # fmt: skip
def test_any_header_is_read_as_seconds(told: str, seconds: float) -> None:
    assert wait_of(told) == seconds


@pytest.mark.parametrize("usage", [{"prompt_tokens": "n/a"}, {"prompt_tokens": float("inf"), "prompt_tokens_details": 3}, {"prompt_tokens": -5, "completion_tokens": True}])  # fmt: skip
def test_what_is_no_number_of_tokens_counts_nothing(
    service: Service, open_model: Callable[..., EndpointModel], usage: dict[str, Any]
) -> None:
    service.says, service.script = [(200, completion("yes", **usage), {})], ["said"]
    done = open_model(settings(service)).complete(ASKED, None, 50, 5)
    assert (done.text, done.usage.prompt_tokens, done.usage.answer_tokens) == ("yes", 0, 0)


def test_texts_come_whole_in_parts_and_with_signs_that_came_apart(
    service: Service, open_model: Callable[..., EndpointModel]
) -> None:
    parts = [{"type": "text", "text": "\ud83d"}, {"type": "text", "text": "\ude00 and \ud83d"}, {"image": 1}]
    service.says = [(200, completion(parts), {}), (200, completion("28 da", "length"), {}), (200, completion("", "length"), {})]  # fmt: skip
    service.script = ["said"] * 3
    model = open_model(settings(service))
    assert model.complete(ASKED, None, 50, 5).text == "😀 and �"
    assert not model.complete(ASKED, None, 50, 5).whole
    with pytest.raises(ModelFailed) as told:
        model.complete(ASKED, None, 50, 5)
    assert "generate.answer_tokens" in told.value.hint


def test_a_key_goes_only_to_whom_it_was_set_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "of-together")
    chosen = GenerateSettings(
        model="http://a/v1", endpoint_key=SecretStr("of-a"), endpoint_model="at-a", replicas=("http://b/v1#at-b",),
        fallback=("http://c/v1", "together:x", "http://d/v1#at-d"), keys={"http://d/v1#at-d": SecretStr("of-d")},
    )  # fmt: skip
    asked = {name: EndpointModel(chosen.of(name), WordCounter()) for name in (chosen.model, *chosen.replicas, *chosen.fallback)}  # fmt: skip
    assert [model._headers.get("Authorization") for model in asked.values()] == ["Bearer of-a", "Bearer of-a", None, "Bearer of-together", "Bearer of-d"]  # fmt: skip
    assert [model.name for model in asked.values()] == ["at-a at a", "at-b at b", "model at c", "x at api.together.xyz", "at-d at d"]  # fmt: skip
    shown = next(row for row in describe_settings(Settings(generate=chosen)) if row["name"] == "generate.keys")
    assert shown["value"] == {"http://d/v1#at-d": "set"}


def test_first_questions_at_once_share_one_loop(
    service: Service, open_model: Callable[..., EndpointModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = asyncio.new_event_loop

    def slow() -> asyncio.AbstractEventLoop:
        time.sleep(0.05)  # so that all ask for one before the first is made
        return new()

    monkeypatch.setattr(endpoint.asyncio, "new_event_loop", slow)
    service.script = ["good"] * 8
    model = open_model(settings(service))
    endpoint._loops.clear()
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: model.complete(ASKED, None, 50, 10).text, range(8)))
    assert done == [GOOD] * 8
    assert len(endpoint._loops) == 1


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
