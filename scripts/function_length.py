"""Fails when a function is longer than 70 lines or a module longer than 500."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

FOLDERS = (
    "core",
    "encoders",
    "ingest",
    "index",
    "rerank",
    "generate",
    "pipeline",
    "api",
    "evaluation",
    "training",
    "cli",
    "benchmarks",
    "scripts",
    "tests",
)
LONGEST_FUNCTION = 70
LONGEST_MODULE = 500


def too_long(root: Path) -> list[str]:
    """One line for each function or module that is over its limit."""
    found = []
    for path in sorted(p for folder in FOLDERS for p in (root / folder).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if (lines := source.count("\n")) > LONGEST_MODULE:
            found.append(f"{path.relative_to(root)}: {lines} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    found.append(f"{path.relative_to(root)}:{node.lineno}: {node.name} has {length} lines")
    return found


if __name__ == "__main__":
    problems = too_long(Path(__file__).parent.parent)
    print("\n".join(problems) or "every function and module is within its length")
    sys.exit(bool(problems))
