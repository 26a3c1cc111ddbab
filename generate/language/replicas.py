"""Several servers of one model: each question goes to the one with the least to do, and to another one where that fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from citewell.core.errors import BudgetSpent, ModelFailed, ModelUnavailable
from citewell.core.language import Completion, Listener, Message
from citewell.generate.language.guard import SHARE, GuardedModel
from citewell.generate.language.wrapped import WrappedModel

WARM = 8  # answers after which a server that came back gets its full share


@dataclass(slots=True)
class _Replica:
    model: GuardedModel
    pending: int = 0
    answered: int = 0  # since it failed last

    @property
    def load(self) -> tuple[bool, float]:
        """What a further question would find there; one that is not warm counts for less than a whole server."""
        share = (1 + min(self.answered, WARM)) / (1 + WARM)
        return self.model.health.state == "open", (self.pending + 1) / share


class Replicas(WrappedModel):
    """One model by several servers, counted and rendered as by the first."""

    def __init__(self, models: Sequence[GuardedModel]) -> None:
        super().__init__(models[0])
        self.models = tuple(models)
        self._replicas = [_Replica(model) for model in models]
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes each."""
        for model in self.models:
            model.close()

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None = None
    ) -> Completion:  # fmt: skip
        """The answer of the server with the least pending; of the next where it fails before something was shown. Raises as the last one does."""
        ends = time.monotonic() + seconds
        failed: list[_Replica] = []
        while True:
            replica = self._take(failed)
            is_last = len(failed) + 1 == len(self._replicas)
            left = ends - time.monotonic()
            try:
                done = replica.model.complete(messages, schema, max_tokens, left if is_last else left * SHARE, listener)
            except BudgetSpent:  # says nothing of the server
                self._give_back(replica, answered=None)
                raise
            except (ModelUnavailable, ModelFailed):
                # Also one without the model, or with another key: it fails at once, and has always the least to do.
                self._give_back(replica, answered=False)
                failed.append(replica)
                if is_last or time.monotonic() >= ends or (listener is not None and not listener.restart()):
                    raise
                continue
            except BaseException:
                self._give_back(replica, answered=None)
                raise
            self._give_back(replica, answered=True)
            return done

    def _take(self, failed: Collection[_Replica]) -> _Replica:
        with self._lock:
            chosen = min((r for r in self._replicas if not any(r is f for f in failed)), key=lambda r: r.load)
            chosen.pending += 1
            return chosen

    def _give_back(self, replica: _Replica, *, answered: bool | None) -> None:
        with self._lock:
            replica.pending -= 1
            if answered is not None:
                replica.answered = replica.answered + 1 if answered else 0
