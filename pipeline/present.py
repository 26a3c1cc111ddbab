"""Answers, rankings and documents as plain values, the same for `--json` and for HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from citewell.core.answers import Answer, Sentence
from citewell.core.tracing import Trace
from citewell.core.types import Document, Query, Ranking, StoredPassage
from citewell.pipeline.around import capped, corrections, facets, more_like
from citewell.pipeline.retrieve import SPARE_PASSAGES, STAGES, Retrieved
from citewell.pipeline.streaming import Event, Said, StageBegins, Waiting
from citewell.pipeline.wiring import Engine

NEAREST_DOCUMENTS = 3
PREVIEW_CHARS = 280


def answer_as_json(answer: Answer, *, explain: bool = False) -> dict[str, Any]:
    """The answer with its sentences and citations; the ledger, the checks, the evidence and the trace with `explain`."""
    result: dict[str, Any] = {
        "answer_id": answer.answer_id,
        "question": answer.question,
        "status": answer.status,
        "text": answer.text,
        "short_answer": answer.short_answer,
        "sentences": [sentence_as_json(sentence) for sentence in answer.sentences],
        "route": answer.route,
        "sufficiency": round(answer.sufficiency.probability, 4),
        "uncalibrated": answer.sufficiency.uncalibrated,
        "threshold": answer.threshold,
        "reasons": list(answer.reasons),
        "missing": list(answer.missing),
        "conflicts": [asdict(conflict) for conflict in answer.conflicts],
        "superseded": [asdict(superseded) for superseded in answer.context.superseded],
        "looked_for": list(answer.looked_for),
        "nearest": nearest_documents(answer) if answer.status == "abstained" else [],
        "warnings": list(answer.warnings),
        "timings_ms": dict(answer.timings_ms),
        "usage": dict(answer.usage),
        "cost": answer.cost,
        "config_hash": answer.config_hash,
        "generation": answer.generation,
    }
    return result | (_explanation(answer) if explain else {})


def event_as_json(event: Event, *, explain: bool = False) -> tuple[str, dict[str, Any]]:
    """The kind of an event and what it tells: `stage`, `sentence`, `waiting` or `answer`."""
    match event:
        case StageBegins(name):
            return "stage", {"stage": name}
        case Said(sentence, checked):
            return "sentence", {"checked": checked, **sentence_as_json(sentence)}
        case Waiting():
            return "waiting", {}
        case Answer():
            return "answer", answer_as_json(event, explain=explain)


def sentence_as_json(sentence: Sentence) -> dict[str, Any]:
    """A sentence with its citations."""
    return {
        "text": sentence.text,
        "citations": [asdict(citation) for citation in sentence.citations],
        "highlight": list(sentence.highlight) if sentence.highlight else None,
        "heading": sentence.heading,
        "columns": sentence.columns,
        "share": sentence.share,
        "leans_on": [asdict(lean) for lean in sentence.leans_on],
    }


def _explanation(answer: Answer) -> dict[str, Any]:
    return {
        "context": {
            "token_count": answer.context.token_count,
            "token_budget": answer.context.token_budget,
            "kept": [
                {"marker": p.marker, "uri": p.uri, "page": p.page, "score": round(p.score, 4)}
                for p in answer.context.passages
            ],
            "ledger": [asdict(entry) for entry in answer.context.ledger],
        },
        "checks": [asdict(check) for check in answer.checks],
        "evidence": {"log_odds": round(answer.sufficiency.log_odds, 4), "features": dict(answer.sufficiency.features)},
        "trace": [dict(row) for row in answer.trace],
    }


def nearest_documents(answer: Answer) -> list[dict[str, Any]]:
    """Where a reader might look on: the documents of the best passages, for an abstention."""
    nearest: dict[str, dict[str, Any]] = {}
    for passage in answer.context.passages:
        nearest.setdefault(
            passage.uri,
            {"doc_id": passage.chunk.doc_id, "uri": passage.uri, "page": passage.page, "title": passage.chunk.title},
        )
    return list(nearest.values())[:NEAREST_DOCUMENTS]


def search_as_json(
    engine: Engine,
    found: Retrieved,
    trace: Trace,
    *,
    limit: int,
    per_document: int | None = None,
    with_facets: bool = False,
) -> dict[str, Any]:
    """The best passages of a search with scores of every stage, corrections of its words and, where they are asked for, facets."""
    by_stage = {name: found.ranking(name).scores() for name in STAGES if name != "rerank"}
    ranking = found.final if per_document is None else capped(found.final, per_document)
    hits = passages_as_json(ranking, found.passages, found.terms.spans, limit)
    for hit in hits:
        hit["scores"] = {
            name: round(scores[hit["chunk_id"]], 6) for name, scores in by_stage.items() if hit["chunk_id"] in scores
        }
    return {
        "query": found.query.text,
        "passages": hits,
        "corrections": corrections(engine, found.snapshot, found.query),
        "facets": facets(engine, found) if with_facets else None,
        "warnings": list(trace.warnings()),
        "timings_ms": trace.timings_ms(),
        "config_hash": engine.config_hash,
        "generation": found.snapshot.generation,
    }


def passages_as_json(
    ranking: Ranking, passages: Mapping[str, StoredPassage], mark: Callable[[str], list[tuple[int, int]]], limit: int
) -> list[dict[str, Any]]:
    """The first passages of a ranking, those that may be read; `mark` finds the words to highlight."""
    hits: list[dict[str, Any]] = []
    for candidate in ranking.candidates:
        stored = passages.get(candidate.chunk_id)
        if stored is None:
            continue
        chunk = stored.chunk
        hits.append(
            {
                "rank": len(hits) + 1,
                "chunk_id": chunk.chunk_id,
                "doc_id": chunk.doc_id,
                "version": chunk.version,
                "uri": stored.uri,
                "title": chunk.title,
                "heading_path": list(chunk.heading_path),
                "page": stored.page_at(chunk.start_char),
                "place": stored.place_at(chunk.start_char),
                "start_char": chunk.start_char,
                "end_char": chunk.end_char,
                "text": chunk.text,
                "highlights": [list(span) for span in mark(chunk.text)],
                "score": round(candidate.score, 6),
                "scores": {},
            }
        )
        if len(hits) == limit:
            break
    return hits


def similar_as_json(engine: Engine, chunk_id: str, query: Query, limit: int) -> list[dict[str, Any]]:
    """Passages like one, best first. Raises PassageNotFound."""
    ranking = more_like(engine, chunk_id, query, limit + SPARE_PASSAGES)
    passages = engine.catalog.passages(ranking.candidates, query.groups)
    return passages_as_json(ranking, passages, lambda text: [], limit)


def document_as_json(document: Document, *, with_text: bool) -> dict[str, Any]:
    """A document's facts, and its normalised text when asked for."""
    result: dict[str, Any] = {
        "doc_id": document.doc_id,
        "version": document.version,
        "uri": document.uri,
        "title": document.title,
        "media_type": document.media_type,
        "language": document.language,
        "metadata": dict(document.metadata),
        "chars": len(document.text),
        "pages": max((b.page for b in document.blocks if b.page), default=None),
    }
    if with_text:
        result["text"] = document.text
    return result


def place(uri: str, page: int | None, within: str = "") -> str:
    """`file:page`, `file (place within)`, or the file alone where the format has neither."""
    if page:
        return f"{uri}:{page}"
    return f"{uri} ({within})" if within else uri
