"""What of a long passage the cross-encoder reads: the sentences that bear on the question, in their order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.core.sentences import sentence_spans
from citewell.core.tokens import ModelTokenizer, TokenMap
from citewell.core.words import stems

GAP = " … "
GAP_TOKENS = 1
FIRST_BONUS = 0.1  # of a word's worth: the first sentence says what the passage is about


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text: `text` is what is read, `parts` the spans of the source that it consists of, joined by GAP."""

    text: str
    parts: tuple[tuple[int, int], ...]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the source from the first to the last character of `text[start:end]`."""
        return self._source(start), self._source(max(start, end - 1)) + 1

    def _source(self, at: int) -> int:
        for start, end in self.parts:
            if at < end - start:
                return start + at
            at -= end - start
            if at < len(GAP):
                return end - 1
            at -= len(GAP)
        return self.parts[-1][1] - 1


def cut(question: str, text: str, tokenizer: ModelTokenizer, room: int) -> Window:
    """The whole text where it has at most `room` tokens, else the sentences that share most with the question, as far as they fit.

    A sentence counts the question's words in it, rarer ones (within the passage) more; where the best one is longer than the room,
    its beginning is read and nothing else.
    """
    whole = Window(text, ((0, len(text)),))
    tokens = TokenMap(tokenizer, text)
    if tokens.cost(0, len(text)) <= room:
        return whole
    spans = sentence_spans(text)
    worth = _worth(question, [text[start:end] for start, end in spans])
    order = sorted(range(len(spans)), key=lambda i: (-worth[i], i))
    if tokens.cost(*spans[order[0]]) > room:
        start, end = spans[order[0]]
        return _window(text, [(start, tokens.longest_end(start, end, room))])
    chosen: list[int] = []
    left = room + GAP_TOKENS  # there is one gap less than parts
    for index in order:
        cost = tokens.cost(*spans[index]) + GAP_TOKENS
        if cost <= left:
            chosen.append(index)
            left -= cost
    return _window(text, _joined(text, [spans[i] for i in sorted(chosen)]))


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring sentences as one span."""
    joined = [spans[0]]
    for start, end in spans[1:]:
        if not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _window(text: str, parts: Sequence[tuple[int, int]]) -> Window:
    return Window(GAP.join(text[start:end] for start, end in parts), tuple(parts))


def _worth(question: str, sentences: Sequence[str]) -> list[float]:
    asked = stems(question)
    held = [asked & stems(sentence) for sentence in sentences]
    spread = Counter(stem for shared in held for stem in shared)
    rarity = {stem: math.log(1 + len(sentences) / count) for stem, count in spread.items()}
    worth = [sum(rarity[stem] for stem in shared) for shared in held]
    return [value + (FIRST_BONUS if number == 0 else 0.0) for number, value in enumerate(worth)]
