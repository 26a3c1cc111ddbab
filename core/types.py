"""The words that flow between stages: frozen values whose invariants hold from construction.

Character offsets are Python string indices (code points) into a document's normalised text; spans are half open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from citewell.core.filters import Filter

BlockKind = Literal["heading", "paragraph", "list_item", "table_header", "table_row", "code"]
TABLE: frozenset[BlockKind] = frozenset({"table_header", "table_row"})
Box = tuple[
    float, float, float, float
]  # left, top, right, bottom: points from the upper left corner of the page as it is shown


def text_version(text: str) -> str:
    """The version of a document: the first 16 hexadecimal digits of the SHA-256 of its normalised text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def document_id(source: str, path: str) -> str:
    """The id of the document at `path` within `source`; the same folder mounted elsewhere gives the same ids."""
    return hashlib.sha256(f"{source}\0{path}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Region:
    """Where a page shows the characters from `start_char` up to the next region of the block, or to the block's end."""

    start_char: int
    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class Block:
    """A run of a document's text: where it lies, what it is, the headings above it, and where the file shows it.

    `place` says where it stands when that is no page (`Prices!A5:D5`, `lines 10-14`); `regions` are the lines of a page.
    """

    start_char: int
    end_char: int
    kind: BlockKind
    page: int | None = None
    heading_path: tuple[str, ...] = ()
    place: str = ""
    regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start_char < self.end_char:
            raise ValueError(f"a block must hold text: [{self.start_char}, {self.end_char})")
        if self.page is not None and self.page < 1:
            raise ValueError("pages count from 1")
        starts = [region.start_char for region in self.regions]
        if starts != sorted(set(starts)) or not all(self.start_char <= start < self.end_char for start in starts):
            raise ValueError("regions must be in order and lie in their block")

    def page_at(self, char: int) -> int | None:
        """The page on which the document's character `char`, which lies in this block, stands."""
        return next((r.page for r in reversed(self.regions) if r.start_char <= char), self.page)

    def shown_at(self, start_char: int, end_char: int) -> list[Region]:
        """The regions in which the characters [start_char, end_char) of this block stand."""
        ends = [r.start_char for r in self.regions[1:]] + [self.end_char]
        return [r for r, end in zip(self.regions, ends, strict=False) if r.start_char < end_char and end > start_char]


@dataclass(frozen=True, slots=True)
class Document:
    """An ingested document: its normalised text, its blocks in reading order, and where it came from."""

    doc_id: str
    version: str
    uri: str
    title: str
    text: str
    media_type: str
    language: str = "und"
    metadata: Mapping[str, str] = field(default_factory=dict)
    acl: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        if self.version != text_version(self.text):
            raise ValueError("version must be text_version(text)")
        end = 0
        for block in self.blocks:
            if block.start_char < end or block.end_char > len(self.text):
                raise ValueError("blocks must be in order, must not overlap and must lie in the text")
            end = block.end_char

    def page_at(self, char: int) -> int | None:
        """The page (from 1) on which the character at offset `char` stands; None where the format has no pages."""
        page = None
        for block in self.blocks:
            if block.start_char > char:
                break
            page = block.page_at(char)
        return page


def headings_above(title: str, heading_path: Sequence[str]) -> list[str]:
    """Title and headings from the top, each named once."""
    return [part for part in dict.fromkeys([title, *heading_path]) if part]


def headed(header: str, text: str) -> str:
    """A text under its header, as models read it."""
    return f"{header}\n{text}" if header else text


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: the retrieved and cited unit. `text == document.text[start_char:end_char]`."""

    chunk_id: str
    doc_id: str
    version: str
    start_char: int
    end_char: int
    text: str
    token_count: int
    heading_path: tuple[str, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        if len(self.text) != self.end_char - self.start_char:
            raise ValueError("the text of a passage must be as long as its span")
        if not self.text.strip():
            raise ValueError("a passage must hold text")

    @property
    def header(self) -> str:
        """Title and headings above the passage, as one line; what its words alone do not say."""
        return " › ".join(headings_above(self.title, self.heading_path))

    @property
    def headed_text(self) -> str:
        """The passage under its header, as models read it; the text begins at `header_length`."""
        return headed(self.header, self.text)

    @property
    def header_length(self) -> int:
        """Characters of `headed_text` above the text."""
        return len(self.headed_text) - len(self.text)


def passage_id(doc_id: str, version: str, start_char: int, end_char: int, chunker: str) -> str:
    """The id of a passage, 16 hexadecimal digits: a pure function of document, version, span and chunker settings."""
    key = f"{doc_id}\0{version}\0{start_char}\0{end_char}\0{chunker}"
    return hashlib.sha256(key.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Query:
    """An information need in words, the groups of who asks (None is the owner, who may read everything), and which documents to look in."""

    text: str
    query_id: str = "q"
    groups: frozenset[str] | None = None
    filter: Filter | None = None

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("a query must not be blank")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One passage in a ranking; ranks count from 1."""

    chunk_id: str
    doc_id: str
    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates by falling score; a score means something only with its `scorer`."""

    scorer: str
    candidates: tuple[Candidate, ...]

    def __post_init__(self) -> None:
        if len({c.chunk_id for c in self.candidates}) != len(self.candidates):
            raise ValueError("a ranking holds each passage once")
        if any(c.rank != i for i, c in enumerate(self.candidates, start=1)):
            raise ValueError("ranks must count from 1 without gaps")

    def __len__(self) -> int:
        return len(self.candidates)

    def scores(self) -> dict[str, float]:
        """Score by passage id."""
        return {c.chunk_id: c.score for c in self.candidates}

    def without(self, chunk_ids: Collection[str]) -> Ranking:
        """The other candidates, in the same order."""
        left = (c for c in self.candidates if c.chunk_id not in chunk_ids)
        return Ranking(self.scorer, tuple(replace(c, rank=rank) for rank, c in enumerate(left, start=1)))

    def head(self, depth: int) -> Ranking:
        """The first `depth` candidates."""
        return Ranking(self.scorer, self.candidates[:depth])


def rank_by_score(scorer: str, scored: Mapping[str, float], doc_ids: Mapping[str, str]) -> Ranking:
    """A ranking by falling score; ties are broken by passage id, so that it never depends on input order."""
    ordered = sorted(scored.items(), key=lambda item: (-item[1], item[0]))
    return Ranking(scorer, tuple(Candidate(cid, doc_ids[cid], s, i) for i, (cid, s) in enumerate(ordered, start=1)))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader makes of one passage for one question, on one forward pass.

    `relevance` is the cross-encoder's raw score. `answerable` is the probability that the passage holds the answer, and
    `[start_char, end_char)` of the passage's text its likeliest words, with `span_score` (a sum of two logits) to compare by.
    """

    relevance: float
    answerable: float
    start_char: int
    end_char: int
    span_score: float


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as the store gives it: the chunk, its document's uri, and the blocks that it touches.

    Where it begins within a list, `lead` is the block that introduces the list, and `lead_text` its text.
    """

    chunk: Chunk
    uri: str
    blocks: tuple[Block, ...] = ()
    lead: Block | None = None
    lead_text: str = ""

    def block_at(self, char: int) -> Block | None:
        """The block in which the document's character `char` lies."""
        known = self.blocks if self.lead is None else (*self.blocks, self.lead)
        return next((b for b in known if b.start_char <= char < b.end_char), None)

    def page_at(self, char: int) -> int | None:
        """The page on which the document's character `char` stands."""
        block = self.block_at(char)
        return block.page_at(char) if block else None

    def place_at(self, char: int) -> str:
        """Where the document's character `char` stands, when that is no page; empty else."""
        block = self.block_at(char)
        return block.place if block else ""

    def shown_at(self, start_char: int, end_char: int) -> tuple[Region, ...]:
        """Where pages show the document's characters [start_char, end_char)."""
        known = self.blocks if self.lead is None else (*self.blocks, self.lead)
        return tuple(region for block in known for region in block.shown_at(start_char, end_char))

    def text_at(self, start_char: int, end_char: int) -> str:
        """The document's characters [start_char, end_char), which lie in the passage or in what introduces it."""
        if self.lead is not None and self.lead.start_char <= start_char < self.lead.end_char:
            return self.lead_text[start_char - self.lead.start_char : end_char - self.lead.start_char]
        return self.chunk.text[start_char - self.chunk.start_char : end_char - self.chunk.start_char]


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage as the generator sees it: its marker `[n]`, and its text, which may be cut to a part of the stored one.

    `offset` counts the stored passage's characters before the text; `copies` are passages that say nearly the same and were merged into it.
    """

    marker: int
    stored: StoredPassage
    score: float
    text: str
    offset: int = 0
    copies: tuple[StoredPassage, ...] = ()

    def __post_init__(self) -> None:
        if not self.stored.chunk.text.startswith(self.text, self.offset) or not self.text:
            raise ValueError("a passage in a context shows a part of the stored one")

    @property
    def start_char(self) -> int:
        """Where its text begins in the document."""
        return self.chunk.start_char + self.offset

    @property
    def chunk(self) -> Chunk:
        """The chunk behind it."""
        return self.stored.chunk

    @property
    def uri(self) -> str:
        """Where its document came from."""
        return self.stored.uri

    @property
    def page(self) -> int | None:
        """The page on which it begins."""
        return self.stored.page_at(self.chunk.start_char)

    def cite(self, start_char: int, end_char: int) -> Citation:
        """The citation of the document's characters [start_char, end_char), which lie in this passage or in what introduces it."""
        chunk = self.chunk
        return Citation(
            marker=self.marker,
            doc_id=chunk.doc_id,
            version=chunk.version,
            uri=self.uri,
            page=self.stored.page_at(start_char),
            start_char=start_char,
            end_char=end_char,
            quote=self.stored.text_at(start_char, end_char),
            place=self.stored.place_at(start_char),
            regions=self.stored.shown_at(start_char, end_char),
        )


LedgerOutcome = Literal["kept", "trimmed", "added", "dropped"]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What became of a candidate when the context was assembled, why, and what it costs in tokens."""

    chunk_id: str
    uri: str
    outcome: LedgerOutcome
    reason: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Superseded:
    """A document that did not speak because a later edition of it does."""

    older: str
    older_uri: str
    newer: str
    newer_uri: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the generator sees, within an exact token budget, and the ledger of every candidate."""

    passages: tuple[Passage, ...]
    token_count: int
    token_budget: int
    ledger: tuple[LedgerEntry, ...] = ()
    superseded: tuple[Superseded, ...] = ()

    def __post_init__(self) -> None:
        if self.token_count > self.token_budget:
            raise ValueError(f"context of {self.token_count} tokens is over its budget of {self.token_budget}")
        if [p.marker for p in self.passages] != list(range(1, len(self.passages) + 1)):
            raise ValueError("markers must count from 1")

    @property
    def dropped(self) -> tuple[LedgerEntry, ...]:
        """The candidates that were left out."""
        return tuple(entry for entry in self.ledger if entry.outcome == "dropped")


@dataclass(frozen=True, slots=True)
class Citation:
    """A marker and the exact characters it points to: `text_of(doc_id, version)[start_char:end_char] == quote`.

    `also_in` are the uris of documents that say nearly the same and hold the very same quote.
    """

    marker: int
    doc_id: str
    version: str
    uri: str
    page: int | None
    start_char: int
    end_char: int
    quote: str
    support: float = 0.0
    place: str = ""
    regions: tuple[Region, ...] = ()
    also_in: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.quote) != self.end_char - self.start_char or not self.quote:
            raise ValueError("a quote must be as long as its span")
