"""From a question to a checked answer: retrieve -> assemble -> weigh -> generate -> verify -> decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from citewell.core.answers import Answer, Draft
from citewell.core.errors import InvalidQuery
from citewell.core.evidence import Evidence, Signals
from citewell.core.filters import conjoin, parse_filter, split_box
from citewell.core.languages import UNKNOWN, language_of
from citewell.core.protocols import Generator
from citewell.core.settings import ContextSettings
from citewell.core.spending import OWNER, paying
from citewell.core.tracing import Trace, stage, tracing
from citewell.core.types import Candidate, Context, Query, Ranking, StoredPassage
from citewell.generate.assembly.assemble import NEIGHBOURS_OF, assemble
from citewell.generate.language.generator import LanguageGenerator
from citewell.generate.parts import parts_of
from citewell.generate.verification.draft import Verified
from citewell.index.snapshot import Snapshot
from citewell.pipeline.asked import Asked
from citewell.pipeline.audience import NOBODY, Audience
from citewell.pipeline.decide import decide
from citewell.pipeline.part import Part, threshold_for
from citewell.pipeline.retrieve import Retrieved, fetch_depth, retrieve
from citewell.pipeline.wiring import Engine
from citewell.pipeline.write import FAILURES, write


@dataclass(frozen=True, slots=True)
class Replay:
    """One question with what every stage made of it; `draft` and `verified` are there even when the answer abstains."""

    retrieved: Retrieved
    parts: tuple[Part, ...]
    draft: Draft
    verified: Verified
    answer: Answer


def ask(
    engine: Engine,
    question: str,
    groups: frozenset[str] | None = None,
    generation: int | None = None,
    filter: str = "",
    audience: Audience = NOBODY,
    caller: str = OWNER,
) -> Answer:
    """The checked answer to a question, or an abstention, from what a caller of these groups may read (None: the owner, everything)
    and the filter (core/filters.py) lets through.

    With `generation` it comes from that one, not from the live one. The audience hears stages and sentences before the answer is whole; what
    language models take is counted for the caller.
    Raises InvalidQuery and the errors of opening an index.
    """
    query = read_query(engine, question, groups, filter)
    answer = replay(engine, query, generation, audience, caller).answer
    engine.asked.note(answer, filter, groups)
    return answer


def ask_again(engine: Engine, answer_id: str) -> tuple[Asked, Answer]:
    """What was asked when the answer of this id was given, and the answer anew: by the same rights and filter, from the same generation
    where it is still kept, else from the live one. Raises AnswerNotFound and the errors of opening an index."""
    asked = engine.asked.find(answer_id)
    groups = None if asked.groups is None else frozenset(asked.groups)
    kept = int(asked.generation) in engine.catalog.generations()
    query = read_query(engine, asked.question, groups, asked.filter)
    return asked, replay(engine, query, int(asked.generation) if kept else None).answer


def replay(
    engine: Engine, query: Query, generation: int | None = None, audience: Audience = NOBODY, caller: str = OWNER
) -> Replay:
    """The whole line from a query to its answer, with what each stage left behind; what `ask` serves is its `answer`."""
    with tracing(audience.stage) as trace, paying(caller) as purse:
        with stage("open"):
            snapshot = engine.snapshot(query.groups, generation, query.filter)
        found = retrieve(engine, snapshot, query)
        context, able = gather(engine, query, found.final, found.passages)
        parts = weigh_parts(engine, snapshot, query, context, able[0].route)
        written = write(engine, able, query, context, parts, audience)
    answer = decide(engine, snapshot, query, context, parts, written, trace, purse.used)
    return Replay(found, parts, written.draft, written.verified, answer)


def gather(
    engine: Engine, query: Query, ranking: Ranking, passages: Mapping[str, StoredPassage]
) -> tuple[Context, tuple[Generator, ...]]:
    """The context of a question, from the head of a ranking and what stands beside its first passages, as the first generator counts that
    can be used; with the generators from that one on."""
    with stage("assemble") as span:
        first = [c for c in ranking.candidates if c.chunk_id in passages][:NEIGHBOURS_OF]
        beside = engine.catalog.neighbours([c.chunk_id for c in first])
        candidates = [Candidate(key, doc_id, 0.0, 1) for key, doc_id in beside.items()]
        neighbours = engine.catalog.passages(candidates, query.groups)
        head = ranking.head(fetch_depth(engine))
        able = engine.generators
        while True:
            try:
                context = assemble(query, head, passages, able[0], limits_for(engine, able[0]), neighbours)
                break
            except FAILURES as error:  # a model that cannot even count
                if len(able) == 1:
                    raise
                span.facts["warning"] = f"{able[0].route} cannot be used: {error.message}"
                able = able[1:]
        span.facts |= {
            "passages": len(context.passages),
            "tokens": context.token_count,
            "dropped": len(context.dropped),
        }
    return context, able


def limits_for(engine: Engine, generator: Generator) -> ContextSettings:
    """The settings of the context, within what the generator reads and writes at most."""
    limits = engine.settings.context
    window = generator.window if isinstance(generator, LanguageGenerator) else limits.max_tokens
    return limits.model_copy(update={"max_tokens": min(limits.max_tokens, window)})


def weigh_parts(engine: Engine, snapshot: Snapshot, query: Query, context: Context, route: str) -> tuple[Part, ...]:
    """The question, or each of its parts where it asks several things, with what the context's sentences are worth for it."""
    with stage("weigh") as span:
        parts: list[Part] = []
        for text in parts_of(query.text):
            evidence = weigh(engine, snapshot, replace(query, text=text), context, route)
            own = text.removeprefix(parts[0].text).strip() if parts else text
            if own != text and _alike(evidence, parts[0]):
                # What it refers to is asked again with it, and is answered again; in its own words it may find something else.
                evidence = weigh(engine, snapshot, replace(query, text=own), context, route)
            parts.append(Part(own, evidence, threshold_for(evidence.sufficiency, engine.settings.generate)))
        span.facts["sufficiency"] = [round(part.evidence.sufficiency.probability, 4) for part in parts]
        notes = dict.fromkeys(p.evidence.sufficiency.uncalibrated for p in parts if p.evidence.sufficiency.uncalibrated)
        if notes:
            span.facts["note"] = "; ".join(notes)
    return tuple(parts)


