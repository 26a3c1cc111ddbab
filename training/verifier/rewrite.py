"""Statements said in other words, by rule: numbers spelled out, dates turned, clauses moved, words replaced, asides left out.

They teach the verifier what changes nothing. What changes the meaning is in `training/spoil.py` and `change` below.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from citewell.generate.verification.dates import MONTH_NAMES, dates_of
from citewell.generate.verification.numerals import FIGURES, NUMBER_WORDS, read_figures, spelled, words_value

Rewrite = Callable[[str, random.Random], str | None]
_SAME = """
although:even though|many:numerous|main:principal|big:large|begin:start|began:started|build:construct|built:constructed
buy:purchase|bought:purchased|help:assist|helped:assisted|show:demonstrate|showed:demonstrated|shows:demonstrates|use:employ|used:employed
however:nevertheless|therefore:thus|important:significant|famous:well-known|often:frequently|near:close to|end:finish
ended:finished|important:major|get:obtain|obtained:gained|keep:retain|kept:retained|made:produced|most of:the majority of|about:approximately
called:named|known as:referred to as|located in:situated in|usually:typically|various:several different|allow:permit|allowed:permitted
allows:permits|reveal:disclose|revealed:disclosed|said:stated|says:states|whole:entire|according to:as stated by|during:in the course of
get rid of:remove|require:need|requires:needs|required:needed|choose:select|chosen:selected|children:kids|job:occupation|doctor:physician
car:automobile|movie:film|quickly:rapidly|rich:wealthy|hard:difficult|easy:simple|wrong:incorrect|right away:immediately
whilst:while
""".strip()
_PAIRS: dict[str, str] = {}
for _entry in re.split(r"[|\n]", _SAME):
    _one, _other = _entry.split(":")
    _PAIRS.setdefault(_one, _other)
    _PAIRS.setdefault(_other, _one)
_PAIRS |= {"is able to": "can", "are able to": "can", "was able to": "could", "in order to": "to", "In order to": "To", "due to": "because of", "prior to": "before",
           "as well as": "and"}  # fmt: skip
_REPLACEABLE = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _PAIRS), key=len, reverse=True))})\b")
_LEADING = re.compile(r"^((?:In|During|After|Before|By|On|At|Since|Until|From|Under|Following|Despite|Although|While|When|Because|If) [^,;:]{4,60}), (.{15,}?)([.!]?)$")  # fmt: skip
_OPENERS = frozenset(
    [
        "the",
        "a",
        "an",
        "it",
        "this",
        "he",
        "she",
        "they",
        "there",
        "these",
        "those",
        "his",
        "her",
        "its",
        "their",
        "some",
        "many",
        "most",
        "all",
        "we",
    ]
)
_TRAILING = re.compile(
    r"^(.{15,}?),? ((?:in (?!order)|during |after |before |since |until |because |although |while |when )[^,;:]{4,60}?)([.!]?)$"
)
_ASIDE = re.compile(r"\s*\([^()]{2,80}\)|, (?:which|who|where) [^,;]{4,80}(?=,|\.$)")
_NAMES_OF_MONTHS = ["", *MONTH_NAMES]
_UNITS = [("kilometres", "metres"), ("km", "miles"), ("miles", "kilometres"), ("kg", "g"), ("metres", "feet"), ("million", "billion"), ("billion", "million"),
          ("thousand", "million"), ("percent", "percentage points"), ("hours", "days"), ("days", "weeks"), ("weeks", "months"), ("months", "years"), ("years", "months"),
          ("minutes", "hours"), ("seconds", "minutes"), ("dollars", "euros"), ("$", "€"), ("feet", "metres"), ("pounds", "dollars"), ("MB", "GB"), ("GB", "MB"), ("°C", "°F")]  # fmt: skip
_POLAR = [("is", "is not"), ("are", "are not"), ("was", "was not"), ("were", "were not"), ("can", "cannot"), ("has", "has not"), ("have", "have not"), ("had", "had not"),
          ("will", "will not"), ("could", "could not"), ("must", "must not"), ("may", "may not"), ("never", "always"), ("always", "never"), ("all", "none of the"), ("with", "without")]  # fmt: skip


def reword(sentence: str, chance: random.Random) -> str | None:
    """The sentence in other words that say the same; None where no rule applies."""
    rules: list[Rewrite] = [_number, _date, _move_clause, _synonyms, _shorten]
    chance.shuffle(rules)
    said = sentence
    for rule in rules[:3]:
        said = rule(said, chance) or said
    return said if said != sentence else None


def change(sentence: str, chance: random.Random) -> str | None:
    """The sentence with a unit, a month or a negation changed, where it has one: it says something else."""
    rules: list[Rewrite] = [_change_unit, _change_month, _negate, _change_spelled]
    chance.shuffle(rules)
    for rule in rules:
        said = rule(sentence, chance)
        if said is not None and said != sentence:
            return said
    return None


def _number(sentence: str, chance: random.Random) -> str | None:
    del chance
    for match in FIGURES.finditer(sentence):
        value, code, _ = read_figures(match[0])
        if not code and value == int(value) and 0 <= value < 100_000 and not 1000 <= value <= 2100:
            return sentence[: match.start()] + spelled(int(value)) + sentence[match.end() :]
    for match in NUMBER_WORDS.finditer(sentence):
        read = words_value(match[0])
        if read is not None and not read[1] and read[0] == int(read[0]) and read[0] > 2:
            return sentence[: match.start()] + f"{int(read[0]):,}" + sentence[match.end() :]
    return None


def _date(sentence: str, chance: random.Random) -> str | None:
    for date in dates_of(sentence):
        if date.day and date.month and date.year:
            month = _NAMES_OF_MONTHS[date.month]
            forms = [
                f"{date.day} {month} {date.year}",
                f"{month} {date.day}, {date.year}",
                f"{date.year}-{date.month:02}-{date.day:02}",
            ]
            return sentence[: date.start] + chance.choice(forms) + sentence[date.end :]
    return None


def _move_clause(sentence: str, chance: random.Random) -> str | None:
    del chance
    leading = _LEADING.match(sentence)
    if leading:
        clause, rest, mark = leading.groups()
        return f"{rest[0].upper()}{rest[1:]} {clause[0].lower()}{clause[1:]}{mark}"
    trailing = _TRAILING.match(sentence)
    if trailing:
        rest, clause, mark = trailing.groups()
        keep = rest[0].lower() + rest[1:] if rest.split()[0].lower() in _OPENERS else rest
        return f"{clause[0].upper()}{clause[1:]}, {keep}{mark}"
    return None


def _synonyms(sentence: str, chance: random.Random) -> str | None:
    places = list(_REPLACEABLE.finditer(sentence))
    for match in reversed([place for place in places if chance.random() < 0.7]):
        sentence = sentence[: match.start()] + _PAIRS[match[0]] + sentence[match.end() :]
    return sentence if places else None


def _shorten(sentence: str, chance: random.Random) -> str | None:
    del chance
    shorter = _ASIDE.sub("", sentence)
    return shorter if len(shorter.split()) >= 5 else None


def _change_unit(sentence: str, chance: random.Random) -> str | None:
    for unit, other in chance.sample(_UNITS, len(_UNITS)):
        found = re.search(rf"(?<=\d )\b{re.escape(unit)}\b" if unit != "$" else r"\$(?=\d)", sentence)
        if found:
            return sentence[: found.start()] + other + sentence[found.end() :]
    return None


def _change_month(sentence: str, chance: random.Random) -> str | None:
    for date in dates_of(sentence):
        text = sentence[date.start : date.end]
        if date.month and _NAMES_OF_MONTHS[date.month] in text:
            other = chance.choice([m for m in _NAMES_OF_MONTHS[1:] if m != _NAMES_OF_MONTHS[date.month]])
            return sentence[: date.start] + text.replace(_NAMES_OF_MONTHS[date.month], other) + sentence[date.end :]
    return None


def _change_spelled(sentence: str, chance: random.Random) -> str | None:
    for match in FIGURES.finditer(sentence):
        value = read_figures(match[0])[0]
        if value == int(value) and 1 < value < 1000:
            other = max(2, int(value * chance.uniform(1.2, 2.5)) + 1)
            return sentence[: match.start()] + spelled(min(other, 9999)) + sentence[match.end() :]
    return None


def _negate(sentence: str, chance: random.Random) -> str | None:
    for word, other in chance.sample(_POLAR, len(_POLAR)):
        if re.search(rf"\b{other}\b", sentence):
            return re.sub(rf"\b{other}\b", word, sentence, count=1)
        if re.search(rf"\b{word}\b(?! not)", sentence):
            return re.sub(rf"\b{word}\b(?! not)", other, sentence, count=1)
    return None
