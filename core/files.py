"""Small files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace_text(path: Path, content: str) -> None:
    """Writes `content` beside `path` and moves it there, so that a reader finds the old file or the new one. Raises OSError."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    part.write_text(content, encoding="utf-8")
    os.replace(part, path)
