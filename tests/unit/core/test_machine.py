"""Cores that are bound, given by quota, or used by others."""

from __future__ import annotations

from pathlib import Path

import pytest

from citewell.core import machine
from citewell.core.machine import available_threads, free_threads, this_machine


@pytest.fixture(autouse=True)
def many_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Eight cores, no quota, nothing else running."""
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(machine, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(machine, "_STAT", tmp_path / "stat")


def running(tmp_path: Path, count: int) -> None:
    (tmp_path / "stat").write_text(f"cpu  1 2 3\nprocs_running {count}\nprocs_blocked 0\n")


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("nonsense", 8)]
)
def test_a_quota_bounds_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert available_threads(0) == cores
    assert available_threads(5) == 5


@pytest.mark.parametrize(("others", "threads"), [(0, 8), (1, 8), (4, 5), (20, 1)])
def test_cores_on_which_others_compute_are_left_to_them(tmp_path: Path, others: int, threads: int) -> None:
    running(tmp_path, others)  # the one that asks is among them
    assert free_threads(0) == threads


def test_a_share_that_was_named_is_taken_whatever_runs(tmp_path: Path) -> None:
    running(tmp_path, 20)
    assert free_threads(3) == 3


def test_where_nothing_can_be_seen_all_cores_are_taken() -> None:
    assert free_threads(0) == 8


def test_this_machine_is_named() -> None:
    assert this_machine().processor
    assert this_machine() == this_machine()
