"""One directory, killed again and again at a named step and checked each time; for the tests and for benchmarks/kills.py."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lost_writes
from killing import engine_of
from programs import environment

from citewell.core.types import document_id
from citewell.index.store.catalog import CATALOG_NAME
from citewell.index.store.verify import verify
from citewell.index.store.writer import CatalogWriter
from citewell.ingest.normalise import compose_document
from citewell.ingest.parsed import Reading
from citewell.ingest.parsers import parse
from citewell.pipeline.ask import search
from citewell.pipeline.wiring import Engine

TESTS = Path(__file__).parent
STEPS = (
    "job planned", "tasks leased", "window staged", "publishing begun", "document split anew", "blocks written", "lexical written", "manifest written", "files synced", "folder renamed",
    "generation named", "generation committed", "folders removed", "candidate committed", "block merged", "merge committed", "generation switched",
    "generations pruned", "document deleted", "groups set",
)  # fmt: skip


def play(place: Path, seed: str, operations: int, *stop: object, watched: Mapping[str, str] | None = None) -> int:
    """Runs operations until one kills the process at the step that `stop` names, or all of them; returns the exit code."""
    program = [sys.executable, TESTS / "killing.py", place / "index", place / "notes", place / "ledger", seed]
    surroundings = environment(PYTHONPATH=f"{TESTS}:{TESTS.parent / 'src'}", OMP_NUM_THREADS="1", **(watched or {}))
    done = subprocess.run(
        [*program, str(operations), *map(str, stop)], env=surroundings, capture_output=True, timeout=240
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
    return done.returncode


def check(place: Path) -> None:
    """Everything acknowledged is visible, nothing is half visible, and `verify` is clean before and after the next writer."""
    if not (place / "index" / CATALOG_NAME).exists():
        return
    acknowledged = [json.loads(line) for line in (place / "ledger").read_text().splitlines()]
    for opened in ("as the kill left it", "after the next writer"):
        engine = engine_of(place / "index")
        assert verify(engine.directory, engine.catalog) == [], opened
        if engine.catalog.live_generation() is not None:
            compare(engine, acknowledged, place / "notes")
        engine.close()
        with CatalogWriter(place / "index", engine.settings.storage):
            pass


def compare(engine: Engine, acknowledged: list[dict[str, Any]], notes: Path) -> None:
    texts: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for done in acknowledged:
        if done["kind"] == "write":
            texts |= done["versions"]
        elif done["kind"] == "delete":
            texts.pop(done["name"], None)
        elif done["kind"] == "groups":
            groups[done["name"]] = done["groups"]
    living = {summary.uri.partition("/")[2]: summary.version for summary in engine.catalog.summaries()}
    present = {path.name: path.read_text() for path in notes.iterdir()}
    for name, version in living.items():  # as acknowledged, or as the operation that was killed left it, wholly
        allowed = {version_of(name, text) for text in (texts.get(name), present.get(name)) if text is not None}
        assert version in allowed, name
    assert {name for name in texts if name in present} <= living.keys()
    for name, allowed in groups.items():
        if name in living:
            assert len(engine.catalog.groups_of(document_id("notes", name))) == len(allowed)
    found, _, _ = search(engine, "pump valve annual report")
    for stored in found.passages.values():
        assert stored.chunk.text in engine.catalog.document(stored.chunk.doc_id, stored.chunk.version).text


def version_of(name: str, text: str) -> str:
    parsed = parse(text.encode(), Reading(name))
    return compose_document(parsed, source="notes", path=name).version


def kill_at(place: Path, step: str, kills: int, seed: int) -> int:
    """Kills at a step again and again on one directory; returns how often the step was reached."""
    (place / "notes").mkdir(parents=True)
    assert play(place, f"{seed} begin", 2) == 0
    chance = random.Random(f"{seed} {step}")
    killed = 0
    for number in range(kills):
        killed += play(place, f"{seed} {number}", 20, step, chance.randint(1, 2)) == -signal.SIGKILL
        check(place)
    return killed


def lose_at(place: Path, step: str, failures: int) -> int:
    """Kills at a step again and again, and drops what was not synced: `kill -9` alone leaves the page cache. Returns how many writes
    were lost."""
    watched = lost_writes.surroundings(lost_writes.compiled(place), place / "index", place / "shadow")
    (place / "notes").mkdir(parents=True)
    (place / "ledger").touch()
    lost = 0
    for number in range(failures):
        play(place, f"power {number}", 20, step, number + 1, watched=watched)
        lost += lost_writes.lose_unsynced(place / "index", place / "shadow")
        check(place)
        shutil.rmtree(place / "shadow")
        lost_writes.remember(place / "index", watched)
    return lost
