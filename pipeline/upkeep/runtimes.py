"""What runs the models on this machine: found out once, by measurement, and kept with the index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from citewell.core.machine import available_threads, this_machine
from citewell.encoders.encoder import Encoder
from citewell.encoders.tune import tune
from citewell.encoders.tuning import Tuning
from citewell.pipeline.wiring import Engine

ANNOUNCED = (
    "Measuring once how this machine runs the models fastest, which takes some seconds (`citewell doctor --tune` also tries int8; "
    "`encoders.runtime` names one instead)"
)


def settle(engine: Engine, told: Callable[[str], None]) -> dict[str, str]:
    """Measures what is not known yet of the models in use; what is known is kept with the index from now on.

    Returns what was found out, by model, in words. Does nothing where the settings name a runtime.
    """
    if engine.settings.encoders.runtime != "auto":
        return {}
    unknown = {name: encoder for name, encoder in engine.encoders.items() if not encoder.adopt()}
    if unknown:
        told(ANNOUNCED)
    found = {}
    for name, encoder in unknown.items():
        tuning = tune(encoder)
        found[name] = in_words(tuning)
        told(f"{name}: {found[name]}")
    return found


def retune(engine: Engine, told: Callable[[str], None]) -> dict[str, Tuning]:
    """Measures every runtime that is installed, for each model in use; what is chosen is used from now on."""
    return {
        name: tune(encoder, thorough=True, told=lambda what, name=name: told(f"{name} with {what}"))  # type: ignore[misc]
        for name, encoder in engine.encoders.items()
    }


def in_words(tuning: Tuning) -> str:
    """What was chosen, and why."""
    both = tuning.bulk if tuning.bulk == tuning.question else f"{tuning.bulk}, for a single question {tuning.question}"
    return f"{both}: {tuning.reason}"


def what_runs(engine: Engine) -> dict[str, Any]:
    """The machine, and for each model what runs it for many texts and for one, why, and what could not be used.

    Nothing is opened for it. Raises ModelUnavailable or ModelMismatch.
    """
    return {
        "machine": this_machine().name,
        "threads": available_threads(engine.settings.encoders.threads),
        "models": {name: _told(encoder) for name, encoder in engine.encoders.items()},
    }


def _told(encoder: Encoder) -> dict[str, Any]:
    return {key: value for key, value in asdict(encoder.outlook).items() if value}
