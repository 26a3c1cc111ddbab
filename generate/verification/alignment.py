"""What of a claim stands in its evidence, word by word, and what stands there differently: numbers, dates, units, names, negations.

Nothing is understood here. A figure that the evidence does not have, or has in another place of the same sentence, is found for certain,
and those are the errors that cost trust most and that a model of meaning overlooks first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from citewell.core.sentences import Span, sentence_spans
from citewell.generate.verification.dates import MONTHS, MONTHS_ELSEWHERE, WEEKDAYS, Date, dates_of
from citewell.generate.verification.numerals import NUMBER_WORDS
from citewell.generate.verification.quantities import Amount, amounts_of
from citewell.generate.verification.uniform import uniform
from citewell.generate.verification.words import KIN, NEGATED, NEGATIONS, OPENERS, OPPOSITES, RATES, STOP_WORDS

FindingKind = Literal["number", "date", "unit", "name", "negation", "opposite"]
Quotation = Literal["", "quoted", "reformatted"]
STEM = 6  # letters by which words count as the same: enough for most endings
CLOSE = 0.6  # share of a claim's words that one sentence holds, for the claim to be a rendering of that sentence
MOST_SENTENCES = 3
LEAST_STEM = 4  # letters that two forms of a name share
_FORMS = [{"", end} for end in ("s", "es", "n", "an", "ian", "ean", "ish", "ese", "er", "ers", "i", "ic", "en", "in")] + [{"a", "an"}, {"a", "ian"}, {"y", "ian"}, {"e", "an"}, {"e", "ian"}, {"o", "an"}, {"n", "ns"}, {"", "'s"}]  # fmt: skip
_WORD = re.compile(r"\w+(?:['’]\w+)?")
_NAME = re.compile(r"\b[A-ZÀ-Þ][\w'’-]*(?:\.[A-Z])*")
_LABEL = re.compile(r"^(?:[-–—•*‣▪]|\(?(?:\d{1,3}|[a-z])[.)])\s+")  # of a list's item
_AROUND = " \"'“”„‟«»‹›‘’「」『』()[]"
_DOTTED = re.compile(r"\b(?:[A-Za-z]\.){2,}|\b[A-Z]\.[A-Z]\b")
_FROM, _TO = re.compile(r"\b(?:from|von|de|of)\s+$", re.I), re.compile(r"[^.;]{0,12}\b(?:to|auf|bis|à|a)\s+", re.I)
_COMPARED = frozenset({"more", "less", "fewer", "later", "earlier", "longer"})  # `no more than` denies nothing
_FRAME = re.compile(
    r"\b(?:(?P<excepts>except(?: for| on| in)?|unless|neither|apart from|other than)|myth|hoax|not true|untrue|false that|is false|are false|no evidence|no proof|rejects?|rejected|den(?:y|ies|ied)|disproved|disproves|refuted|refutes|widerlegt)\b",
    re.I,
)
FRAMED, LEAST_FRAMED = 60, 2  # characters after such a word that it bears on, and stems of the claim that stand there
_PART = re.compile(
    r"[,;:](?=\s)|\b(?:and|while|whereas|but|und|während|aber|et|y)\b", re.I
)  # begins another part of a sentence
_CODE = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{2,}\b")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the claim says and its evidence does not: `claimed` there, `stated` here (empty: nothing of the kind)."""

    kind: FindingKind
    claimed: str
    stated: str = ""

    @property
    def contradicts(self) -> bool:
        """Whether the evidence says something else, and does not merely keep silent."""
        return bool(self.stated)


@dataclass(frozen=True, slots=True)
class Alignment:
    """How a claim lies in its evidence.

    `coverage` is the share of its meaningful words that the evidence holds, `nearest` the same for the nearest sentence alone;
    `quotation` is `quoted` where the claim is whole sentences of it by their letters, `reformatted` where it is one but for the form of dates
    and numbers; `spans` are the sentences of the evidence that hold what it holds of the claim, in their order.
    """

    coverage: float
    nearest: float
    quotation: Quotation
    spans: tuple[Span, ...]
    findings: tuple[Finding, ...]

    @property
    def verbatim(self) -> bool:
        """Whether the claim is whole sentences of the evidence by their letters."""
        return self.quotation == "quoted"


