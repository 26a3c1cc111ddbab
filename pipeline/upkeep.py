"""What a running service does beside answering: it merges small blocks of the index, whoever wrote them."""

from __future__ import annotations

import logging
import threading

from citewell.core.errors import CitewellError, IndexMissing, WriterBusy
from citewell.pipeline.maintain import compact
from citewell.pipeline.wiring import Engine

INTERVAL_S = 5.0
WRITER_WAIT_S = 30.0
_log = logging.getLogger("citewell.upkeep")


class Upkeep:
    """A thread that looks after the index of one data directory between `start` and `stop`."""

    def __init__(self, engine: Engine, interval_s: float = INTERVAL_S) -> None:
        self._engine = engine
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._seen: int | None = None
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; a merge under way is finished first."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            try:
                self.look_once()
            except IndexMissing:
                continue
            except WriterBusy:
                self._seen = None  # looked at again
            except CitewellError as error:
                _log.error("the index was not compacted: %s (%s)", error.message, error.hint)
            except Exception:
                _log.exception("the index was not compacted")

    def look_once(self) -> str | None:
        """Merges what is to be merged of a generation that was not looked at yet; the new generation's name, or None."""
        live = self._engine.catalog.live_generation()
        if live is None or live == self._seen:
            return None
        self._seen = live
        return compact(self._engine, wait_s=WRITER_WAIT_S)
