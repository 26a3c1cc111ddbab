"""A model that may fail, made harmless: few tries within one deadline, no storm of them, and rest for what keeps failing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from citewell.core.errors import BudgetSpent, ModelUnavailable
from citewell.core.language import Completion, LanguageModel, Listener, Message
from citewell.generate.language.wrapped import WrappedModel

TRIES = 3
FIRST_WAIT_S, MOST_WAIT_S = 0.2, 5.0
# Tries after the first are paid for: each question earns a part of one, so a service that fails altogether is asked little more often
# than there are questions.
EARNED, MOST_SAVED = 0.2, 10.0
FAILURES, REST_S = 5, 30.0
LEAST_S = 0.05  # less is no time to ask in
SHARE = 2 / 3  # of the time that is left, for a try that is not the last: what hangs leaves time for another

Settle = Callable[[bool | None], None]


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a model: `closed` answers, `open` rests, `half-open` is being tried again."""

    model: str
    state: str
    failures_in_a_row: int
    calls: int
    failed: int


class Breaker:
    """Counts failures in a row; after so many nobody is let through until it has rested, then one at a time until one succeeds.

    Calls run beside each other: what it knows is kept, not the calls.
    """

    def __init__(self, failures: int, rest_s: float) -> None:
        self._most = failures
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._until = 0.0
        self._trying = False
        self.failures = 0

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        if self.failures < self._most:
            return "closed"
        return "half-open" if self._trying or time.monotonic() >= self._until else "open"

    def admit(self) -> Settle | None:
        """What is to be told how the call ended, which may be made now; None where none may.

        It is told whether the call failed, or None where it was not made after all. What was called before the breaker opened may end
        while one call is let through as a trial, and does not end that.
        """
        with self._lock:
            trial = self.failures >= self._most
            if trial and (self._trying or time.monotonic() < self._until):
                return None
            self._trying = self._trying or trial
        return partial(self._settle, trial)

    def _settle(self, trial: bool, failed: bool | None) -> None:
        with self._lock:
            if trial:
                self._trying = False
            if failed is None:
                return
            self.failures = self.failures + 1 if failed else 0
            if self.failures >= self._most:
                self._until = time.monotonic() + self._rest_s


class GuardedModel(WrappedModel):
    """A language model with retries, a retry budget and a circuit breaker (Nygard, Release It!, 2007). Raises as it does."""

    def __init__(
        self, model: LanguageModel, *, tries: int = TRIES, failures: int = FAILURES, rest_s: float = REST_S
    ) -> None:
        super().__init__(model)
        self._tries = tries
        self._breaker = Breaker(failures, rest_s)
        self._saved = MOST_SAVED
        self._left_alone_until = 0.0
        self._calls = self._failed = 0
        self._lock = threading.Lock()

    @property
    def health(self) -> Health:
        """How it does."""
        with self._lock:
            state = "open" if self._left_alone_until > time.monotonic() else self._breaker.state
            return Health(self.name, state, self._breaker.failures, self._calls, self._failed)

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None = None
    ) -> Completion:  # fmt: skip
        """The model's answer, after at most so many tries within so many seconds; none after something was shown, which cannot be taken back."""
        ends = time.monotonic() + seconds
        with self._lock:
            self._saved = min(MOST_SAVED, self._saved + EARNED)

        def once(number: int) -> Completion:
            left = ends - time.monotonic()
            seconds = left * SHARE if number < self._tries else left
            return self._once(messages, schema, max_tokens, max(LEAST_S, seconds), listener)

        def over(state: RetryCallState) -> bool:
            waits = state.upcoming_sleep
            spent = state.attempt_number >= self._tries or time.monotonic() + waits + LEAST_S >= ends
            return spent or not self._pay() or (listener is not None and not listener.restart())

        retrying = Retrying(
            retry=retry_if_exception(lambda e: isinstance(e, ModelUnavailable) and not isinstance(e, Resting)),
            wait=_wait,
            stop=over,
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                return once(attempt.retry_state.attempt_number)
        raise AssertionError("the last try returns or raises")

    def _once(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None
    ) -> Completion:  # fmt: skip
        if (left := self._left_alone_until - time.monotonic()) > 0:
            raise Resting(
                f"{self.name} asked to be left alone for another {left:.0f} s", hint="It limits how often it is asked."
            )
        if (settle := self._breaker.admit()) is None:
            raise Resting(
                f"{self.name} failed again and again and rests",
                hint="It is asked again after a while; citewell doctor tries it now.",
            )
        failed: bool | None = False
        with self._lock:
            self._calls += 1
        try:
            return self._model.complete(messages, schema, max_tokens, seconds, listener)
        except BudgetSpent:
            failed = None
            with self._lock:
                self._calls -= 1
            raise
        except BaseException as error:
            failed = isinstance(error, ModelUnavailable)  # anything else was answered
            wait_s = error.wait_s if isinstance(error, ModelUnavailable) else 0.0
            with self._lock:
                self._failed += 1
                if wait_s:  # it is well, and says when it may be asked again
                    failed, self._left_alone_until = None, time.monotonic() + wait_s
            raise
        finally:
            settle(failed)

    def _pay(self) -> bool:
        """Takes one more try from what was saved, where there is one."""
        with self._lock:
            if self._saved < 1:
                return False
            self._saved -= 1
            return True


def _wait(state: RetryCallState) -> float:
    """Seconds until the next try: longer each time, and as long as the service asks for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_s + LEAST_S if isinstance(error, ModelUnavailable) and error.wait_s else 0.0
    return max(asked, wait_random_exponential(multiplier=FIRST_WAIT_S, max=MOST_WAIT_S)(state))


class Resting(ModelUnavailable):
    """The model is not asked for now."""
