"""Who writes the answer: the chosen generator, then the next one where it fails or nothing of it can be verified, and quotation at last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from citewell.core.answers import Draft, Sentence
from citewell.core.errors import BudgetSpent, CitewellError, ModelFailed, ModelMismatch, ModelUnavailable
from citewell.core.evidence import Evidence
from citewell.core.protocols import Generator
from citewell.core.reasons import CHECK_REASONS
from citewell.core.tracing import stage
from citewell.core.types import Context, Query
from citewell.core.verdicts import Check
from citewell.generate.language.generator import CUT_OFF, DECLINED, LanguageGenerator
from citewell.generate.verification.draft import Verified
from citewell.pipeline.audience import NOBODY, Audience
from citewell.pipeline.checking import Checks
from citewell.pipeline.part import Part
from citewell.pipeline.wiring import Engine

FAILURES = (ModelUnavailable, ModelFailed, ModelMismatch)
FAILED, ESCALATED = "generator_failed", "generator_escalated"
BUDGET_SPENT = "budget_spent"


@dataclass(frozen=True, slots=True)
class Written:
    """What was drafted and what of it was verified; `notes` are codes of all that happened on the way."""

    draft: Draft
    verified: Verified
    notes: tuple[str, ...] = ()


def write(
    engine: Engine, able: Sequence[Generator], query: Query, context: Context, parts: Sequence[Part], audience: Audience = NOBODY
) -> Written:  # fmt: skip
    """The first draft of which something is verified, by the generators in their order; its sentences are checked and shown as they come.

    Where no part of the question is answered nobody is asked to write: the last generator quotes what comes nearest, so that it can be
    told what was found, and nothing is shown. A model that declines ends it: the documents do not say, in its reading.
    """
    told = [part for part in parts if part.is_answered]
    desk = _Desk(engine, query, context, [part.evidence for part in told or parts], audience if told else NOBODY)
    notes: dict[str, None] = {FAILED: None} if len(able) < len(engine.generators) else {}
    for generator in able[:-1] if told else ():
        if audience.is_gone:
            break
        written = desk.answer_by(generator)
        notes |= dict.fromkeys(written.notes)
        if written.verified.sentences or DECLINED in notes:
            return replace(written, notes=tuple(notes))
        if FAILED not in written.notes:
            notes[ESCALATED] = None
        notes.pop(CUT_OFF, None)  # of what it wrote nothing is left
    return replace(desk.quote(able[-1]), notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every generator gets for one question."""

    engine: Engine
    query: Query
    context: Context
    evidence: Sequence[Evidence]
    audience: Audience

    def quote(self, generator: Generator) -> Written:
        """What the last generator says. Raises what it raises."""
        with self._checks(written=False) as checks:
            with stage("generate", route=generator.route) as span:
                draft = generator.generate(self.query, self.context, self.evidence, checks)
                span.facts["sentences"] = len(draft.sentences)
            return Written(draft, self._verified(checks))

    def answer_by(self, generator: Generator) -> Written:
        """What a generator says, and where sentences were not accepted and more can be written, what it says then."""
        broken = False
        with self._checks() as checks:
            with stage("generate", route=generator.route) as span:
                try:
                    draft = generator.generate(self.query, self.context, self.evidence, checks)
                except FAILURES as error:
                    span.facts["warning"] = _told(generator, error)
                    spent = (BUDGET_SPENT,) if isinstance(error, BudgetSpent) else ()
                    draft = Draft(tuple(checks.taken), generator.route, (CUT_OFF, *spent))
                    broken = True
                span.facts["sentences"] = len(draft.sentences)
            verified = self._verified(checks)
        if broken:
            notes = draft.notes if verified.sentences else (FAILED, *draft.notes[1:])
            return Written(draft, verified, notes)
        refused = [check for check in verified.checks if not check.kept]
        if not refused or self.audience.is_gone or not isinstance(generator, LanguageGenerator):
            return Written(draft, verified, draft.notes)
        return self._rewritten(generator, draft, verified, refused)

    def _rewritten(
        self, generator: LanguageGenerator, draft: Draft, verified: Verified, refused: Sequence[Check]
    ) -> Written:
        """What was accepted, which was shown and stays, and what is new and accepted when it is written once more."""
        with self._checks(kept=verified.sentences) as checks:
            with stage("rewrite", route=generator.route) as span:
                why = [(check, _why(check)) for check in refused]
                try:
                    again = generator.rewrite(self.query, self.context, draft, why, checks)
                except FAILURES as error:
                    span.facts["note"] = _told(generator, error)
                    again = Draft(tuple(checks.taken), draft.route, draft.notes)
            more = self._verified(checks)
        if len(more.sentences) == len(verified.sentences):
            return Written(draft, verified, draft.notes)
        kept = tuple(check for check in verified.checks if check.kept)
        return Written(again, Verified(more.sentences, (*kept, *more.checks)), again.notes)

    def _checks(self, *, kept: tuple[Sentence, ...] = (), written: bool = True) -> Checks:
        return Checks(self.engine, self.query, self.context, self.audience, written, self._likeliest, kept)

    @property
    def _likeliest(self) -> str:
        """The documents' sentence that likeliest answers; nothing where several things are asked."""
        if len(self.evidence) != 1 or not self.evidence[0].quotables:
            return ""
        return self.evidence[0].quotables[int(np.argmax(self.evidence[0].logits))].text

    def _verified(self, checks: Checks) -> Verified:
        """What became of the sentences; most were checked while others were written."""
        with stage("verify", verifier=self.engine.verifier.name) as span:
            verified = checks.result()
            span.facts |= {"supported": len(verified.sentences), "dropped": len(verified.dropped)}
        return verified


def _why(check: Check) -> str:
    return " ".join(CHECK_REASONS[code] for code in check.reasons) or "The cited text does not say it."


def _told(generator: Generator, error: CitewellError) -> str:
    return f"{generator.route} wrote no answer: {error.message}{f'. {error.hint}' if error.hint else ''}"
