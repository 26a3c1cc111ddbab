"""Indexes that older versions wrote still open: nothing is embedded again, and a copy of the old catalog stays."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citewell.core.errors import IndexIncompatible
from citewell.index.store.schema import OLDEST_READABLE_VERSION
from citewell.index.store.verify import verify
from citewell.pipeline.ask import search
from citewell.pipeline.build import rebuild
from citewell.pipeline.wiring import Engine

FORMATS = Path(__file__).parent / "formats"
SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # since Python 3.11.4


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_format_is_migrated(tmp_path: Path, make_engine: Callable[..., Engine], version: int) -> None:
    with tarfile.open(FORMATS / f"format-{version}.tar.xz") as archive:
        archive.extractall(tmp_path, **SAFELY)
    engine = make_engine(tmp_path / "index")
    if version < OLDEST_READABLE_VERSION:
        with pytest.raises(IndexIncompatible, match=f"format {version}") as caught:
            search(engine, "annual leave")
        assert "index migrate" in caught.value.hint
    report = rebuild(engine)
    assert report.chunks_embedded == 0
    # Split anew where the chunker of that time is another, into the same passages.
    assert report.changed == [] or _chunkers(engine) == 2
    found, _, _ = search(engine, "annual leave")
    assert found.passages[found.final.candidates[0].chunk_id].uri == "papers/leave.md"
    assert verify(engine.directory, engine.catalog) == []
    backup = sqlite3.connect(tmp_path / "index" / f"catalog.sqlite.format{version}")
    assert backup.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone() == (str(version),)
    backup.close()
    engine.close()


def _chunkers(engine: Engine) -> int:
    db = sqlite3.connect(engine.directory / "catalog.sqlite")
    count = db.execute("SELECT count(DISTINCT chunker) FROM chunks").fetchone()[0]
    db.close()
    return int(count)
