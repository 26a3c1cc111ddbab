"""The accounts of language models: no two calls pass on the same rest, and nothing is lost."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from citewell.core.answers import Usage
from citewell.core.errors import BudgetSpent
from citewell.core.spending import Cost
from citewell.index.store.spending import FILE, Spending


def test_calls_beside_each_other_never_take_more_than_there_is(tmp_path: Path) -> None:
    def call(_: int) -> bool:
        spending = Spending(tmp_path, Cost(tokens=100), Cost())  # each as another process would
        try:
            hold = spending.hold("ann", Cost(tokens=30))
        except BudgetSpent:
            return False
        spending.settle(hold, "ann", "m", Usage(10, 8, 0, 1), Cost(18, 0.1))
        return True

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(call, range(40)))
    (row,) = Spending(tmp_path, Cost(), Cost()).since(1)
    assert row.usage.calls == answered.count(True)
    assert row.cost.tokens == 18 * row.usage.calls <= 100
    assert row.usage.calls >= 3


def test_what_was_set_aside_by_one_who_died_stays_so(tmp_path: Path) -> None:
    spending = Spending(tmp_path, Cost(tokens=100), Cost())
    spending.hold("ann", Cost(tokens=80))
    with pytest.raises(BudgetSpent, match="110 of 100 tokens"):
        Spending(tmp_path, Cost(tokens=100), Cost()).hold("bob", Cost(tokens=30))
    with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        db.execute("update held set day = '2020-01-01'")
    assert spending.hold("bob", Cost(tokens=30))  # another day


def test_only_its_owner_reads_it_and_without_limits_it_is_not_needed(tmp_path: Path) -> None:
    spending = Spending(tmp_path, Cost(), Cost())
    spending.settle(spending.hold("ann", Cost()), "ann", "m", Usage(1, 1, 0, 1), Cost(2))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    nowhere = tmp_path / "missing"
    assert Spending(nowhere, Cost(), Cost()).hold("ann", Cost()) == 0
    assert Spending(nowhere, Cost(), Cost()).since(7) == []
    with pytest.raises(BudgetSpent, match="cannot be counted"):
        Spending(nowhere, Cost(tokens=1), Cost()).hold("ann", Cost())
