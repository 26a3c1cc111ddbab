"""Chooses the passages that the generator sees, within an exact token budget, and keeps a ledger of every candidate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from citewell.core.editions import edition_of, newer_editions
from citewell.core.protocols import Generator
from citewell.core.settings import ContextSettings
from citewell.core.types import Candidate, Context, LedgerEntry, Passage, Query, Ranking, StoredPassage, Superseded
from citewell.core.words import stems
from citewell.generate.assembly.fit import density, trimmed

Fetched = Mapping[str, StoredPassage]
GOES_ON = tuple(":,;：，；")  # what a passage ends with that breaks off
# Two passages that share this part of their word triples say the same (Jaccard similarity).
NEAR_DUPLICATE = 0.9
# A passage of an older edition gives way to one of the newer that shares this part of its words: they speak of the same.
COUNTERPART = 0.2
NAMED = 2  # or one that holds every second word of the question that it holds
TRIMMED_RANKS = 3  # what is ranked lower is left out rather than cut
LEAST_ROOM = 48  # tokens: less of a passage says nothing
NEIGHBOURS_OF = 3  # passages from the top whose neighbours may join them
LEAST_GAIN = 0.2  # share of the question's words that a neighbour must add
OPEN_END = 0.5  # what a neighbour is worth that goes on where the passage breaks off
_WORD = re.compile(r"\w+")
_DECISIVE = re.compile(r"\d+(?:[.,:/]\d+)*|\b(?:not|no|never|nicht|kein\w*|nie)\b|n['’]t\b")


def assemble(
    query: Query, ranking: Ranking, fetched: Fetched, generator: Generator, settings: ContextSettings, neighbours: Fetched | None = None
) -> Context:  # fmt: skip
    """The best passages in order, counted in the generator's own tokens over the whole prompt, what it may write included.

    Every candidate is in the ledger: kept, trimmed to the sentences that bear on the question, added as a neighbour, or dropped, each with
    its reason. A near-duplicate is merged into the passage it repeats; a passage of an older edition gives way to the newer edition's,
    unless the question names the older one. `neighbours` are passages next to the first ones, by id.
    """
    building = _Building(query, generator, settings)
    superseded = _superseded(query, ranking, fetched)
    for candidate in ranking.candidates:
        stored = fetched.get(candidate.chunk_id)
        if stored is None:
            building.note(candidate.chunk_id, "", "dropped", "deleted, or beyond what is fetched")
        elif candidate.chunk_id in superseded:
            building.note(
                candidate.chunk_id, stored.uri, "dropped", f"superseded by {superseded[candidate.chunk_id].newer_uri}"
            )
        else:
            building.take(candidate, stored)
    for stored in _worth_adding(building.passages, neighbours or {}, query):
        building.add(stored)
    return building.context(tuple(dict.fromkeys(superseded.values())))


class _Building:
    """A context as far as it has come."""

    def __init__(self, query: Query, generator: Generator, settings: ContextSettings) -> None:
        self._query, self._generator, self._settings = query, generator, settings
        self.passages: list[Passage] = []
        self._ledger: list[LedgerEntry] = []
        self._shingles: list[frozenset[tuple[str, ...]]] = []
        self._per_document: Counter[str] = Counter()
        self._spent = 0.0  # tokens, those of scripts that need more counted as what they say
        self._count = self._total([])

    def note(self, chunk_id: str, uri: str, outcome: str, reason: str, tokens: int = 0) -> None:
        """Writes a line of the ledger."""
        self._ledger.append(LedgerEntry(chunk_id, uri, outcome, reason, tokens))  # type: ignore[arg-type]

    def take(self, candidate: Candidate, stored: StoredPassage) -> None:
        """Takes a candidate in, whole or trimmed, or notes why not."""
        chunk, settings = stored.chunk, self._settings
        own = _shingles(chunk.text)
        twin = _twin(chunk.text, own, self.passages, self._shingles)
        if len(self.passages) >= settings.max_passages:
            self.note(chunk.chunk_id, stored.uri, "dropped", f"beyond context.max_passages = {settings.max_passages}")
        elif self._per_document[chunk.doc_id] >= settings.per_document:
            self.note(chunk.chunk_id, stored.uri, "dropped", f"beyond context.per_document = {settings.per_document}")
        elif twin is not None:
            kept = self.passages[twin]
            self.passages[twin] = replace(kept, copies=(*kept.copies, stored))
            self.note(chunk.chunk_id, stored.uri, "dropped", f"near-duplicate of [{twin + 1}]")
        else:
            passage = Passage(len(self.passages) + 1, stored, candidate.score, chunk.text)
            self._place(passage, own, "kept", "")

    def add(self, stored: StoredPassage) -> None:
        """Takes a neighbour in where there is room for all of it."""
        chunk, settings = stored.chunk, self._settings
        full = len(self.passages) >= settings.max_passages or self._per_document[chunk.doc_id] >= settings.per_document
        passage = Passage(len(self.passages) + 1, stored, 0.0, chunk.text)
        if full or not self._fits(passage):
            return
        self._ledger = [entry for entry in self._ledger if entry.chunk_id != chunk.chunk_id]
        self._place(passage, _shingles(chunk.text), "added", "neighbour of a passage above")

    def _place(self, passage: Passage, own: frozenset[tuple[str, ...]], outcome: str, reason: str) -> None:
        chunk = passage.chunk
        fitting: Passage | None = passage
        if not self._fits(passage):
            room = self._settings.max_tokens - self._count >= LEAST_ROOM
            may_trim = not self.passages or (len(self.passages) < TRIMMED_RANKS and room)
            fitting = trimmed(passage, self._query.text, self._fits) if may_trim else None
            outcome, reason = "trimmed", "cut to the sentences that bear on the question"
        if fitting is None:
            self.note(chunk.chunk_id, passage.uri, "dropped", f"over the budget of {self._budget_told} tokens")
            return
        before = self._count
        self.passages.append(fitting)
        self._count = self._total(self.passages)
        cost = self._count - before
        self._spent += cost / density(fitting.text, cost)
        self._shingles.append(own)
        self._per_document[chunk.doc_id] += 1
        self.note(chunk.chunk_id, passage.uri, outcome, reason, cost)

    @property
    def _budget_told(self) -> int:
        return min(self._settings.tokens, self._settings.max_tokens)

    def _total(self, passages: Sequence[Passage]) -> int:
        return self._generator.tokens.count(self._generator.render(self._query, passages)) + self._generator.reserve

    def _fits(self, passage: Passage) -> bool:
        total = self._total([*self.passages, passage])
        cost = total - self._count
        return (
            total <= self._settings.max_tokens
            and self._spent + cost / density(passage.text, cost) <= self._settings.tokens
        )

    def context(self, superseded: tuple[Superseded, ...]) -> Context:
        """What was built."""
        if not self.passages:
            return Context((), 0, self._settings.max_tokens, tuple(self._ledger), superseded)
        return Context(tuple(self.passages), self._count, self._settings.max_tokens, tuple(self._ledger), superseded)


def _superseded(query: Query, ranking: Ranking, fetched: Fetched) -> dict[str, Superseded]:
    """By id of a passage of an older edition, who speaks instead: the newest edition, where a passage of it speaks of the same."""
    stored = [fetched[c.chunk_id] for c in ranking.candidates if c.chunk_id in fetched]
    documents = {s.chunk.doc_id: (s.chunk.title, s.uri) for s in stored}
    newer = newer_editions(documents)
    found: dict[str, Superseded] = {}
    for one in stored:
        replaced = newer.get(one.chunk.doc_id)
        edition = edition_of(one.chunk.title, one.uri)
        if (
            replaced is None
            or edition is None
            or any(re.search(rf"\b{re.escape(n)}\b", query.text) for n in edition.names)
        ):
            continue
        own, asked = stems(one.chunk.text), stems(query.text)
        if any(_alike(own, stems(s.chunk.text), asked) for s in stored if s.chunk.doc_id == replaced):
            found[one.chunk.chunk_id] = Superseded(one.chunk.doc_id, one.uri, replaced, documents[replaced][1])
    return found


def _alike(one: set[str], other: set[str], asked: set[str]) -> bool:
    """Whether both speak of the same, or both of what is asked: a rule that was withdrawn is told in a few words."""
    named = asked & one
    return len(one & other) >= COUNTERPART * len(one | other) or 2 <= len(named) <= NAMED * len(named & other)


def _worth_adding(passages: Sequence[Passage], neighbours: Fetched, query: Query) -> list[StoredPassage]:
    """The neighbours, of the same section, that add words of the question or go on where a passage breaks off; the best first."""
    asked = stems(query.text)
    held = {passage.chunk.chunk_id for passage in passages}
    found: list[tuple[float, int, StoredPassage]] = []
    for place, passage in enumerate(passages[:NEIGHBOURS_OF]):
        known = stems(passage.chunk.headed_text)
        for key, stored in neighbours.items():
            other = stored.chunk
            same = (other.doc_id, other.version, other.heading_path) == (
                passage.chunk.doc_id, passage.chunk.version, passage.chunk.heading_path,
            )  # fmt: skip
            if key in held or not same:
                continue
            gain = len((asked - known) & stems(other.text)) / max(1, len(asked))
            follows = 0 <= other.start_char - passage.chunk.end_char <= 2
            gain += OPEN_END if follows and passage.chunk.text.rstrip().endswith(GOES_ON) else 0.0
            if gain >= LEAST_GAIN:
                found.append((gain, -place, stored))
    found.sort(key=lambda row: (-row[0], -row[1], row[2].chunk.chunk_id))
    return list({stored.chunk.chunk_id: stored for _, _, stored in found}.values())


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return frozenset(tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2)))


def _twin(
    text: str, own: frozenset[tuple[str, ...]], passages: Sequence[Passage], kept: Sequence[frozenset[tuple[str, ...]]]
) -> int | None:
    """The place of a passage that says the same: in nearly the same words, with the same figures, and no less or more denied."""
    for position, other in enumerate(kept):
        alike = len(own & other) >= NEAR_DUPLICATE * len(own | other)
        if alike and _decisive(text) == _decisive(passages[position].chunk.text):
            return position
    return None


def _decisive(text: str) -> Counter[str]:
    """The words of a text by which two that are nearly alike may contradict each other."""
    return Counter(_DECISIVE.findall(text.casefold()))
