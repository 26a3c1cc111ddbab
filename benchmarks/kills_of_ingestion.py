"""Kills an ingestion of many documents, with updates and deletions, in its parent and in its workers, and checks what is left.

python benchmarks/kills_of_ingestion.py [--documents 2000] [--kills 200]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from torn import tear


def main() -> None:
    """Prints a line a kill, and the sum."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200)
    arguments = parser.parse_args()
    began, killed = time.perf_counter(), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        for step, role, reached in tear(
            Path(folder) / "place", arguments.documents, arguments.kills, arguments.documents // 50
        ):
            killed[f"{role}: {step}"] += reached
            print(f"{sum(killed.values()):4} {role:7} {step:22} {'killed' if reached else 'not reached'}", flush=True)
    for name, count in sorted(killed.items()):
        print(f"{name:32} {count:4}")
    print(
        f"{sum(killed.values())} kills in {time.perf_counter() - began:.0f} s: nothing lost, nothing twice, nothing deleted found, the same as undisturbed"
    )


if __name__ == "__main__":
    main()
