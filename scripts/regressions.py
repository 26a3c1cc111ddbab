"""Measures the public figures of the documents anew and says which no longer hold.

    python scripts/regressions.py [--data FOLDER] [--cache DIR] [--only WORD]

evaluation/regressions.toml lists the figures: where each is printed, the command that gives it, the corpus it was taken on, the
value and how far it may differ. FOLDER holds the public sets (scifact, cranfield, squad_v2); those of the bundled sample need
none. Commands that several figures share run once. Exits with 1 when a figure differs, was taken on another corpus, or is missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "evaluation" / "regressions.toml"


@dataclass(frozen=True, slots=True)
class Figure:
    """A public figure: `at` leads to it in the command's JSON, `printed` is how the document `where` shows it."""

    name: str
    where: str
    printed: str
    command: str
    corpus_sha256: str
    at: tuple[str, ...]
    expected: float
    tolerance: float


def read_figures() -> list[Figure]:
    """The figures of regressions.toml."""
    rows = tomllib.loads(FIGURES.read_text(encoding="utf-8"))["figure"]
    return [Figure(**(row | {"at": tuple(row["at"])})) for row in rows]


def measure(command: str, data: Path, cache: Path) -> dict[str, Any]:
    """The JSON that a command prints."""
    words = [word.format(data=data) for word in command.split()]
    program = Path(sys.executable).with_name("citewell")
    arguments = [program, *words, "--index", cache, "--json", "-"]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False)
    body: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    return body


def problem(figure: Figure, body: dict[str, Any]) -> str:
    """What is wrong with a figure; empty when it holds."""
    if not body:
        return "the command failed"
    corpus = body["provenance"]["corpus_sha256"]
    if corpus != figure.corpus_sha256:
        return f"another corpus: {corpus}"
    value: Any = body
    for key in figure.at:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, int | float):
        return "the figure is not there"
    return "" if abs(value - figure.expected) <= figure.tolerance else f"is {value:.4f}"


def main() -> None:
    """Measures and prints a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/evaluation"))
    parser.add_argument("--only", default="", help="only figures whose name holds this word")
    arguments = parser.parse_args()
    figures = [figure for figure in read_figures() if arguments.only in figure.name]
    measured: dict[str, dict[str, Any]] = {}
    failed = 0
    for figure in figures:
        if figure.command not in measured:
            print(f"$ citewell {figure.command}", flush=True)
            measured[figure.command] = measure(figure.command, arguments.data, arguments.cache)
        wrong = problem(figure, measured[figure.command])
        failed += bool(wrong)
        print(
            f"  {'FAILED' if wrong else 'holds '} {figure.name}: {figure.expected} ± {figure.tolerance} {wrong}",
            flush=True,
        )
    print(f"{len(figures) - failed} of {len(figures)} figures hold")
    sys.exit(bool(failed) or not figures)


if __name__ == "__main__":
    main()
