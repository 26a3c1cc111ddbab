"""What was asked, so that an answer can be replayed by its id: questions and what became of them, never the text of documents."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from citewell.core.answers import Answer
from citewell.core.errors import AnswerNotFound

FILE = "asked.jsonl"
LOCK = "asked.lock"
LOCK_S = 1.0  # seconds; who waits longer goes without


class Asked(BaseModel):
    """One question as it was asked, and what became of it. `groups` None: by the owner."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    answer_id: str
    at: str
    question: str
    filter: str
    groups: tuple[str, ...] | None
    generation: str
    config_hash: str
    status: str
    reasons: tuple[str, ...]


class AskedLog:
    """The last `most` questions of a data directory, in a file beside the index that only its owner reads."""

    def __init__(self, directory: Path, most: int) -> None:
        self._path = directory / FILE
        self._lock = FileLock(directory / LOCK, timeout=LOCK_S)
        self._most = most

    def note(self, answer: Answer, filter: str, groups: frozenset[str] | None) -> None:
        """Writes one down, and forgets the oldest beyond `most`; what cannot be written is no reason not to answer."""
        if not self._most or not self._path.parent.is_dir():
            return
        asked = Asked(
            answer_id=answer.answer_id, at=datetime.now(UTC).isoformat(timespec="seconds"), question=answer.question, filter=filter,
            groups=None if groups is None else tuple(sorted(groups)), generation=answer.generation, config_hash=answer.config_hash,
            status=answer.status, reasons=answer.reasons,
        )  # fmt: skip
        line = asked.model_dump_json() + "\n"
        try:
            with self._lock:
                kept = self._path.read_text(encoding="utf-8").splitlines() if self._path.is_file() else []
                part = self._path.with_suffix(".part")
                if len(kept) >= 2 * self._most:
                    part.unlink(missing_ok=True)
                    _append(part, "\n".join([*kept[-self._most :], line]))
                    os.replace(part, self._path)
                else:
                    _append(self._path, line)
        except OSError:
            return

    def find(self, answer_id: str) -> Asked:
        """The last question whose answer has this id. Raises AnswerNotFound."""
        for asked in reversed(list(self._read())):
            if asked.answer_id == answer_id:
                return asked
        raise AnswerNotFound(f"no answer with the id {answer_id} is kept")

    def clear(self) -> None:
        """Forgets all of them: a question may repeat what a document said."""
        with self._lock:
            self._path.unlink(missing_ok=True)

    def _read(self) -> Iterator[Asked]:
        if not self._path.is_file():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                yield Asked.model_validate(json.loads(line))
            except (ValueError, ValidationError):  # a line that was cut off
                continue


def _append(path: Path, text: str) -> None:
    """To a file that nobody but its owner reads."""
    with open(path, "a", encoding="utf-8", opener=_owners) as stream:
        stream.write(text)


def _owners(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