def align(claim: str, evidence: str, header: str = "") -> Alignment:
    """How the claim lies in the evidence; what stands in the header above it (title, headings) counts as said."""
    spans = sentence_spans(evidence)
    if not spans:
        return Alignment(0.0, 0.0, "", (), ())
    if quoted := _quoted(claim, [evidence[a:b] for a, b in spans], evidence, spans):
        return Alignment(1.0, 1.0, "quoted", quoted, ())
    told, said = uniform(claim), [uniform(evidence[a:b]) for a, b in spans]
    wanted, held = stems(told), [stems(text) for text in said]
    above = stems(header)
    chosen = _carriers(wanted - above, held)
    covered = set().union(*(held[i] for i in chosen), above) & wanted
    nearest = max(range(len(spans)), key=lambda i: (len(wanted & held[i]), -i))
    near = len(wanted & (held[nearest] | above)) / len(wanted) if wanted else 0.0
    sentence = evidence[slice(*spans[nearest])]
    findings = [
        *_figures(claim, sentence, f"{header}\n{evidence}", near),
        *(_swapped(claim, sentence) if near >= CLOSE else ()),
        *_names(claim, sentence, f"{header}\n{evidence}", near),
        *(_polarity(claim, sentence) if near >= CLOSE else ()),
        *(_rates(claim, sentence) if near >= CLOSE else ()),
    ]
    if not findings and (quoted := _quoted(told, said, evidence, spans)):
        return Alignment(1.0, 1.0, "reformatted", quoted, ())
    coverage = len(covered) / len(wanted) if wanted else 0.0
    return Alignment(coverage, near, "", tuple(spans[i] for i in sorted(chosen)), tuple(findings))


def stems(text: str) -> set[str]:
    """The meaningful words of a text, cut to their stems; numbers are compared elsewhere."""
    return {
        _stem(word)
        for word in _words(text)
        if word not in STOP_WORDS and not word[0].isdigit() and not NUMBER_WORDS.fullmatch(word)
    }


