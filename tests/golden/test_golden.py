"""What users and programs see, as reviewed text. After a wanted change: UPDATE_GOLDEN=1 scripts/test tests/golden, and read the diff."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from golden_files import compare

from citewell.api.app import create_app
from citewell.core.settings import load_settings
from citewell.pipeline.wiring import Engine

COMMANDS = ("", "ask", "demo", "doctor", "documents", "documents list", "documents show", "documents delete", "documents purge", "documents set-groups", "evaluate",
            "evaluate retrieval", "evaluate answers", "evaluate compare", "evaluate gate", "evaluate tune", "evaluate synthesise",
            "evaluate paraphrase", "evaluate report", "generations", "generations rollback", "generations verify", "generations compare",
            "generations canary", "generations canary start", "generations canary report", "index", "index rebuild", "index repair", "ingest", "search", "serve", "status")  # fmt: skip


def test_the_openapi_document_is_the_reviewed_one(tmp_path: Path) -> None:
    schema = create_app(Engine(tmp_path, load_settings())).openapi()
    compare("openapi.json", json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def test_the_help_of_every_command_is_the_reviewed_one() -> None:
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1"}
    parts = []
    for command in COMMANDS:
        done = subprocess.run(
            [Path(sys.executable).with_name("citewell"), *command.split(), "--help"],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        parts.append(f"$ citewell {command} --help\n\n{done.stdout}")
    compare("help.txt", "\n".join(parts))
