"""Drafted sentences checked one by one, in a thread of their own, while more are being written."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import TracebackType

from citewell.core.answers import Sentence
from citewell.core.types import Context, Query
from citewell.core.verdicts import Check
from citewell.generate.language.untrusted import unfounded
from citewell.generate.verification.alignment import align
from citewell.generate.verification.draft import Verified, verify_sentence
from citewell.pipeline.answering import why_beside
from citewell.pipeline.audience import Audience
from citewell.pipeline.copies import name_copies
from citewell.pipeline.wiring import Engine


@dataclass(slots=True)
class Checks:
    """Takes sentences as they come and checks them in that order; those that pass are shown.

    What a model has `written` must answer the question too, and there are at most as many such sentences as the settings say; `likeliest` is
    the documents' own sentence that would be quoted instead. `kept` passed before: what only says one of them again is passed over.
    """

    engine: Engine
    query: Query
    context: Context
    audience: Audience
    written: bool
    likeliest: str = ""
    kept: tuple[Sentence, ...] = ()
    taken: list[Sentence] = field(default_factory=list)
    _found: list[tuple[Sentence | None, Check]] = field(default_factory=list)
    _waiting: list[Future[None]] = field(default_factory=list)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "citewell-checks"))

    def __enter__(self) -> Checks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def __call__(self, sentence: Sentence) -> bool:
        """One more sentence; whether more are wanted."""
        self.taken.append(sentence)
        if self.engine.settings.generate.verify == "after":
            self.audience.sentence(sentence, checked=False)
        self._waiting.append(self._thread.submit(self._check, sentence))
        return self.is_wanted

    @property
    def is_wanted(self) -> bool:
        """Whether anybody still waits for the answer."""
        return not self.audience.is_gone

    def result(self) -> Verified:
        """What became of all that was taken. Raises what the verifier raises."""
        for waiting in self._waiting:
            waiting.result()
        good = (sentence for sentence, _ in self._found if sentence is not None)
        return Verified((*self.kept, *good), tuple(check for _, check in self._found))

    def _check(self, sentence: Sentence) -> None:
        passed = [*self.kept, *(found for found, _ in self._found if found is not None)]
        if self.kept and any(_says_again(sentence, other) for other in passed):
            return
        if self.written and len(passed) >= self.engine.settings.generate.max_sentences:
            return
        good, check = verify_sentence(sentence, self.context, self.engine.catalog, self.engine.verifier)
        if good is not None and self.written and (wrong := self._wrong_with(good, opens=not passed)):
            good, check = None, replace(check, label="not_supported", reasons=wrong, kept=False)
        if good is not None:
            good = name_copies(self.engine, good, self.context, self.query.groups)
            if self.engine.settings.generate.verify == "before":
                self.audience.sentence(good, checked=True)
        self._found.append((good, check))

    def _wrong_with(self, sentence: Sentence, *, opens: bool) -> tuple[str, ...]:
        """Codes of what keeps a written sentence out though it is supported.

        It may answer nothing, for what a document told a model to say is in the document, and so is much of what is asked. A link or a secret
        must stand in the very words that it cites.
        """
        if codes := unfounded(sentence.text, [citation.quote for citation in sentence.citations]):
            return codes
        beside = why_beside(self.engine, self.query, sentence, self.likeliest, opens=opens)
        return (beside,) if beside else ()


def _says_again(sentence: Sentence, other: Sentence) -> bool:
    """Whether all that a sentence says is said by the other."""
    aligned = align(sentence.text, other.text)
    return aligned.coverage == 1.0 and not aligned.findings
