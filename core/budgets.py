"""What language models may take, and what it costs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from citewell.core.section import Section
from citewell.core.spending import Cost


class Price(Section):
    """What a million tokens cost, in any one currency."""

    read: float = Field(ge=0)
    written: float = Field(ge=0)
    cached: float | None = Field(None, ge=0)


class BudgetSettings(Section):
    """What language models may take; a question beyond it is answered by quotation. 0: no limit."""

    question_tokens: int = Field(0, ge=0, description="Tokens that one question may take, read and written.")
    question_seconds: float = Field(0, ge=0, description="Seconds that models may write for one question.")
    question_money: float = Field(0, ge=0, description="Money that one question may cost, by generate.prices.")
    caller_tokens: int = Field(0, ge=0, description="Tokens of a day (UTC) for one caller.")
    caller_seconds: float = Field(0, ge=0, description="Seconds of a day for one caller.")
    caller_money: float = Field(0, ge=0, description="Money of a day for one caller.")
    day_tokens: int = Field(0, ge=0, description="Tokens of a day for all callers.")
    day_seconds: float = Field(0, ge=0, description="Seconds of a day for all callers.")
    day_money: float = Field(0, ge=0, description="Money of a day for all callers.")

    def of(self, whose: Literal["question", "caller", "day"]) -> Cost:
        """The limits of one question, or of a day for one caller or for all."""
        return Cost(*(getattr(self, f"{whose}_{what}") for what in ("tokens", "seconds", "money")))

    @property
    def limits_money(self) -> bool:
        """Whether any limit is one of money."""
        return bool(self.question_money or self.caller_money or self.day_money)

    @property
    def is_limited(self) -> bool:
        """Whether anything is."""
        return any(limit.is_limit for limit in (self.of("question"), self.of("caller"), self.of("day")))
