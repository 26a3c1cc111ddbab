"""What language models cost, who pays for it, and how much may be spent: counted before it is spent, in tokens, seconds and money."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from citewell.core.answers import Usage

OWNER = "owner"  # who asks from the command line, or from this machine without a key


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens read and written, seconds, and money in the currency of the price table; as a limit, 0 is none."""

    tokens: int = 0
    seconds: float = 0.0
    money: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.tokens + other.tokens, self.seconds + other.seconds, self.money + other.money)

    @property
    def is_limit(self) -> bool:
        """Whether it limits anything."""
        return bool(self.tokens or self.seconds or self.money)

    def beyond(self, limit: Cost) -> str:
        """The first thing of which it is more than the limit, in words; empty where it is within."""
        for name in ("tokens", "seconds", "money"):
            most, wanted = getattr(limit, name), getattr(self, name)
            if most and wanted > most * (1 + 1e-9):  # sums of seconds are not exact
                return f"{wanted:.6g} of {most:.6g} {name}"
        return ""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one caller's questions cost by one model on one day (UTC, ISO)."""

    day: str
    caller: str
    model: str
    usage: Usage
    cost: Cost


class Accounts(Protocol):
    """Counts what is spent, also by other processes."""

    def hold(self, caller: str, most: Cost) -> int:
        """Sets aside what a call may cost at most, and names that. Raises BudgetSpent where it would be beyond a day's limit."""
        ...

    def seconds_left(self, caller: str) -> float:
        """Seconds that this caller may still have models write today; infinite where that is not limited."""
        ...

    def settle(self, hold: int, caller: str, model: str, usage: Usage, cost: Cost) -> None:
        """Gives back what was set aside, and writes down what the call did cost."""
        ...


@dataclass(slots=True)
class Purse:
    """Who asks, what the question has cost so far, and what models took for it, whatever became of what they wrote."""

    caller: str = OWNER
    spent: Cost = field(default_factory=Cost)
    used: Usage = field(default_factory=Usage)


_purse: ContextVar[Purse | None] = ContextVar("citewell_purse", default=None)


@contextmanager
def paying(caller: str) -> Iterator[Purse]:
    """Whatever language models do inside, is for one question of this caller."""
    token = _purse.set(Purse(caller))
    try:
        purse = _purse.get()
        assert purse is not None
        yield purse
    finally:
        _purse.reset(token)


def purse() -> Purse:
    """That of the question under way; outside of one, a new one of the owner."""
    return _purse.get() or Purse()