def _alike(evidence: Evidence, part: Part) -> bool:
    """Whether the same sentence is the likeliest for both."""
    other = part.evidence
    return bool(len(evidence.logits)) and int(np.argmax(evidence.logits)) == int(np.argmax(other.logits))


def weigh(engine: Engine, snapshot: Snapshot, query: Query, context: Context, route: str) -> Evidence:
    """What the context's sentences are worth for the question, and the probability that it is answered by this route."""
    found = signals(engine, snapshot, query, context)
    reader = engine.settings.rerank.model if found.readings else ""
    # A few words do not tell their language; then it is that of the passage found first.
    language = language_of(query.text)
    if language == UNKNOWN and context.passages:
        language = language_of(context.passages[0].text)
    chosen = engine.evidence_model.choose(route, engine.settings.embedder.model, reader, language)
    return engine.scales(snapshot).weigh(query, context, found, chosen)


def signals(engine: Engine, snapshot: Snapshot, query: Query, context: Context) -> Signals:
    """The raw scores of every stage for the passages of a context; what a cross-encoder that reads has read already is not read again, and
    what is in a language that it does not read is not read at all."""
    chunks = [passage.chunk for passage in context.passages]
    ids = [chunk.chunk_id for chunk in chunks]
    readings = dict(zip(ids, engine.read(query, chunks), strict=False)) if engine.can_read(query, chunks) else {}
    return Signals(snapshot.bm25.score(query, ids), snapshot.dense.score(query, ids), readings)


def search(
    engine: Engine, question: str, groups: frozenset[str] | None = None, filter: str = ""
) -> tuple[Retrieved, str, Trace]:
    """The final ranking for what was typed into a search box, with its passages, the generation's name and the timings.

    Marks such as quotation marks and `-` (`core.filters.split_box`) say what must and must not stand in a passage.
    """
    words, marked = split_box(question)
    query = read_query(engine, words or question, groups, filter)
    query = replace(query, filter=conjoin([query.filter, marked]))
    with tracing() as trace:
        with stage("open"):
            snapshot = engine.snapshot(query.groups, filter=query.filter)
        found = retrieve(engine, snapshot, query)
    return found, snapshot.generation, trace


def read_query(engine: Engine, question: str, groups: frozenset[str] | None = None, filter: str = "") -> Query:
    """The question as a Query; raises InvalidQuery when it is blank or too long, InvalidFilter when the filter cannot be read."""
    limit = engine.settings.api.max_question_chars
    if not question.strip():
        raise InvalidQuery("the question is blank")
    if len(question) > limit:
        raise InvalidQuery(
            f"the question has {len(question)} characters, more than {limit}", hint="Ask it in fewer words."
        )
    text = question.encode("utf-8", "replace").decode("utf-8")  # lone surrogates are no text
    return Query(" ".join(text.split()), groups=groups, filter=parse_filter(filter))
