"""Documents that say nearly the same: one is cited, and the others that hold the very same words are named beside it."""

from __future__ import annotations

from dataclasses import replace

from citewell.core.answers import Sentence
from citewell.core.types import Citation, Context
from citewell.pipeline.wiring import Engine

MOST_NAMED = 5


def name_copies(engine: Engine, sentence: Sentence, context: Context, groups: frozenset[str] | None) -> Sentence:
    """The same sentence; each citation names the documents that hold its quote and that a caller of these groups may read: those of
    passages that were merged into the cited one, and those that are alike as a whole."""
    alike: dict[str, list[str]] = {}
    merged = {passage.marker: passage.copies for passage in context.passages}

    def with_copies(citation: Citation) -> Citation:
        if citation.doc_id not in alike:
            alike[citation.doc_id] = [a.doc_id for a in engine.catalog.alike(citation.doc_id, groups)]
        uris = engine.catalog.holding(alike[citation.doc_id], citation.quote)
        near = [copy.uri for copy in merged.get(citation.marker, ()) if citation.quote in copy.chunk.text]
        others = dict.fromkeys(uri for uri in (*near, *uris) if uri != citation.uri)
        return replace(citation, also_in=tuple(others)[:MOST_NAMED])

    return replace(sentence, citations=tuple(map(with_copies, sentence.citations)))
