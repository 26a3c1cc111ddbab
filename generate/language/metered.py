"""What a language model takes is counted, and refused before it is taken where it would be too much."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from citewell.core.answers import Usage
from citewell.core.budgets import BudgetSettings, Price
from citewell.core.errors import BudgetSpent
from citewell.core.language import Completion, LanguageModel, Listener, Message
from citewell.core.spending import Accounts, Cost, Purse, purse
from citewell.generate.language.wrapped import WrappedModel

MILLION = 1_000_000
LEAST_S = 0.1  # less is no time to write in: such a call is refused


@dataclass(slots=True)
class _Counted:
    """A listener, or none, and what was said to it."""

    listener: Listener | None
    text: str = ""

    def take(self, piece: str) -> bool:
        """Hands it on."""
        self.text += piece
        return self.listener is None or self.listener.take(piece)

    def restart(self) -> bool:
        """Whether the next try may begin anew."""
        self.text = ""
        return self.listener is None or self.listener.restart()


class MeteredModel(WrappedModel):
    """A language model whose calls are counted under `label`. A price of None is not known; then no money may be limited."""

    def __init__(
        self, model: LanguageModel, label: str, price: Price | None, budget: BudgetSettings, accounts: Accounts
    ) -> None:
        super().__init__(model)
        self._label = label
        self._price = price
        self._budget = budget
        self._accounts = accounts

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None = None
    ) -> Completion:  # fmt: skip
        """The model's answer. Raises BudgetSpent before anything is spent, and what the model raises."""
        paid = purse()
        seconds = self._within_time(paid, seconds)
        read = self.tokens.count(self.render(messages)) if self._budget.is_limited else 0
        wanted = Cost(read + max_tokens, seconds, self._money(Usage(read, max_tokens)))
        if beyond := (paid.spent + wanted).beyond(self._budget.of("question")):
            raise BudgetSpent(f"the question would take {beyond}")
        hold = self._accounts.hold(paid.caller, wanted)
        began = time.monotonic()
        counted = _Counted(listener)
        usage = Usage(calls=1)
        try:
            completion = self._model.complete(messages, schema, max_tokens, seconds, counted)
            usage = self._priced(self._told(completion, read))
            return replace(completion, usage=usage)
        except BaseException as error:
            if getattr(error, "was_read", True):  # it was read, at least, and written as far as it was heard
                written = self.tokens.count(counted.text) if read else 0
                usage = self._priced(Usage(read, written, calls=1))
            raise
        finally:
            cost = Cost(usage.prompt_tokens + usage.answer_tokens, time.monotonic() - began, usage.cost)
            paid.spent += cost
            paid.used += usage
            self._accounts.settle(hold, paid.caller, self._label, usage, cost)

    def _told(self, completion: Completion, read: int) -> Usage:
        """What the model says it took; where a service says nothing, and something is limited, what was counted here."""
        said = completion.usage
        if said.prompt_tokens or not read:
            return said
        return replace(said, prompt_tokens=read, answer_tokens=self.tokens.count(completion.text))

    def _priced(self, usage: Usage) -> Usage:
        return replace(usage, cost=self._money(usage))

    def _within_time(self, paid: Purse, seconds: float) -> float:
        """As much of the time as the question, its caller and the day have left."""
        most, spent = self._budget.question_seconds, paid.spent.seconds
        if most and spent >= most:
            raise BudgetSpent(f"the question has taken {spent:.1f} of {most:g} seconds")
        left = min(most - spent if most else seconds, self._accounts.seconds_left(paid.caller))
        return min(seconds, left) if left >= LEAST_S else seconds

    def _money(self, usage: Usage) -> float:
        price = self._price
        if price is None:
            if self._budget.limits_money:
                raise BudgetSpent(
                    f"no price is known for {self._label}",
                    hint=f'Set generate.prices."{self._label}", or limit no money.',
                )
            return 0.0
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        read = (usage.prompt_tokens - cached) * price.read + cached * (
            price.read if price.cached is None else price.cached
        )
        return (read + usage.answer_tokens * price.written) / MILLION