def _stem(word: str) -> str:
    word = word.removesuffix("'s").removesuffix("’s")
    if len(word) <= STEM:
        return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return word[:STEM]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _quoted(claim: str, said: Sequence[str], evidence: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """The sentences of the evidence, at `spans` and reading `said`, that the claim is, letter for letter; none where it is not whole ones.

    A part of a sentence is no quotation, wherever it begins and ends: what says "not", "only if" or the rest of a figure may stand before
    it or after.
    """
    wanted = _unmarked(claim)
    if not wanted:
        return ()
    for first in range(len(spans)):
        run = said[first]
        for last in range(first, len(spans)):
            if last > first:
                run += evidence[spans[last - 1][1] : spans[last][0]] + said[last]
            if _unmarked(run) == wanted:
                return tuple(spans[first : last + 1])
            if not wanted.startswith(_unmarked(run)):
                break
    return ()


def _unmarked(text: str) -> str:
    """A text without the label of a list before it, the marks around it and the full stop at its end."""
    text = _LABEL.sub("", " ".join(text.split()))
    return text.strip(_AROUND).rstrip(".!。！।").strip(_AROUND)


def _carriers(wanted: set[str], held: Sequence[set[str]]) -> list[int]:
    """The fewest sentences that hold what can be held of the claim, the one that adds most first."""
    chosen: list[int] = []
    left = set(wanted)
    while left and len(chosen) < MOST_SENTENCES:
        best = max(range(len(held)), key=lambda i: (len(left & held[i]), -i))
        if len(left & held[best]) < (1 if not chosen else 2):
            break
        chosen.append(best)
        left -= held[best]
    return chosen or [0]


def _figures(claim: str, sentence: str, whole: str, near: float) -> list[Finding]:
    """Numbers, dates and units of the claim that the evidence does not have, or that the nearest sentence has differently."""
    own_dates, all_dates, near_dates = dates_of(claim), dates_of(whole), dates_of(sentence)
    own, everything, here = (
        amounts_of(claim, own_dates),
        _all_amounts(whole, all_dates),
        _all_amounts(sentence, near_dates),
    )
    close = near >= CLOSE
    found: list[Finding] = []
    for date in own_dates:
        text = claim[date.start : date.end]
        if not any(date.says(other) for other in all_dates) and not _bare(date, everything):
            found.append(Finding("date", text, _other_date(date, sentence, near_dates)))
        elif close and not any(date.says(other) for other in near_dates) and not _bare(date, here):
            other = _unclaimed_date(own_dates, sentence, near_dates)
            found += [Finding("date", text, other)] if other else []
    for amount in own:
        text = claim[amount.start : amount.end]
        if amount.vague:
            rivals = [a for a in here if not a.vague and not a.dimension and not any(c.same_value(a) for c in own)]
            if close and rivals and not any(amount.same_value(a) for a in here):
                found.append(Finding("number", text, _text(sentence, rivals[0])))
        elif not any(amount.same(other) for other in everything):
            found.append(_missing(amount, text, sentence, here, own, near))
        elif close and sum(amount.same(c) for c in own) > sum(amount.same(other) for other in here):
            rivals = [a for a in here if a.dimension == amount.dimension and not any(c.same(a) for c in own)]
            rivals = [a for a in rivals if not a.vague or a.ordinal == amount.ordinal]
            found += [Finding("number", text, _text(sentence, rivals[0]))] if rivals else []
    return found


def _swapped(claim: str, sentence: str) -> list[Finding]:
    """A figure that belongs to something else in the sentence, where each part of it has one figure of the kind: `adults pay 9 euros and children 4`."""
    theirs, own = _owners(sentence), _owners(claim)
    if (one := _ends(claim)) and (other := _ends(sentence)):
        turned = one[0].same(other[1]) and one[1].same(other[0]) and not one[0].same(other[0])
        if turned:
            return [Finding("number", claim[one[0].start : one[1].end], sentence[other[0].start : other[1].end])]
    for dimension, parts in own.items():
        rivals = theirs.get(dimension, [])
        if len(rivals) < 2:
            continue
        shared = set.intersection(*(words for _, words in rivals))
        for amount, words in parts:
            told = [(other, words & (held - shared)) for other, held in rivals]
            mine = [held for other, held in told if amount.same(other)]
            against = [(other, held) for other, held in told if held and not amount.same(other)]
            if mine and not any(mine) and against:
                return [Finding("number", claim[amount.start : amount.end], _text(sentence, against[0][0]))]
    return []


def _ends(text: str) -> tuple[Amount, Amount] | None:
    """The two figures of `from A to B`, where there are such."""
    amounts = amounts_of(text)
    for one, other in pairwise(amounts):
        if _FROM.search(text, max(0, one.start - 8), one.start) and _TO.fullmatch(text, one.end, other.start):
            return one, other
    return None


def _owners(text: str) -> dict[str, list[tuple[Amount, set[str]]]]:
    """By dimension the figures of a text, each with the stems and other figures of its part; only where each part that has one has one alone."""
    amounts = amounts_of(text)
    bounds = [0, *(match.end() for match in _PART.finditer(text)), len(text)]
    found: dict[str, list[tuple[Amount, set[str]]]] = {}
    crowded: set[str] = set()
    for start, end in pairwise(bounds):
        inside = [amount for amount in amounts if start <= amount.start < end and not amount.vague]
        for amount in inside:
            others = [other for other in inside if other is not amount]
            if any(other.dimension == amount.dimension for other in others):
                crowded.add(amount.dimension)
            words = stems(text[start:end]) | {f"{other.value:g} {other.dimension}" for other in others}
            found.setdefault(amount.dimension, []).append((amount, words))
    return {dimension: parts for dimension, parts in found.items() if dimension not in crowded}


def _missing(
    amount: Amount, text: str, sentence: str, here: Sequence[Amount], own: Sequence[Amount], near: float
) -> Finding:
    """What is said of an amount that the evidence does not have: a unit when it has the figures, else a number."""
    kind: FindingKind = "number"
    if amount.dimension:
        figures = re.sub(r"[^\d.,]", "", text)
        if figures and any(
            figures == re.sub(r"[^\d.,]", "", _text(sentence, a)) for a in here if a.end <= len(sentence)
        ):
            kind = "unit"
    rivals = [a for a in here if not any(c.same_value(a) for c in own)]
    like = [a for a in rivals if a.dimension == amount.dimension] or rivals
    return Finding(kind, text, _text(sentence, like[0]) if like and near >= CLOSE / 2 else "")


def _text(sentence: str, amount: Amount) -> str:
    return sentence[amount.start : amount.end]


def _all_amounts(text: str, dates: Sequence[Date]) -> list[Amount]:
    """The amounts of a text, with the years and days of its dates as numbers."""
    parts = [
        Amount(date.start, date.end, float(value), ordinal=None)
        for date in dates
        for value in (date.year, date.day)
        if value is not None
    ]
    decades = [
        Amount(d.start, d.end, float(d.other.split()[1]), ordinal=None)
        for d in dates
        if d.other.startswith(("decade", "century"))
    ]
    return [*amounts_of(text, list(dates)), *parts, *decades]


def _bare(date: Date, amounts: Sequence[Amount]) -> bool:
    """Whether a date that is only a year, or a century, stands as a number."""
    if date.other.startswith(("decade", "century")):
        return any(a.value == float(date.other.split()[1]) and not a.dimension for a in amounts)
    return False


def _other_date(date: Date, sentence: str, dates: Sequence[Date]) -> str:
    """A date of the nearest sentence that says something else of the same kind; empty when there is none."""
    for other in dates:
        if bool(other.other) == bool(date.other) and (
            (other.month is not None and date.month is not None)
            or (other.year is not None and date.year is not None)
            or date.other
        ):
            return sentence[other.start : other.end]
    return ""


def _unclaimed_date(own: Sequence[Date], sentence: str, dates: Sequence[Date]) -> str:
    rivals = [other for other in dates if not any(date.says(other) or other.says(date) for date in own)]
    return sentence[rivals[0].start : rivals[0].end] if rivals else ""


def _names(claim: str, sentence: str, whole: str, near: float) -> list[Finding]:
    """Names of the claim that the evidence does not have, or that stand where the nearest sentence has another."""
    words, here = _vocabulary(whole), _vocabulary(sentence)
    own = names_of(claim, whole)
    others = [name for name in names_of(sentence, whole) if not _known(name, _vocabulary(claim), claim)]
    found: list[Finding] = []
    opening, replaced = _opening(claim), _opening(sentence)
    fresh = opening and replaced and near >= CLOSE and not _known(opening, words, whole)
    if fresh and not _known(replaced, _vocabulary(claim), claim):
        found.append(Finding("name", opening, replaced))
    for name in own:
        if fresh and name == opening:
            continue
        if not _known(name, words, whole):
            found.append(Finding("name", name, others[0] if others and near >= CLOSE / 2 else ""))
        elif near >= CLOSE and others and not _known(name, here, sentence):
            found.append(Finding("name", name, others[0]))
    return found


def _opening(text: str) -> str:
    """The first word where it may be a name: capitalised, and none of those that open a sentence."""
    match = re.match(r"[\"“'(]*([A-ZÀ-Þ][\w'’.-]+)", text)
    if match is None or match[1].casefold().endswith("ly"):
        return ""
    low = match[1].casefold()
    return "" if low in STOP_WORDS or low in OPENERS or NUMBER_WORDS.fullmatch(low) or low in MONTHS else match[1]


def names_of(text: str, known: str = "") -> list[str]:
    """Capitalised words and codes that stand for something, each once.

    The first word of a sentence is one when another follows at once, or when `known` has it capitalised inside a sentence.
    """
    starts = {start for start, _ in sentence_spans(text)}
    inside = {
        m[0]
        for m in _NAME.finditer(known)
        if not re.search(r"(?:^|[.!?:\n]\s*)$", known[max(0, m.start() - 3) : m.start()])
    }
    found: dict[str, None] = {}
    for match in _NAME.finditer(text):
        word = match[0]
        low = word.casefold()
        if (
            low in STOP_WORDS
            or low in MONTHS
            or low in MONTHS_ELSEWHERE
            or low.removesuffix("s") in WEEKDAYS
            or NUMBER_WORDS.fullmatch(word)
            or len(word) < 2
        ):
            continue
        opening = match.start() in starts or text[max(0, match.start() - 2) : match.start()].strip() in {'"', "“", ":"}
        if opening and word not in inside and not re.match(r"\s[A-ZÀ-Þ]\w", text[match.end() : match.end() + 3]):
            continue
        found[word] = None
    for match in _CODE.finditer(text):
        if not re.fullmatch(r"\d+(?:st|nd|rd|th|s|[a-z]{1,3})", match[0]):
            found[match[0]] = None
    return list(found)


def _vocabulary(text: str) -> set[str]:
    words = set(_words(text)) | {match[0].casefold() for match in _CODE.finditer(text)}
    words |= {match[0].replace(".", "").casefold() for match in _DOTTED.finditer(text)}
    return words | {part for word in re.findall(r"[\w-]+", text) for part in word.casefold().split("-") if part}


def _known(name: str, words: set[str], text: str) -> bool:
    low = name.casefold().removesuffix("'s").removesuffix("’s").rstrip("'’").replace(".", "")
    if low in words or low.replace("-", "") in words or all(part in words for part in low.split("-")):
        return True
    if any(_inflected(low, word) for word in words):
        return True
    kin = KIN.get(low)
    if kin is not None and any(word.startswith(kin[:5]) for word in words):
        return True
    if any(KIN.get(word, " ")[:5] == low[:5] for word in words):
        return True
    letters = re.sub(r"[^A-Z]", "", name)
    if len(letters) >= 2 and len(letters) >= len(re.sub(r"\W", "", name)) - 1:
        # Two letters begin any two words; so short a name stands for words that are capitalised as well.
        of = re.findall(r"\b[A-Za-z]\w+" if len(letters) > 2 else r"\b[A-Z]\w+", text)
        return letters in "".join(word[0] for word in of if word.casefold() not in STOP_WORDS).upper()
    return False


def _inflected(name: str, word: str) -> bool:
    """Whether two words, in small letters, are one name in two forms: Austria and Austrian, Graz and Grazer, not Austria and Australia."""
    size = next((i for i, (a, b) in enumerate(zip(name, word, strict=False)) if a != b), min(len(name), len(word)))
    return size >= LEAST_STEM and {name[size:], word[size:]} in _FORMS


def _rates(claim: str, sentence: str) -> list[Finding]:
    """A unit outside of amounts (`weekly`, `per year`, `several hours`) where the nearest sentence has another."""
    own, theirs = _loose_units(claim), _loose_units(sentence)
    said, known = {RATES[unit] for unit in theirs}, {RATES[unit] for unit in own}
    fresh, rivals = [u for u in own if RATES[u] not in said], [u for u in theirs if RATES[u] not in known]
    return [Finding("unit", fresh[0], rivals[0])] if fresh and rivals else []


def _loose_units(text: str) -> list[str]:
    amounts = amounts_of(text)
    return [
        m[0].casefold()
        for m in _WORD.finditer(text)
        if m[0].casefold() in RATES and not any(a.start <= m.start() < a.end for a in amounts)
    ]


def _polarity(claim: str, sentence: str) -> list[Finding]:
    """A negation that only one of both has, and words that mean the opposite of what the other says."""
    own, theirs = _words(claim), _aligned_words(claim, sentence)
    found = []
    mine, other = _negations(own), _negations(theirs)
    if len(mine) % 2 != len(other) % 2:
        found.append(Finding("negation", " ".join(mine) or "no negation", " ".join(other) or "no negation"))
    all_theirs = set(_words(sentence))
    for word in own:
        rivals = OPPOSITES.get(word, frozenset()) & all_theirs
        if rivals and word not in all_theirs and not rivals & set(own):
            found.append(Finding("opposite", word, sorted(rivals)[0]))
    found += _framed(own, claim, sentence)
    if [finding.kind for finding in found] == ["negation", "opposite"] and _denied(found[1], own, _words(sentence)):
        return []
    return found


def _denied(contrary: Finding, own: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether one of two contrary words stands right behind a negation: `not allowed` is `prohibited`."""
    both = ((contrary.claimed, own), (contrary.stated, theirs))
    return any(word == after and _negations([before]) for word, words in both for before, after in pairwise(words))


def _framed(own: Sequence[str], claim: str, sentence: str) -> list[Finding]:
    """What the sentence says under a word that denies it or excepts from it, and the claim says without."""
    if _negations(own) or _FRAME.search(claim):
        return []
    wanted = stems(claim)
    for match in _FRAME.finditer(sentence):
        under = stems(sentence[match.end() : match.end() + FRAMED])
        if len(wanted & under) >= (1 if match["excepts"] else LEAST_FRAMED):
            return [Finding("negation", "no negation", match[0])]
    return []


def _negations(words: Sequence[str]) -> list[str]:
    found = []
    for at, word in enumerate(words):
        if word in NEGATIONS or NEGATED.search(word):
            after = words[at + 1 : at + 2]
            if (word == "not" and after in (["only"], ["just"])) or (
                word in ("no", "not") and after and after[0] in _COMPARED
            ):
                continue
            found.append(word)
    return found


def _aligned_words(claim: str, sentence: str) -> list[str]:
    """The words of the sentence from the first to the last that the claim has too, with three before and one after: a negation stands before
    what it negates, and what follows may be another clause."""
    words = _words(sentence)
    wanted = stems(claim)
    places = [i for i, word in enumerate(words) if _stem(word) in wanted]
    if not places:
        return words
    return words[max(0, places[0] - 3) : places[-1] + 2]
