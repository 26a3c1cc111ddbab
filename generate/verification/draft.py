"""Drafted sentences against what they cite, read anew from the catalog: each keeps what supports it, is mended, or is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from citewell.core.answers import Sentence
from citewell.core.protocols import ChunkStore, Verifier
from citewell.core.types import Citation, Context, Passage
from citewell.core.verdicts import Check, Claimed, Verdict
from citewell.generate.verification.alignment import align

MOST_TRIED = 3  # passages in which better support for a sentence is looked for


@dataclass(frozen=True, slots=True)
class Verified:
    """The sentences that passed, with the support of each citation, and what became of every drafted one."""

    sentences: tuple[Sentence, ...]
    checks: tuple[Check, ...]

    @property
    def dropped(self) -> tuple[str, ...]:
        """The texts of the sentences that did not pass."""
        return tuple(check.text for check in self.checks if not check.kept)


def resolves(citation: Citation, store: ChunkStore) -> bool:
    """Whether the stored text at the span is the quote."""
    return store.text_at(citation.doc_id, citation.version, citation.start_char, citation.end_char) == citation.quote


def support_of(sentence: Sentence, store: ChunkStore, verifier: Verifier) -> list[float]:
    """The support of a sentence by each of its citations: 0 where one does not resolve or does not support it."""
    verdicts = verifier.check([Claimed(sentence.text, c.quote, sentence.heading) for c in sentence.citations])
    return [
        verdict.support if verdict.label == "supported" and resolves(citation, store) else 0.0
        for citation, verdict in zip(sentence.citations, verdicts, strict=True)
    ]


def verify_sentence(
    sentence: Sentence, context: Context, store: ChunkStore, verifier: Verifier
) -> tuple[Sentence | None, Check]:
    """The sentence with the citations that support it, narrowed to the sentences that carry the support, and what became of it.

    One that its citations do not support is looked for in the other passages of the context; without any support it is None, never shown.
    Raises what the verifier raises.
    """
    passages = {passage.marker: passage for passage in context.passages}
    cited = [c for c in sentence.citations if resolves(c, store)]
    verdicts = verifier.check([Claimed(sentence.text, c.quote, _header(passages.get(c.marker))) for c in cited])
    citations = [n for c, v in zip(cited, verdicts, strict=True) for n in _narrowed(c, v, sentence, passages, verifier)]
    repaired = False
    if not citations:
        better = _better(sentence, context, {c.marker for c in cited}, verifier)
        if better is not None:
            passage, verdict = better
            whole = passage.cite(passage.start_char, passage.start_char + len(passage.text))
            found = [c for c in _narrowed(whole, verdict, sentence, passages, verifier) if resolves(c, store)]
            citations, verdicts, repaired = found, [verdict], bool(found)
    leans = tuple(lean for lean in sentence.leans_on if resolves(lean.citation, store))
    best = max(verdicts, key=lambda v: (v.label == "supported", v.support), default=None)
    if citations and best is not None:
        good = replace(sentence, citations=tuple(citations), leans_on=leans)
        return good, Check(sentence.text, "supported", best.support, best.reasons, kept=True, repaired=repaired)
    if best is None:
        reason = "citation_unresolved" if sentence.citations else "not_said"
        return None, Check(sentence.text, "not_supported", 0.0, (reason,), kept=False)
    loudest = next((v for v in verdicts if v.label == "contradicted"), best)
    return None, Check(sentence.text, loudest.label, loudest.support, loudest.reasons, kept=False)


def _header(passage: Passage | None) -> str:
    return passage.chunk.header if passage is not None else ""


def _narrowed(
    citation: Citation, verdict: Verdict, sentence: Sentence, passages: dict[int, Passage], verifier: Verifier
) -> list[Citation]:
    """The citation cut to the sentences that carry the support, a citation for each run of them; whole where less does not carry it."""
    if verdict.label != "supported":
        return []
    passage = passages.get(citation.marker)
    whole = replace(citation, support=verdict.support)
    runs = _runs(verdict.spans, citation.quote)
    if passage is None or not runs or (len(runs) == 1 and runs[0] == (0, len(citation.quote))):
        return [whole]
    if "quoted" not in verdict.reasons:
        carried = " ".join(citation.quote[a:b] for a, b in runs)
        again = verifier.check([Claimed(sentence.text, carried, passage.chunk.header)])[0]
        if again.label != "supported":
            return [whole]
    return [
        replace(passage.cite(citation.start_char + a, citation.start_char + b), support=verdict.support)
        for a, b in runs
    ]


def _runs(spans: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Neighbouring sentences as one span."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _better(
    sentence: Sentence, context: Context, tried: Iterable[int], verifier: Verifier
) -> tuple[Passage, Verdict] | None:
    """Another passage of the context that supports the sentence."""
    others = [passage for passage in context.passages if passage.marker not in set(tried)]
    aligned = [align(sentence.text, passage.text, passage.chunk.header) for passage in others]
    order = sorted(range(len(others)), key=lambda i: (len(aligned[i].findings), -aligned[i].coverage, i))[:MOST_TRIED]
    claims = [Claimed(sentence.text, others[i].text, others[i].chunk.header) for i in order]
    for index, verdict in zip(order, verifier.check(claims), strict=True):
        if verdict.label == "supported":
            return others[index], verdict
    return None
