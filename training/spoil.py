"""Questions that their passage seems to answer and does not: real ones with one thing changed.

People who were asked for such questions (SQuAD 2.0; Rajpurkar, Jia and Liang, 2018) swapped a name or a number, put in an antonym or
a negation. The same changes, made by rule, give many more of them; the passage still shares nearly all words with the question.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

NEGATED = 0.3  # of the questions that no other rule applies to
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'’-]+(?: (?:of |the )?[A-Z][\w'’-]+)*")
_NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")
_YEAR = re.compile(r"\b1[0-9]{3}\b|\b20[0-9]{2}\b")
_NEGATED = re.compile(r"\b(did|does|do|was|were|is|are|could|has|had|would|should)\b(?! (?:not|n't))")
_OPPOSITES = """
first second|largest smallest|biggest smallest|highest lowest|most least|more less|more fewer|before after|earliest latest|north south|east west
northern southern|eastern western|increase decrease|increased decreased|oldest youngest|older younger|best worst|better worse|above below
maximum minimum|longest shortest|longer shorter|majority minority|inside outside|begin end|began ended|won lost|win lose
male female|men women|man woman|earlier later|upper lower|positive negative|strong weak|accept reject|accepted rejected
allowed forbidden|always never|high low|large small|big small|long short|old new|rich poor|public private|internal external|import export
""".strip()
_OPPOSITE: dict[str, str] = {}
for _pair in re.split(r"[|\n]", _OPPOSITES):
    _one, _other = _pair.split()
    _OPPOSITE.setdefault(_one, _other)
    _OPPOSITE.setdefault(_other, _one)
_OPPOSED = re.compile(rf"\b(?:{'|'.join(_OPPOSITE)})\b")

Change = Callable[[str, str, random.Random], str | None]


def spoil(question: str, passage: str, chance: random.Random) -> tuple[str, str] | None:
    """The question with one thing changed, and what was changed; None where no rule applies."""
    rules: list[tuple[str, Change]] = [
        ("name", _swap_name),
        ("number", _swap_number),
        ("opposite", _oppose),
        ("negation", _negate),
    ]
    # Negation applies nearly always, so it comes last: else most questions would only be negated.
    head = rules[:3]
    chance.shuffle(head)
    for kind, rule in (*head, rules[3]):
        if kind == "negation" and chance.random() >= NEGATED:
            return None
        changed = rule(question, passage, chance)
        if changed is not None and changed != question:
            return changed, kind
    return None


def _swap_name(question: str, passage: str, chance: random.Random) -> str | None:
    """A name of the question becomes another one of the passage."""
    names = [match for match in _NAME.finditer(question) if match[0] in passage]
    if not names:
        return None
    own = chance.choice(names)
    others = sorted({m[0] for m in _NAME.finditer(passage)} - {m[0] for m in names})
    others = [name for name in others if name not in own[0] and own[0] not in name]
    return _replaced(question, own, chance.choice(others)) if others else None


def _swap_number(question: str, passage: str, chance: random.Random) -> str | None:
    """A number becomes another one of its kind."""
    numbers = list(_NUMBER.finditer(question))
    if not numbers:
        return None
    own = chance.choice(numbers)
    if _YEAR.fullmatch(own[0]):
        other = str(int(own[0]) + chance.choice((-20, -10, -7, -3, 3, 7, 10, 20)))
    else:
        digits = int(own[0].replace(",", "").replace(".", ""))
        other = str(digits + chance.randint(1, max(2, digits)))
    return None if other in passage else _replaced(question, own, other)


def _oppose(question: str, passage: str, chance: random.Random) -> str | None:
    words = [m for m in _OPPOSED.finditer(question) if not question[: m.start()].casefold().endswith("how ")]
    if not words:
        return None
    own = chance.choice(words)
    other = _OPPOSITE[own[0]]
    return None if other in passage.casefold().split() else _replaced(question, own, other)


def _negate(question: str, _: str, chance: random.Random) -> str | None:
    del chance
    verb = _NEGATED.search(question)
    return None if verb is None else f"{question[: verb.end()]}n't{question[verb.end() :]}"


def _replaced(question: str, match: re.Match[str], word: str) -> str:
    return question[: match.start()] + word + question[match.end() :]
