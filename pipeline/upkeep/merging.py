"""A running service merges small blocks of the index, whoever wrote them."""

from __future__ import annotations

from citewell.core.errors import WriterBusy
from citewell.pipeline.upkeep.chore import Chore
from citewell.pipeline.upkeep.maintain import compact
from citewell.pipeline.wiring import Engine

INTERVAL_S = 5.0
WRITER_WAIT_S = 30.0


class Upkeep(Chore):
    """Looks after the index of one data directory; a merge under way is finished before it stops."""

    def __init__(self, engine: Engine, interval_s: float = INTERVAL_S) -> None:
        super().__init__("upkeep", interval_s)
        self._engine = engine
        self._seen: int | None = None

    def look_once(self) -> str | None:
        """Merges what is to be merged of a generation that was not looked at yet; the new generation's name, or None."""
        live = self._engine.catalog.live_generation()
        if live is None or live == self._seen:
            return None
        self._seen = live
        try:
            return compact(self._engine, wait_s=WRITER_WAIT_S)
        except WriterBusy:
            self._seen = None  # looked at again
            raise
