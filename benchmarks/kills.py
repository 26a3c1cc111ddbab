"""Kills an index with `kill -9` and by power failure at every named step, many times, and checks it after each.

python benchmarks/kills.py [--kills 200] [--failures 48]

Operations by chance (add, update, delete, merge, publish, roll back, embed anew, collect, rights) run in a process that is killed at
the step. A failed check ends the run with its reason. Needs a C compiler for the power failures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from crashes import STEPS, kill_at, lose_at


def main() -> None:
    """Prints a line a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--failures", type=int, default=48)
    arguments = parser.parse_args()
    kills, failures = (-(-count // len(STEPS)) for count in (arguments.kills, arguments.failures))
    killed = lost = 0
    for step in STEPS:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            done = seed = 0
            while done < kills:  # a run that never reaches the step kills nothing
                seed += 1
                done += kill_at(Path(folder) / f"kills {seed}", step, kills - done, seed)
            (Path(folder) / "power").mkdir()
            gone = lose_at(Path(folder) / "power", step, failures) if failures else 0
        killed, lost = killed + done, lost + gone
        print(
            f"{step:24} {done:4} kills, {gone:6} unsynced writes lost, all sound, {time.perf_counter() - began:.0f} s",
            flush=True,
        )
    print(
        f"{killed} kills at {len(STEPS)} steps, {failures * len(STEPS)} power failures, {lost} writes lost: all sound"
    )


if __name__ == "__main__":
    main()
