"""What language models took, by day, caller and model, in a small database beside the catalog that all processes share.

What a call may cost at most is set aside in the same transaction that looks at the limits, so that no two calls pass on the same rest.
Whoever is killed leaves it set aside until the day ends: then too little is spent, never too much.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from citewell.core.answers import Usage
from citewell.core.errors import BudgetSpent
from citewell.core.spending import Cost, Spent

FILE = "spending.db"
KEPT_DAYS = 400
BUSY_MS = 5000
_TABLES = """
create table if not exists spent (day text, caller text, model text, calls integer, read integer, cached integer, written integer,
    tokens integer, seconds real, money real, primary key (day, caller, model)) without rowid;
create table if not exists held (hold integer primary key, day text, caller text, tokens integer, seconds real, money real);
"""
_SUM = """select coalesce(sum(tokens), 0), coalesce(sum(seconds), 0), coalesce(sum(money), 0) from (
    select day, caller, tokens, seconds, money from spent union all select day, caller, tokens, seconds, money from held)
    where day = ? and (? is null or caller = ?)"""


class Spending:
    """The accounts of a data directory. `limit` is that of a day for all, `each` that of a day for one caller.

    Where nothing is limited, what cannot be written down is no reason not to answer; where something is, it is.
    """

    def __init__(self, directory: Path, limit: Cost, each: Cost) -> None:
        self._path = directory / FILE
        self._limit = limit
        self._each = each
        self._tidied = ""  # the day on which this process last looked for tables and old rows

    def hold(self, caller: str, most: Cost) -> int:
        """Sets aside what a call may cost at most. Raises BudgetSpent."""
        try:
            with self._changing() as db:
                today = _today()
                for limit, whose in ((self._limit, None), (self._each, caller)):
                    spent = Cost(*db.execute(_SUM, (today, whose, whose)).fetchone())
                    if beyond := (spent + most).beyond(limit):
                        asker = "all questions" if whose is None else f"the questions of {whose}"
                        raise BudgetSpent(f"{asker} of today would take {beyond}")
                row = (today, caller, most.tokens, most.seconds, most.money)
                found = db.execute("insert into held (day, caller, tokens, seconds, money) values (?, ?, ?, ?, ?)", row)
                return int(found.lastrowid or 0)
        except (OSError, sqlite3.Error) as error:
            if self._limit.is_limit or self._each.is_limit:
                raise BudgetSpent(
                    f"what is spent cannot be counted: {error}", hint="Make the data directory writable."
                ) from error
            return 0

    def seconds_left(self, caller: str) -> float:
        """Seconds that this caller may still have models write today; infinite where that is not limited, or cannot be told."""
        left = float("inf")
        limits = [
            (limit.seconds, whose) for limit, whose in ((self._limit, None), (self._each, caller)) if limit.seconds
        ]
        try:
            for seconds, whose in limits:
                with self._changing() as db:
                    left = min(left, seconds - db.execute(_SUM, (_today(), whose, whose)).fetchone()[1])
        except (OSError, sqlite3.Error):  # `hold` says what is wrong
            return left
        return left

    def settle(self, hold: int, caller: str, model: str, usage: Usage, cost: Cost) -> None:
        """Gives back what was set aside, and adds what the call did cost."""
        row = (
            _today(), caller, model, usage.calls, usage.prompt_tokens, usage.cached_tokens, usage.answer_tokens, cost.tokens, cost.seconds,
            cost.money,
        )  # fmt: skip
        try:
            with self._changing() as db:
                db.execute("delete from held where hold = ?", (hold,))
                db.execute(
                    """insert into spent values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set calls = calls + excluded.calls,
                    read = read + excluded.read, cached = cached + excluded.cached, written = written + excluded.written,
                    tokens = tokens + excluded.tokens, seconds = seconds + excluded.seconds, money = money + excluded.money""",
                    row,
                )
        except (OSError, sqlite3.Error):
            return  # it stays set aside

    def since(self, days: int) -> list[Spent]:
        """What was spent today and on the days before, so many in all, the latest first."""
        if not self._path.is_file():
            return []
        first = (_day() - timedelta(days=days - 1)).isoformat()
        query = "select day, caller, model, calls, read, cached, written, tokens, seconds, money from spent where day >= ? order by day desc, caller, model"
        with closing(sqlite3.connect(self._path)) as db:
            return [
                Spent(day, caller, model, Usage(read, written, cached, calls, money), Cost(tokens, seconds, money))
                for day, caller, model, calls, read, cached, written, tokens, seconds, money in db.execute(
                    query, (first,)
                )
            ]

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, alone from its first look on."""
        is_new, today = not self._path.exists(), _today()
        with closing(sqlite3.connect(self._path, timeout=BUSY_MS / 1000, isolation_level=None)) as db:
            if is_new:
                os.chmod(self._path, 0o600)
            if is_new or self._tidied != today:
                db.executescript(_TABLES)
                db.execute("delete from spent where day < ?", ((_day() - timedelta(days=KEPT_DAYS)).isoformat(),))
                db.execute("delete from held where day < ?", (today,))
                self._tidied = today
            db.execute("begin immediate")
            try:
                yield db
            except BaseException:
                db.execute("rollback")
                raise
            db.execute("commit")


def _day() -> date:
    return datetime.now(UTC).date()


def _today() -> str:
    return _day().isoformat()
