"""Who writes the answer: the chosen generator, then the next one where it fails or nothing of it can be verified, and quotation at last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from citewell.core.answers import Draft, Sentence
from citewell.core.errors import CitewellError, ModelFailed, ModelMismatch, ModelUnavailable
from citewell.core.languages import language_of
from citewell.core.protocols import Generator
from citewell.core.reasons import CHECK_REASONS
from citewell.core.tracing import stage
from citewell.core.types import Chunk, Context, Query, text_version
from citewell.core.verdicts import Check
from citewell.generate.language.generator import DECLINED, LanguageGenerator
from citewell.generate.verification.draft import Verified, verify_draft
from citewell.pipeline.copies import name_copies
from citewell.pipeline.part import Part
from citewell.pipeline.wiring import Engine

FAILURES = (ModelUnavailable, ModelFailed, ModelMismatch)
# The reader's relevance of a sentence alone, below which it answers nothing: 93 of 100 sentences that hold a public question's answer are
# above it, and half of the others below. It reads English.
LEAST_RELEVANCE = -2.0
READ = "en"
FAILED, ESCALATED = "generator_failed", "generator_escalated"


@dataclass(frozen=True, slots=True)
class Written:
    """What was drafted and what of it was verified; `notes` are codes of all that happened on the way."""

    draft: Draft
    verified: Verified
    notes: tuple[str, ...] = ()


def write(engine: Engine, able: Sequence[Generator], query: Query, context: Context, parts: Sequence[Part]) -> Written:
    """The first draft of which something is verified, by the generators in their order.

    Where no part of the question is answered nobody is asked to write: the last generator quotes what comes nearest, so that it can be
    told what was found. A model that declines ends it: the documents do not say, in its reading.
    """
    told = [part for part in parts if part.is_answered]
    evidence = [part.evidence for part in told or parts]
    notes: dict[str, None] = {FAILED: None} if len(able) < len(engine.generators) else {}
    written = Written(Draft((), able[-1].route), Verified((), ()))
    for generator in able if told else able[-1:]:
        with stage("generate", route=generator.route) as span:
            try:
                draft = generator.generate(query, context, evidence)
            except FAILURES as error:
                if generator is able[-1]:
                    raise
                span.facts["warning"] = _told(generator, error)
                notes[FAILED] = None
                continue
            span.facts["sentences"] = len(draft.sentences)
        written = _checked(engine, generator, query, context, draft)
        notes |= dict.fromkeys(written.draft.notes)
        if written.verified.sentences or DECLINED in notes:
            break
        if generator is not able[-1]:
            notes[ESCALATED] = None
    return replace(written, notes=tuple(notes))


def _checked(engine: Engine, generator: Generator, query: Query, context: Context, draft: Draft) -> Written:
    """The draft verified, and where sentences were not accepted written once more, if more of that is."""
    verified = _verified(engine, query, context, draft)
    refused = [check for check in verified.checks if not check.kept]
    if not refused or not isinstance(generator, LanguageGenerator):
        return Written(draft, verified)
    with stage("rewrite", route=generator.route) as span:
        try:
            again = generator.rewrite(query, context, draft, [(check, _why(check)) for check in refused])
        except FAILURES as error:
            span.facts["note"] = _told(generator, error)
            return Written(draft, verified)
    rechecked = _verified(engine, query, context, again)
    better = len(rechecked.sentences) > len(verified.sentences)
    return Written(again, rechecked) if better else Written(replace(draft, usage=again.usage), verified)


def _verified(engine: Engine, query: Query, context: Context, draft: Draft) -> Verified:
    with stage("verify", verifier=engine.verifier.name) as span:
        verified = verify_draft(draft, context, engine.catalog, engine.verifier)
        verified = name_copies(engine, verified, context, query.groups)
        if draft.usage.calls:
            verified = _to_the_point(engine, query, verified)
        span.facts |= {"supported": len(verified.sentences), "dropped": len(verified.dropped)}
    return verified


def _to_the_point(engine: Engine, query: Query, verified: Verified) -> Verified:
    """Without the written sentences that are supported and answer nothing: what a document told a model to say is in the document."""
    if language_of(query.text, READ) != READ or not verified.sentences:
        return verified
    chunks = [_alone(sentence) for sentence in verified.sentences]
    read = engine.read(query, chunks)
    off = {s.text for s, r in zip(verified.sentences, read, strict=False) if r.relevance < LEAST_RELEVANCE}
    checks = tuple(
        replace(check, label="not_supported", reasons=("off_question",), kept=False)
        if check.kept and check.text in off
        else check
        for check in verified.checks
    )
    return Verified(tuple(s for s in verified.sentences if s.text not in off), checks)


def _alone(sentence: Sentence) -> Chunk:
    text = sentence.text
    version = text_version(text)
    return Chunk(
        version, version, version, 0, len(text), text, 1
    )  # without headings, which speak of the question whatever stands below


def _why(check: Check) -> str:
    return " ".join(CHECK_REASONS[code] for code in check.reasons) or "The cited text does not say it."


def _told(generator: Generator, error: CitewellError) -> str:
    return f"{generator.route} wrote no answer: {error.message}"
