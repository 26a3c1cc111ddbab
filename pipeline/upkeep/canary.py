"""A candidate generation tried beside the live one: it answers a share of the questions, or shadows them, and the differences are kept.

What is kept is numbers, no questions: a line of JSON for each, in `DIR/canary/NNNNNN.jsonl`. Which questions are tried is told by a hash of their
words, so that the same question gets the same treatment.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import queue
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from citewell.core.answers import Answer
from citewell.core.errors import CitewellError, GenerationNotFound
from citewell.core.spending import OWNER
from citewell.index.store.catalog import Canary
from citewell.pipeline.ask import ask
from citewell.pipeline.audience import NOBODY, Audience
from citewell.pipeline.wiring import Engine

FOLDER = "canary"
FIRST = 10  # documents of the context that are compared
WAITING = 64  # questions that may wait to be asked of the other generation; more are not compared
_log = logging.getLogger("citewell.canary")


@dataclass(frozen=True, slots=True)
class Difference:
    """How both generations answered one question: what share of the first documents they have in common, whether the first one is the
    same, whether each answered (and did not abstain), whether they cite the same documents, and the milliseconds."""

    overlap: float
    same_first: bool
    live_answered: bool
    canary_answered: bool
    same_cited: bool
    live_ms: float
    canary_ms: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Many differences as one: counts, means and medians."""

    questions: int
    overlap: float
    same_first: float
    same_cited: float
    both_answered: int
    only_live_answered: int
    only_canary_answered: int
    neither_answered: int
    live_ms: float
    canary_ms: float


def difference(live: Answer, canary: Answer) -> Difference:
    """Compares two answers to one question."""
    one, other = _documents(live), _documents(canary)
    longest = max(len(one), len(other))
    return Difference(
        overlap=len(set(one) & set(other)) / longest if longest else 1.0,
        same_first=one[:1] == other[:1],
        live_answered=live.status != "abstained",
        canary_answered=canary.status != "abstained",
        same_cited=_cited(live) == _cited(canary),
        live_ms=live.timings_ms["total"],
        canary_ms=canary.timings_ms["total"],
    )


def _documents(answer: Answer) -> list[str]:
    """The documents of an answer's context, best first, each once."""
    return list(dict.fromkeys(p.chunk.doc_id for p in answer.context.passages))[:FIRST]


def _cited(answer: Answer) -> set[str]:
    return {citation.doc_id for sentence in answer.sentences for citation in sentence.citations}


def compared(differences: Sequence[Difference]) -> Comparison:
    """The figures of some differences; raises ValueError when there are none."""
    if not differences:
        raise ValueError("there are no differences")
    answered = [(d.live_answered, d.canary_answered) for d in differences]
    return Comparison(
        questions=len(differences),
        overlap=round(statistics.fmean(d.overlap for d in differences), 4),
        same_first=round(statistics.fmean(d.same_first for d in differences), 4),
        same_cited=round(statistics.fmean(d.same_cited for d in differences), 4),
        both_answered=answered.count((True, True)),
        only_live_answered=answered.count((True, False)),
        only_canary_answered=answered.count((False, True)),
        neither_answered=answered.count((False, False)),
        live_ms=round(statistics.median(d.live_ms for d in differences), 1),
        canary_ms=round(statistics.median(d.canary_ms for d in differences), 1),
    )


def compare(
    engine: Engine, generation: int, questions: Sequence[str], progress: Callable[[int, int, str], None]
) -> dict[str, Difference]:
    """Asks the live and a kept generation each question. Raises GenerationNotFound and the errors of `ask`."""
    if generation not in engine.catalog.generations():
        raise GenerationNotFound(f"generation {generation:06d} is not kept")
    found: dict[str, Difference] = {}
    for number, question in enumerate(questions):
        progress(number, len(questions), question)
        found[question] = difference(ask(engine, question), ask(engine, question, generation=generation))
    return found


def path_of(directory: Path, generation: int) -> Path:
    """Where the differences of a generation are kept."""
    return directory / FOLDER / f"{generation:06d}.jsonl"


def kept(directory: Path, generation: int) -> list[Difference]:
    """The differences of a generation so far; a line that a crash cut off is passed over."""
    path = path_of(directory, generation)
    found: list[Difference] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found.append(Difference(**{name: row[name] for name in Difference.__dataclass_fields__}))
    return found


def is_tried(question: str, share: float) -> bool:
    """Whether a question belongs to the share that is tried."""
    digest = hashlib.blake2b(" ".join(question.lower().split()).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


class CanaryRoute:
    """Asks for the service: the live generation, or the tried one, and the other one afterwards, in a thread of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: queue.Queue[tuple[str, frozenset[str] | None, str, Answer, Canary] | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to compare."""
        self._thread = threading.Thread(target=self._run, name="canary", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Compares what waits, and ends."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()

    def ask(
        self, question: str, groups: frozenset[str] | None = None, filter: str = "", audience: Audience = NOBODY, caller: str = OWNER
    ) -> Answer:  # fmt: skip
        """The answer of the generation whose turn it is; a canary that cannot answer is told in the log, and the live one answers."""
        canary = self._engine.catalog.canary()
        asking = partial(ask, self._engine, question, groups, filter=filter, audience=audience, caller=caller)
        if canary is None or not is_tried(question, canary.share):
            return asking()
        try:
            answer = asking(generation=canary.generation if canary.answers else None)
        except CitewellError as error:
            if not canary.answers:
                raise
            _log.error("the canary %06d did not answer: %s", canary.generation, error.message)
            return asking()
        try:
            self._waiting.put_nowait((question, groups, filter, answer, canary))
        except queue.Full:
            _log.warning("a question was not compared: %d wait already", WAITING)
        return answer

    def _run(self) -> None:
        while (asked := self._waiting.get()) is not None:
            try:
                self._compare(*asked)
            except CitewellError as error:
                _log.error("a question was not compared: %s", error.message)
            except Exception:
                _log.exception("a question was not compared")

    def _compare(
        self, question: str, groups: frozenset[str] | None, filter: str, answer: Answer, canary: Canary
    ) -> None:
        if self._engine.catalog.canary() != canary:
            return
        other = ask(self._engine, question, groups, None if canary.answers else canary.generation, filter)
        live, tried = (other, answer) if canary.answers else (answer, other)
        keep(self._engine.directory, canary.generation, difference(live, tried))


def keep(directory: Path, generation: int, found: Difference) -> None:
    """Appends one difference; lines of several processes do not mix."""
    path = path_of(directory, generation)
    path.parent.mkdir(exist_ok=True)
    line = json.dumps({"at": round(time.time(), 3)} | asdict(found)) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)
