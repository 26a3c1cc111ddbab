"""`kill -9` of a parent or a worker at any step of an ingestion with updates and deletions costs nothing that was acknowledged.

The long form is benchmarks/kills_of_ingestion.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from torn import tear


@pytest.mark.slow
def test_a_torn_ingestion_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    seen = list(tear(tmp_path / "place", documents=120, kills=16, changes=12))
    assert {role for _, role, reached in seen if reached} == {"parent", "worker"}
