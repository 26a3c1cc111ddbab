"""Documents that disagree: a sentence of another document that likely answers too, and says another figure, date or the contrary."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from citewell.core.answers import Conflict, Sentence
from citewell.core.evidence import Evidence, Quotable
from citewell.generate.verification.alignment import align, stems
from citewell.generate.verification.dates import dates_of
from citewell.generate.verification.quantities import amounts_of
from citewell.generate.verification.verifier import reason_of

SAME_SUBJECT = 0.55  # cosine of two sentences under their headings
SAME_WORDS = 0.4  # share of the words of one that the other has itself, and not only above it
NEAR_ANSWER = 4.0  # log odds below the best sentence: what is further down does not answer the question
SURE = 0.5  # probability that a passage holds the answer, for the reader's words to be compared
PARALLEL = 0.5  # share of title words in common: documents of one kind on different things
_TOLD = frozenset({"number", "date", "unit", "negation", "opposite"})
_CODE = re.compile(r"\b(?=\w*\d)[\w.-]+\b")
MOST_CONFLICTS = 3


def conflicts_of(sentences: Sequence[Sentence], evidence: Evidence) -> tuple[Conflict, ...]:
    """For each sentence of an answer what a sentence of another document says against it, the likeliest first, at most MOST_CONFLICTS."""
    found: list[Conflict] = []
    order = np.argsort(-evidence.logits, kind="stable").tolist()
    for number, sentence in enumerate(sentences):
        own = _index(sentence, evidence)
        if own is None:
            continue
        for other in order:
            if evidence.logits[other] < evidence.logits.max() - NEAR_ANSWER or len(found) == MOST_CONFLICTS:
                break
            reason = _disagree(own, other, evidence)
            if reason:
                found.append(Conflict(number, evidence.quotables[other].citation, reason))
                break
    return tuple(found)


def _index(sentence: Sentence, evidence: Evidence) -> int | None:
    """The likeliest of the quotables that the sentence holds, or is a part of: a list's item holds several, a long sentence is cut."""
    held = [
        i
        for i, q in enumerate(evidence.quotables)
        for c in sentence.citations
        if c.doc_id == q.passage.chunk.doc_id and c.start_char < q.end_char and q.start_char < c.end_char
    ]
    return max(held, key=lambda i: float(evidence.logits[i]), default=None)


def _disagree(own: int, other: int, evidence: Evidence) -> str:
    """The code of what two sentences of different documents say differently of the same subject; empty where they do not."""
    one, two = evidence.quotables[own], evidence.quotables[other]
    if one.passage.chunk.doc_id == two.passage.chunk.doc_id or _of_different_things(one, two):
        return ""
    if float(evidence.vectors[own] @ evidence.vectors[other]) < SAME_SUBJECT:
        return ""
    for claim, text, header in (
        (two.text, one.text, one.passage.chunk.header),
        (one.text, two.text, two.passage.chunk.header),
    ):
        # Headings tell what a sentence is about, and make no two sentences say the same of it.
        if align(claim, text).nearest < SAME_WORDS:
            continue
        told = [f for f in align(claim, text, header).findings if f.kind in _TOLD and f.contradicts]
        if told and align(claim, text, header).nearest >= 0.6:
            return reason_of(told[0])
    return _other_answer(one, two, evidence)


def _other_answer(one: Quotable, two: Quotable, evidence: Evidence) -> str:
    """Whether the reader finds another figure or date in either passage, in sentences that share a word besides."""
    said = []
    spoken = []
    for quotable in (one, two):
        reading = evidence.signals.readings.get(quotable.passage.chunk.chunk_id)
        if reading is None or reading.answerable < SURE:
            return ""
        start = quotable.passage.chunk.start_char + reading.start_char
        if not quotable.start_char <= start < quotable.end_char:
            return ""
        said.append(quotable.passage.chunk.text[reading.start_char : reading.end_char])
        spoken.append(stems(quotable.text) - stems(said[-1]))
    if not spoken[0] & spoken[1]:
        return ""
    dates, others = dates_of(said[0]), dates_of(said[1])
    if dates and others:
        return "" if any(a.says(b) or b.says(a) for a in dates for b in others) else "date_differs"
    amounts, rivals = amounts_of(said[0]), amounts_of(said[1])
    if amounts and rivals and any(a.dimension == b.dimension for a in amounts for b in rivals):
        return "" if any(a.same_value(b) for a in amounts for b in rivals) else "number_differs"
    return ""


def _of_different_things(one: Quotable, two: Quotable) -> bool:
    """Whether titles and headings tell that the sentences speak of different things: other codes, or titles alike but for a word."""
    first, second = one.passage.chunk, two.passage.chunk
    codes, others = set(_CODE.findall(first.header)), set(_CODE.findall(second.header))
    if codes - others and others - codes:
        return True
    titles, other_titles = stems(first.title), stems(second.title)
    alike = len(titles & other_titles) / max(1, len(titles | other_titles))
    return PARALLEL <= alike < 1 and bool(titles - other_titles) and bool(other_titles - titles)
