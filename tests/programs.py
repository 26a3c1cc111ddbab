"""Running the real program, as users do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("citewell")


def environment(**extra: str) -> dict[str, str]:
    """The surroundings of a command: no network for models, and no settings but those of the tests on what runs the models."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CITEWELL_") or k.startswith("CITEWELL_ENCODERS__")}
    return kept | {"PYTHONSAFEPATH": "1", "NO_COLOR": "1", "COLUMNS": "120"} | extra


def run(*arguments: object, cwd: Path, expect: int | None = 0, **extra: str) -> subprocess.CompletedProcess[str]:
    """Runs `citewell ARGUMENTS…` and checks its exit code."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=environment(**extra), timeout=300
    )
    assert expect is None or done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def run_json(*arguments: object, cwd: Path, expect: int | None = 0) -> Any:
    """What `citewell ARGUMENTS… --json` prints."""
    return json.loads(run(*arguments, "--json", cwd=cwd, expect=expect).stdout)
