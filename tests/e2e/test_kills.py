"""`kill -9` and power failure at each named step of every operation: what was acknowledged is there, nothing is half there, and all is sound.

The long form is benchmarks/kills.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from crashes import STEPS, kill_at, lose_at

KILLS_A_STEP = 2


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_power_failure_at_any_step_costs_nothing(tmp_path: Path, step: str) -> None:
    assert lose_at(tmp_path, step, KILLS_A_STEP + 1), "nothing was lost: the harness does not work"


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_costs_nothing(tmp_path: Path, step: str) -> None:
    assert kill_at(tmp_path, step, KILLS_A_STEP, 5) > 0, "the step was never reached"
