"""Faithful rewritings for the test set of `alterations.py`: numbers, dates, the order of clauses, words; nothing of it is the verifier's."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

from alteration_words import (
    BUSY,
    CENTURY,
    DAY,
    FAITHFUL,
    JOINTS,
    NOUN,
    OPENERS,
    PAIR,
    RANKS,
    SCALES,
    SPELLABLE,
    SUBJECT,
    TABLE,
    VERB,
    WHEN,
    Edit,
    choose,
    figures,
    in_words,
    ordinal,
    put,
    read_day,
    read_figure,
    spelled,
    write_day,
)


def number_words(sentence: str, source: str, chance: random.Random) -> Iterable[Edit]:
    """The same number in digits instead of words, or the other way round."""
    for found in figures(sentence):
        (value, decimals), mark, scale = read_figure(found), found["mark"] or "", (found["scale"] or "").strip()
        before, after = sentence[: found.start()], sentence[found.end() :]
        if scale and decimals < 4:
            yield *found.span(), f"{found['money'] or ''}{value * SCALES[scale] // 10**decimals:,}"
        elif mark in ("%", " percent", " per cent"):
            yield *found.span("mark"), {"%": " percent"}.get(mark, "%")
        elif found["money"] or decimals or not value or not SPELLABLE.search(before) or not NOUN.match(after):
            continue
        elif mark and value < 100:
            yield *found.span(), ordinal(value, True)
        elif not mark and (value < 100 or value % 100 == 0):
            yield *found.span(), in_words(value)
    for words, value in spelled(sentence):
        if words.start() and (value > 3 or chance.random() < 0.3):
            yield *words.span(), f"{value:,}"
    for found in CENTURY.finditer(sentence):
        text = found[1].lower()
        yield *found.span(), ordinal(int(text[:-2]), True) if text[0].isdigit() else ordinal(RANKS[text], False)


def date_format(sentence: str, source: str, chance: random.Random) -> Iterable[Edit]:
    """The same date in another form."""
    for found in DAY.finditer(sentence):
        lead = re.search(
            r"\b(?:on|in|until|since|from|before|after|by|of|to)(?: early| late)? $", sentence[: found.start()], re.I
        )
        if (
            lead
            and not re.search(r"\d (?:to|and|or) $", sentence[: found.start()])
            and not re.match(r"(?:\w+ )?(?:[–-]| (?:and|to|or) \d)", sentence[found.end() :])
        ):
            forms = {write_day(*read_day(found), chance) for _ in range(12)} - {found[0]}
            yield from ((*found.span(), form) for form in sorted(forms))


def lowered(clause: str, source: str) -> str:
    """The clause with a small first letter, kept where it begins with a name; empty where that is unsure."""
    first = clause.split()[0]
    if first in OPENERS:
        return clause[0].lower() + clause[1:]
    return clause if re.search(rf"[a-z,] {re.escape(first)}\b", source) else ""


def clauses(sentence: str, source: str, chance: random.Random) -> Iterable[Edit]:
    """The same clauses in another order; nothing where moving one could change what it attaches to."""
    whole, body = (0, len(sentence)), sentence.removesuffix(".")
    found = re.fullmatch(rf"({WHEN}),? (.+)", body, re.I)
    if found and not BUSY.search(found[2]) and not re.search(WHEN, found[2]) and len(found[2].split()) < 15:
        yield *whole, f"{found[2]} {found[1][0].lower()}{found[1][1:]}."
    found = re.fullmatch(rf"(.+? {VERB}(?: \w+){{0,6}}) ({WHEN})", body)
    if found and not BUSY.search(found[1]) and not re.search(WHEN, found[1]) and (low := lowered(found[1], source)):
        yield *whole, f"{found[2]}, {low}."
    found = re.fullmatch(rf"({JOINTS}) ((?-i:{SUBJECT})[^,;:\"“()–—]+), ((?!and |but )[^,;:\"“()–—]+)", body, re.I)
    pronoun = r"(?:he|she|it|they|this|these|then|there|its|his|her|their)\b"
    if found and not re.match(pronoun, found[3], re.I) and not re.search(rf"\b(?:{JOINTS}|that)\b", found[3]):
        comma = "" if found[1].lower() in ("because", "when", "if") else ","
        yield *whole, f"{found[3]}{comma} {found[1].lower()} {found[2]}."
    found = re.fullmatch(rf"([^,;:\"“()–—]+?),? (although|because) ({SUBJECT}[^,;:\"“()–—]+)", body)
    loose = rf"\b(?:{JOINTS}|that|which|who|and|not|but|know|see|ask)\b|\b(?:only|as|even|to|or|sa\w+|partly|was|were|is|are)$"
    if found and not re.search(loose, found[1]) and (low := lowered(found[1], source)):
        yield *whole, f"{found[2]} {found[3]}, {low}."
    ends = r"(?=[.]| (?:in|on|for|to|at|from|is|are|was|were)\b)"
    for pair in re.finditer(rf"(?<=(?:in|of|to|by) ){PAIR} and {PAIR}{ends}", sentence):
        one, two = pair[1], pair[2]
        apart = all(re.search(rf"(?<!and ){part}(?! and)", source.replace(pair[0], "")) for part in (one, two))
        like = one[0].islower() == two[0].islower() and one.count(" ") == two.count(" ")
        if like and (apart or one[0].islower()) and "respectively" not in sentence:
            yield *pair.span(), f"{two} and {one}"


def synonyms(sentence: str, source: str, chance: random.Random) -> Iterable[Edit]:
    """Up to three words or phrases replaced by others of the same meaning; nothing where the sentence quotes."""
    new = sentence[0].lower() + sentence[1:]
    fit = [pair for pair in TABLE if pair[0].search(new)]
    if fit and not re.search(r"[\"“”]|''", sentence):
        for left, right in chance.sample(fit, min(len(fit), 3)):
            if found := left.search(new):
                new = put(new, (*found.span(), right)) if found.start() else right + new[found.end() :]
        yield 0, len(sentence), new


def paraphrase(
    sentence: str, source: str, chance: random.Random, kinds: Iterable[str] = FAITHFUL
) -> tuple[str, str] | None:
    """A faithful rewriting and its kind, by the first of the kinds that applies, or None."""
    rules = {"number_words": number_words, "date_format": date_format, "clauses": clauses, "synonyms": synonyms}
    for kind in kinds:
        if new := choose(sentence, source, rules[kind](sentence, source, chance), chance):
            return new, kind
    return None
