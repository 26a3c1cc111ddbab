"""Whether the scores of live questions lie where those of the measurement lay that chose what runs the models.

What a converted model computes was compared with the reference on texts of ours. Scores that leave the range of those texts say that
here it reads something else, for which that comparison says little.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from citewell.core.files import replace_text
from citewell.encoders.encoder import Encoder
from citewell.encoders.runtimes import REFERENCE

FILE = "live_scores.json"
MARGIN = 0.25  # of the width of the range, on both sides
ENOUGH = 200  # scores before anything is concluded
DRIFTED = (
    0.1  # the share of scores outside at which it is told; the percentiles that bound the range leave 0.02 outside
)
WRITE_EVERY = 500


@dataclass(frozen=True, slots=True)
class Drift:
    """So many live scores of a model, the share of them that left the range of the measurement, and whether that is much."""

    model: str
    runtime: str
    scores: int
    outside: float
    drifted: bool


class LiveScores:
    """Counts scores inside and outside of the range that was measured, and keeps the counts beside the index where it can."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "encoders" / FILE
        self._new: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def see(self, encoder: Encoder, scores: Iterable[float]) -> None:
        """Takes the scores of one question."""
        tuning = encoder.tuning
        if tuning is None or _converted(encoder) == REFERENCE:
            return
        low, high = tuning.scores
        margin = MARGIN * (high - low)
        values = [low - margin <= score <= high + margin for score in scores]
        with self._lock:
            counts = self._new.setdefault(_key(encoder), [0, 0])
            counts[0] += len(values)
            counts[1] += values.count(False)
            many = counts[0] >= WRITE_EVERY
        if many:
            self.flush()

    def of(self, name: str, encoder: Encoder) -> Drift | None:
        """What is known of a model; None where the reference runs it or nothing was measured."""
        if encoder.tuning is None or _converted(encoder) == REFERENCE:
            return None
        with self._lock:
            pairs = (self._stored().get(_key(encoder), [0, 0]), self._new.get(_key(encoder), [0, 0]))
        seen, outside = (sum(counts[place] for counts in pairs) for place in (0, 1))
        share = outside / seen if seen else 0.0
        return Drift(name, _converted(encoder), seen, round(share, 4), seen >= ENOUGH and share > DRIFTED)

    def flush(self) -> None:
        """Adds what is new to what is kept; a directory that cannot be written to keeps nothing."""
        with self._lock, contextlib.suppress(OSError, Timeout):
            if not self._new or not self._path.parent.is_dir():
                return
            with FileLock(self._path.with_suffix(".lock"), timeout=0):
                stored = self._stored()
                for key, (seen, outside) in self._new.items():
                    before = stored.get(key, [0, 0])
                    stored[key] = [before[0] + seen, before[1] + outside]
                replace_text(self._path, json.dumps(stored, indent=1) + "\n")
            self._new = {}

    def _stored(self) -> dict[str, list[int]]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(key): [int(seen), int(outside)] for key, (seen, outside) in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def drift_of(live: LiveScores, encoders: dict[str, Encoder]) -> list[dict[str, Any]]:
    """What is known of each model, for machines."""
    found = (live.of(name, encoder) for name, encoder in encoders.items())
    return [asdict(drift) for drift in found if drift is not None]


def _key(encoder: Encoder) -> str:
    return f"{encoder.network.key} {_converted(encoder)}"


def _converted(encoder: Encoder) -> str:
    """The runtime that may compute other scores than the reference: that of many texts, or where this is the reference, that of a question."""
    outlook = encoder.outlook
    return outlook.question if outlook.bulk == REFERENCE else outlook.bulk
