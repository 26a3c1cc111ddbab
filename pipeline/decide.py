"""The last word: whether the evidence is strong enough to answer, and everything that led there, written on the answer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace

from citewell.core.answers import Answer, AnswerStatus, Conflict, Usage
from citewell.core.tracing import Trace
from citewell.core.types import Context, Query
from citewell.generate.conflicts import conflicts_of
from citewell.generate.language.generator import CUT_OFF
from citewell.generate.verification.draft import Verified
from citewell.index.snapshot import Snapshot
from citewell.pipeline.part import Part
from citewell.pipeline.wiring import Engine
from citewell.pipeline.write import Written

MOST_LOOKED_FOR = 12


def decide(
    engine: Engine, snapshot: Snapshot, query: Query, context: Context, parts: Sequence[Part], written: Written, trace: Trace, used: Usage
) -> Answer:  # fmt: skip
    """Answers with what was verified when the evidence is strong enough, in part when some of what is asked is missing, else abstains;
    `used` is what language models took, whatever became of it."""
    verified = written.verified
    answered = [part for part in parts if part.is_answered]
    missing = tuple(part.text for part in parts if not part.is_answered) if len(parts) > 1 and answered else ()
    enough = bool(answered and verified.sentences)
    status: AnswerStatus = "abstained"
    if enough:
        cut_off = CUT_OFF in written.notes
        status = "partial" if verified.dropped or missing or cut_off else "grounded"
    sentences = verified.sentences if enough else ()
    found = (conflict for part in answered for conflict in conflicts_of(sentences, part.evidence))
    conflicts = tuple(dict.fromkeys(found)) if enough else ()
    if enough:  # elsewhere an edition gave way for nothing that the answer says
        cited = {citation.doc_id for sentence in sentences for citation in sentence.citations}
        context = replace(context, superseded=tuple(s for s in context.superseded if s.newer in cited))
    least = min(answered or parts, key=lambda part: part.probability)  # the part of which it is least sure
    timings = trace.timings_ms()
    return Answer(
        answer_id=answer_id(engine, snapshot, query),
        question=query.text,
        status=status,
        sentences=sentences,
        route=written.draft.route,
        sufficiency=least.evidence.sufficiency,
        threshold=least.threshold,
        context=context,
        config_hash=engine.config_hash,
        generation=snapshot.generation,
        timings_ms=timings | {"total": round(sum(timings.values()), 3)},
        usage={
            "question_tokens": engine.tokenizer.count(query.text),
            "context_tokens": context.token_count,
            "answer_tokens": sum(engine.tokenizer.count(s.text) for s in sentences),
            **_told(used),
        },
        cost=used.cost,
        trace=trace.as_rows(),
        reasons=_reasons(
            context, parts, verified, missing, conflicts, trace, answered=bool(answered), written=written.notes
        ),
        checks=verified.checks,
        missing=missing if enough else (),
        conflicts=conflicts,
        looked_for=() if enough else _looked_for(snapshot, query),
        warnings=trace.warnings(),
    )


def _told(used: Usage) -> dict[str, int]:
    """What language models took; nothing where none was asked."""
    if not used.calls:
        return {}
    return {
        "prompt_tokens": used.prompt_tokens, "cached_tokens": used.cached_tokens, "written_tokens": used.answer_tokens, "model_calls": used.calls,
        **({"drafted_tokens": used.drafted_tokens, "accepted_tokens": used.accepted_tokens} if used.drafted_tokens else {}),
    }  # fmt: skip


def answer_id(engine: Engine, snapshot: Snapshot, query: Query) -> str:
    """16 hexadecimal digits over all that an answer depends on: question, filter, rights, index and settings."""
    groups = None if query.groups is None else sorted(query.groups)
    key = json.dumps([query.text, str(query.filter), groups, snapshot.generation, engine.config_hash])
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _reasons(
    context: Context, parts: Sequence[Part], verified: Verified, missing: Sequence[str], conflicts: Sequence[Conflict], trace: Trace, *,
    answered: bool, written: Sequence[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """The codes (core/reasons.py) of all that was decided, in the order of the line."""
    notes = {row["stage"]: row for row in trace.as_rows()}
    told = {
        "words_unknown": "warning" in notes.get("bm25", {}),
        "not_reranked": "warning" in notes.get("rerank", {}),
        "nothing_found": not context.passages,
        "superseded": bool(context.superseded),
        "nothing_quotable": bool(context.passages) and not any(part.evidence.quotables for part in parts),
        "uncalibrated": any(part.evidence.sufficiency.uncalibrated for part in parts),
        "evidence_below_threshold": bool(context.passages) and not answered,
        "part_missing": bool(missing),
        "sentence_dropped": bool(verified.dropped),
        "citation_mended": any(check.repaired for check in verified.checks),
        "nothing_verified": bool(verified.checks) and not verified.sentences,
        "conflict": bool(conflicts),
    }
    return (*(code for code, holds in told.items() if holds), *written)


def _looked_for(snapshot: Snapshot, query: Query) -> tuple[str, ...]:
    """The question's words that were searched for, as they stand there, the rarest first."""
    weights = snapshot.bm25.term_weights(query.text)
    words = dict.fromkeys(re.findall(r"\w+(?:[-'’.]\w+)*", query.text))
    weighed = {
        word: max((weights.get(term, 0.0) for term in snapshot.bm25.analyse(word)), default=0.0) for word in words
    }
    return tuple(sorted((w for w in weighed if weighed[w]), key=lambda w: (-weighed[w], w))[:MOST_LOOKED_FOR])
