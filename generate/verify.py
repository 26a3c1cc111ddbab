"""Whether each sentence is supported by the exact characters it cites, read anew from the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from citewell.core.protocols import ChunkStore, Verifier
from citewell.core.types import Citation, Draft, Sentence

FULL_SUPPORT = 1.0


class AlignmentVerifier:
    """Supports a sentence by a citation when the stored text at the span is the quote, and the sentence is part of it."""

    name = "alignment"

    def __init__(self, store: ChunkStore) -> None:
        self._store = store

    def verify(self, sentence: Sentence, citations: Sequence[Citation]) -> Sequence[float]:
        """1 for each citation that resolves to its quote and holds the sentence's words in order, else 0."""
        return [FULL_SUPPORT if self._supports(sentence, citation) else 0.0 for citation in citations]

    def _supports(self, sentence: Sentence, citation: Citation) -> bool:
        stored = self._store.text_at(citation.doc_id, citation.version, citation.start_char, citation.end_char)
        return stored == citation.quote and _folded(sentence.text) in _folded(citation.quote)


def _folded(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Verified:
    """The sentences that passed, with the support of each citation, and the texts of those that did not."""

    sentences: tuple[Sentence, ...]
    dropped: tuple[str, ...]


def verify_draft(draft: Draft, verifier: Verifier, minimum_support: float = FULL_SUPPORT) -> Verified:
    """Keeps each sentence with the citations that support it; a sentence without any is dropped, never shown."""
    kept: list[Sentence] = []
    dropped: list[str] = []
    for sentence in draft.sentences:
        support = verifier.verify(sentence, sentence.citations)
        citations = [
            replace(c, support=s) for c, s in zip(sentence.citations, support, strict=True) if s >= minimum_support
        ]
        if citations:
            kept.append(Sentence(sentence.text, tuple(citations)))
        else:
            dropped.append(sentence.text)
    return Verified(tuple(kept), tuple(dropped))
