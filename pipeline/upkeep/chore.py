"""What a running service does by itself beside answering: a thread that looks from time to time whether there is something to do."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod

from citewell.core.errors import CitewellError, IndexMissing, WriterBusy

_log = logging.getLogger("citewell.chores")


class Chore(ABC):
    """A thread between `start` and `stop` that calls `look_once` every so many seconds; an error is logged, and it is looked at again."""

    def __init__(self, name: str, interval_s: float) -> None:
        self._name = name
        self._interval_s = interval_s
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def look_once(self) -> object:
        """Does what there is to do now."""

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; what is under way is finished first, unless it heeds `stopped`."""
        self.stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.stopped.wait(self._interval_s):
            try:
                self.look_once()
            except (IndexMissing, WriterBusy):
                continue
            except CitewellError as error:
                _log.error("%s: %s (%s)", self._name, error.message, error.hint)
            except Exception:
                _log.exception("%s", self._name)
