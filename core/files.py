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


def write_durably(path: Path, data: bytes) -> None:
    """Writes `data`, and returns when it and its name are on the disk. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
