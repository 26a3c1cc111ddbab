"""What a quoted sentence needs beside it: what its pronoun stands for, the condition it is under, the question it answers, the list or table
row it is a part of."""

from __future__ import annotations

import re
from dataclasses import replace

from citewell.core.answers import Lean
from citewell.core.evidence import Quotable
from citewell.core.sentences import Span, is_question, sentence_spans
from citewell.core.types import Block
from citewell.core.words import count_words

MOST_WORDS = 60  # of a sentence that is attached
# Begins with a word that stands for something said before.
_LEANS = re.compile(
    r"^(?:[\"'“‘(]*)(?:(?:he|she|it|they|this|these|those|such|his|her|its|their|both|neither|the (?:former|latter|same)|another|others?|here|there)\b(?! (?:is|are|was|were|has|have) (?:a|an|no|some|many|several|no one) \w+ (?:of|in|that|who))"
    r"|(?:er|sie|es|dies(?:e[rsmn]?)?|jene[rsmn]?|sein\w*|ihr\w*)\b)",
    re.I,
)
# Takes back or turns what was said before: without it, it says something else.
_TURNS = re.compile(r"^(?:however|but|instead|otherwise|then|therefore|thus|hence|consequently|in (?:this|that|such|these) cases?|as a result|if so|if not|except|unless|only then|jedoch|aber|sonst|daher|deshalb|in diesem fall)\b", re.I)  # fmt: skip
# Puts what follows under a condition.
_CONDITION = re.compile(r"^(?:if|unless|provided|when|where|in case|only if|for (?:customers|employees|users|members|orders|items)|falls|wenn|sofern|bei)\b[^.?!]{3,}:\s*$", re.I)  # fmt: skip

# Introduces a list: a colon, no full stop, or a word that says so.
_INTRODUCES = re.compile(
    r"[:：]\s*$|[^.!?。！？\s]\s*$|\b(?:following|below|folgende\w*|suivant\w*|siguiente\w*)\b", re.I
)


def leans_of(quotable: Quotable) -> tuple[Lean, ...]:
    """The sentences of the same passage that this one leans on, as citations in the order of the text."""
    text = quotable.passage.chunk.text
    offset = quotable.passage.chunk.start_char
    spans = sentence_spans(text)
    own = next((i for i, (a, b) in enumerate(spans) if a <= quotable.start_char - offset < b), None)
    block = quotable.passage.stored.block_at(quotable.start_char)
    if own is None or (own == 0 and (block is None or block.kind != "list_item")):
        return ()
    found: list[Lean] = []
    before = spans[own - 1] if own else (0, 0)
    if is_question(text[slice(*before)]) and not is_question(quotable.text):
        found.append(_lean(quotable, before, "question"))
    elif block is not None and block.kind == "list_item":
        found += _lead_of_list(quotable, spans, own)
    elif _CONDITION.match(text[slice(*before)]) or _TURNS.match(quotable.text):
        found.append(_lean(quotable, before, "condition"))
    elif _LEANS.match(quotable.text):
        found.append(_lean(quotable, before, "antecedent"))
    return tuple(lean for lean in found if count_words(lean.citation.quote) <= MOST_WORDS)


def whole_of(quotable: Quotable) -> Quotable:
    """The whole list item or table row that a sentence is a part of, where the passage holds it; else the sentence."""
    block = quotable.passage.stored.block_at(quotable.start_char)
    if block is None or block.kind not in {"list_item", "table_row"}:
        return quotable
    offset = quotable.passage.chunk.start_char
    shown = quotable.passage.start_char
    start, end = max(block.start_char, shown), min(block.end_char, shown + len(quotable.passage.text))
    text = quotable.passage.chunk.text[start - offset : end - offset]
    if not text.strip() or count_words(text) > MOST_WORDS or start > quotable.start_char or end < quotable.end_char:
        return quotable
    start += len(text) - len(text.lstrip())
    return replace(quotable, start_char=start, end_char=start + len(text.strip()), text=text.strip())


def _lead_of_list(quotable: Quotable, spans: list[Span], own: int) -> list[Lean]:
    """The sentence that introduces the list: the nearest before its first item, where it says that something follows; it may stand before
    the passage."""
    passage = quotable.passage
    for start, end in reversed(spans[:own]):
        block: Block | None = passage.stored.block_at(passage.chunk.start_char + start)
        if block is None or block.kind == "list_item":
            continue
        leads = block.kind != "heading" and _INTRODUCES.search(passage.chunk.text[start:end])
        return [_lean(quotable, (start, end), "list")] if leads else []
    lead, said = passage.stored.lead, passage.stored.lead_text
    last = sentence_spans(said)[-1:] if lead is not None else []
    at = lead.start_char if lead is not None else 0
    return [Lean("list", passage.cite(at + a, at + b)) for a, b in last if _INTRODUCES.search(said[a:b])]


def _lean(quotable: Quotable, span: Span, kind: str) -> Lean:
    offset = quotable.passage.chunk.start_char
    return Lean(kind, quotable.passage.cite(offset + span[0], offset + span[1]))  # type: ignore[arg-type]
