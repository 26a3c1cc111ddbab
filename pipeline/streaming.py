"""An answer as a stream of events: each stage as it begins, each sentence as it passes, at last the whole answer, or the error."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass

from citewell.core.answers import Answer, Sentence
from citewell.pipeline.audience import Audience

QUIET_S = 5.0  # without an event for so long, an empty one says that the answer is still being made


@dataclass(frozen=True, slots=True)
class StageBegins:
    """A stage of the line begins."""

    name: str


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence. What was checked stays in the answer, in this order; the rest is corrected by the answer."""

    sentence: Sentence
    checked: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing happened for a while."""


Event = StageBegins | Said | Waiting | Answer


def answer_events(ask: Callable[[Audience], Answer], quiet_s: float = QUIET_S) -> Generator[Event]:
    """What `ask` tells its audience while it runs in a thread of its own, and its answer at last. Raises what it raises.

    Whoever closes the generator is gone: then no model goes on writing.
    """
    audience = _Relay()
    threading.Thread(target=audience.run, args=(ask,), name="citewell-answer", daemon=True).start()
    try:
        while True:
            try:
                event = audience.events.get(timeout=quiet_s)
            except queue.Empty:
                yield Waiting()
                continue
            if isinstance(event, BaseException):
                raise event
            yield event
            if isinstance(event, Answer):
                return
    finally:
        audience.gone.set()


class _Relay(Audience):
    """Puts what it hears into a queue."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
        self.gone = threading.Event()

    @property
    def is_gone(self) -> bool:
        """Whether the events are read no more."""
        return self.gone.is_set()

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.events.put(StageBegins(name))

    def sentence(self, sentence: Sentence, *, checked: bool) -> None:
        """A sentence is there."""
        self.events.put(Said(sentence, checked))

    def run(self, ask: Callable[[Audience], Answer]) -> None:
        """Asks, and puts what comes of it at the end."""
        end: Answer | BaseException
        try:
            end = ask(self)
        except BaseException as error:
            end = error
        self.events.put(end)
