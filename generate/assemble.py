"""Chooses the passages that the generator sees, within an exact token budget, and keeps a ledger of the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from citewell.core.protocols import Generator
from citewell.core.sentences import sentence_spans
from citewell.core.settings import ContextSettings
from citewell.core.types import Context, Dropped, Passage, Ranking, StoredPassage

Fetched = Mapping[str, StoredPassage]
# Two passages that share this part of their word triples say the same (Jaccard similarity).
NEAR_DUPLICATE = 0.9
_WORD = re.compile(r"\w+")


def assemble(ranking: Ranking, fetched: Fetched, generator: Generator, settings: ContextSettings) -> Context:
    """The best passages in order, counted in the generator's own tokens over the whole rendered context.

    Left out, each with its reason: near-duplicates, passages beyond the cap per document or the number of passages, and those
    over the budget; when not even the first fits, it is cut at a sentence's end.
    """
    passages: list[Passage] = []
    dropped: list[Dropped] = []
    shingles: list[frozenset[tuple[str, ...]]] = []
    per_document: Counter[str] = Counter()
    token_count = 0
    for candidate in ranking.candidates:
        if candidate.chunk_id not in fetched:
            continue
        stored = fetched[candidate.chunk_id]
        chunk = stored.chunk
        own = _shingles(chunk.text)
        passage = Passage(len(passages) + 1, stored, candidate.score, chunk.text)
        reason = ""
        if len(passages) >= settings.max_passages:
            reason = f"beyond context.max_passages = {settings.max_passages}"
        elif per_document[chunk.doc_id] >= settings.per_document:
            reason = f"beyond context.per_document = {settings.per_document}"
        elif (twin := _twin(own, shingles)) is not None:
            reason = f"near-duplicate of [{twin + 1}]"
        else:
            fitting = _fitting(passages, passage, generator, settings.max_tokens)
            if fitting is None:
                reason = f"over the budget of {settings.max_tokens} tokens"
            else:
                passages.append(fitting)
                shingles.append(own)
                per_document[chunk.doc_id] += 1
                token_count = generator.tokens.count(generator.render(passages))
        if reason:
            dropped.append(Dropped(chunk.chunk_id, stored.uri, reason))
    return Context(tuple(passages), token_count, settings.max_tokens, tuple(dropped))


def _fitting(kept: Sequence[Passage], passage: Passage, generator: Generator, budget: int) -> Passage | None:
    """The passage if it fits, the sentences of it that do when nothing is kept yet, or None."""

    def fits(candidate: Passage) -> bool:
        return generator.tokens.count(generator.render([*kept, candidate])) <= budget

    if fits(passage):
        return passage
    if kept:
        return None
    for _, end in reversed(sentence_spans(passage.text)):
        shorter = replace(passage, text=passage.text[:end])
        if fits(shorter):
            return shorter
    return None


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return frozenset(tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2)))


def _twin(own: frozenset[tuple[str, ...]], kept: Sequence[frozenset[tuple[str, ...]]]) -> int | None:
    for position, other in enumerate(kept):
        if len(own & other) >= NEAR_DUPLICATE * len(own | other):
            return position
    return None
