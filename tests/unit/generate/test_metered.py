"""What models take is counted, also where they fail, and refused before it is taken where it would be too much."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted import Breaks, Scripted

from citewell.core.answers import Usage
from citewell.core.budgets import BudgetSettings, Price
from citewell.core.errors import BudgetSpent, ModelUnavailable
from citewell.core.language import Message
from citewell.core.spending import Cost, paying
from citewell.generate.language.guard import GuardedModel
from citewell.generate.language.metered import MeteredModel
from citewell.index.store.spending import Spending

ASKED = [Message("user", "one two three four five six seven eight nine ten")]
PRICE = Price(read=100_000, cached=10_000, written=1_000_000)


def metered(folder: Path, *replies: str | Exception, price: Price | None = PRICE, **limits: float) -> tuple[GuardedModel, Scripted, Spending]:  # fmt: skip
    model, budget = Scripted(*replies), BudgetSettings(**limits)  # type: ignore[arg-type]
    spending = Spending(folder, budget.of("day"), budget.of("caller"))
    return GuardedModel(MeteredModel(model, "small", price, budget, spending), tries=2), model, spending


def test_a_call_is_counted_with_its_price(tmp_path: Path) -> None:
    model, _, spending = metered(tmp_path, "yes")
    with paying("ann") as purse:
        done = model.complete(ASKED, None, 5, 10)
    # 10 tokens read, 2 of them kept from before, 5 written
    assert done.usage.cost == pytest.approx(8 * 0.1 + 2 * 0.01 + 5 * 1.0)
    (row,) = spending.since(1)
    assert (row.caller, row.model, row.usage) == ("ann", "small", done.usage)
    assert row.cost.tokens == purse.spent.tokens == 15
    assert purse.used == done.usage
    assert row.cost.money == pytest.approx(done.usage.cost)


def test_calls_that_fail_are_counted_as_read(tmp_path: Path) -> None:
    model, scripted, spending = metered(tmp_path, ModelUnavailable("away"), day_tokens=1000)
    with paying("ann") as purse, pytest.raises(ModelUnavailable):
        model.complete(ASKED, None, 5, 10)
    (row,) = spending.since(1)
    assert len(scripted.asked) == row.usage.calls == 2
    assert row.cost.tokens == 20
    assert purse.used == row.usage
    assert purse.used.cost == pytest.approx(20 * 0.1)


def test_what_was_not_read_costs_nothing_and_what_breaks_off_as_much_as_was_heard(tmp_path: Path) -> None:
    unread = ModelUnavailable("no connection")
    unread.was_read = False
    model, _, spending = metered(
        tmp_path, unread, unread, Breaks("one two three", ModelUnavailable("gone")), unread, "yes", day_tokens=100
    )
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            model.complete(ASKED, None, 5, 10)
    (row,) = spending.since(1)
    assert (row.usage.calls, row.usage.prompt_tokens, row.usage.answer_tokens) == (4, 10, 3)


def test_a_call_has_no_more_seconds_than_its_caller_has_left(tmp_path: Path) -> None:
    model, scripted, spending = metered(tmp_path, "yes", caller_seconds=35.0)
    with paying("ann"):
        model.complete(ASKED, None, 5, 60)
        assert 0 < spending.seconds_left("ann") < 35
        spending.settle(0, "ann", "small", Usage(), Cost(seconds=40.0))
        with pytest.raises(BudgetSpent, match="seconds"):
            model.complete(ASKED, None, 5, 60)
    assert (len(scripted.asked), spending.seconds_left("bob")) == (1, 35.0)


@pytest.mark.parametrize(
    "limits", [{"question_tokens": 14}, {"caller_tokens": 14}, {"day_tokens": 14}, {"question_money": 5.9}, {"day_money": 5.9}]
)  # fmt: skip
def test_what_would_be_too_much_is_not_asked(tmp_path: Path, limits: dict[str, float]) -> None:
    model, scripted, spending = metered(tmp_path, "yes", **limits)
    with paying("ann"), pytest.raises(BudgetSpent, match=r"of (14|5\.9)"):
        model.complete(ASKED, None, 5, 10)
    assert (scripted.asked, spending.since(1)) == ([], [])
    assert model.health.failures_in_a_row == 0  # the model did nothing wrong


def test_a_day_and_a_caller_have_limits_of_their_own(tmp_path: Path) -> None:
    model, _, _ = metered(tmp_path, "yes", caller_tokens=30, day_tokens=45)
    for caller, able in [("ann", True), ("ann", True), ("ann", False), ("bob", True), ("bob", False)]:
        with paying(caller):
            if able:
                model.complete(ASKED, None, 5, 10)
            else:
                with pytest.raises(BudgetSpent, match="ann" if caller == "ann" else "all questions"):
                    model.complete(ASKED, None, 5, 10)


def test_a_question_has_its_seconds_in_all(tmp_path: Path) -> None:
    model, _, _ = metered(tmp_path, "yes", question_seconds=20)
    with paying("ann") as purse:
        model.complete(ASKED, None, 5, 10)
        purse.spent = type(purse.spent)(seconds=20.0)
        with pytest.raises(BudgetSpent, match="seconds"):
            model.complete(ASKED, None, 5, 10)


def test_a_call_that_is_not_made_says_nothing_of_the_model(tmp_path: Path) -> None:
    model, _, _ = metered(tmp_path, ModelUnavailable("away"), day_tokens=40)
    with pytest.raises(ModelUnavailable):
        model.complete(ASKED, None, 5, 10)
    before = model.health
    with pytest.raises(BudgetSpent):
        model.complete(ASKED, None, 50, 10)
    assert model.health == before
    assert before.failures_in_a_row == 2


def test_what_a_service_does_not_tell_is_counted_here(tmp_path: Path) -> None:
    model, scripted, spending = metered(tmp_path, "yes it is", day_tokens=1000)
    scripted.usage = Usage(calls=1)
    assert model.complete(ASKED, None, 5, 10).usage.answer_tokens == 3
    (row,) = spending.since(1)
    assert (row.usage.prompt_tokens, row.usage.answer_tokens, row.cost.tokens) == (10, 3, 13)


def test_money_is_not_limited_without_a_price(tmp_path: Path) -> None:
    model, scripted, _ = metered(tmp_path, "yes", price=None, day_money=1.0)
    with pytest.raises(BudgetSpent, match="no price") as told:
        model.complete(ASKED, None, 5, 10)
    assert 'generate.prices."small"' in told.value.hint
    assert scripted.asked == []
    free, _, _ = metered(tmp_path, "yes", price=None)
    assert free.complete(ASKED, None, 5, 10).usage == Usage(10, 5, 2, 1)
