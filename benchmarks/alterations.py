"""A test set for a verifier: sentences of real passages with one meaning altered, and faithful paraphrases of others.

python benchmarks/alterations.py FOLDER... --out FILE [--altered 1000 --faithful 500 --seed 17]

Each FOLDER holds a corpus.jsonl of the BEIR layout. Everything is made by rules from a seed, with the standard library alone. The rules
and their tables are written for this purpose and share no code with the verifier that they judge, so that neither inherits the other's
blind spots. Altered are numbers, dates, units, names and negations; a paraphrase rewrites numbers, dates, the order of clauses or words.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from alteration_words import (
    _M,
    ABBREVIATIONS,
    ALIASES,
    BODY,
    CENTURY,
    DAY,
    DEMONYM,
    FAITHFUL,
    FRACTIONS,
    GIVEN,
    INSERT,
    MONTHS,
    NAME,
    NO_INSERT,
    NO_NAMES,
    NO_SWAP,
    ORDINAL,
    PERIODS,
    RANKS,
    RATES,
    REMOVE,
    SWAP,
    SWAPS,
    UNITS,
    VAGUE,
    WEEKDAYS,
    YEAR,
    Edit,
    bound,
    choose,
    figures,
    in_words,
    ordinal,
    other,
    other_figure,
    read_day,
    spelled,
    write_day,
)
from paraphrases import paraphrase

ALTERED = ("number", "date", "unit", "name", "negation")
PASSAGE_CHARS = 900


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence to verify against a source; `original` is the sentence of the source that it was made from."""

    source: str
    sentence: str
    original: str
    kind: str
    altered: bool


def alter_number(sentence: str, source: str, chance: random.Random) -> Iterable[Edit | None]:
    """Another number in place of one in digits or words, another ordinal or fraction."""
    edits = [other_figure(sentence, source, found, chance) for found in figures(sentence)]
    for found, value in spelled(sentence):
        if new := other(value, sentence, *found.span(), chance):
            digits = chance.random() < 0.35 and found.start() > 0 and new % 10**6 > 0
            edits.append((*found.span(), f"{new:,}" if digits else in_words(new)))
    for found in ORDINAL.finditer(sentence):
        rank = RANKS[found[0]] + chance.choice((1, 1, 2, 3))
        if ordinal(rank, True) not in sentence:
            edits.append((*found.span(), ordinal(rank, chance.random() < 0.7)))
    return edits + [
        (*found.span(), FRACTIONS[found[0]]) for found in re.finditer(rf"\b(?:{'|'.join(FRACTIONS)})\b", sentence)
    ]


def other_year(sentence: str, source: str, start: int, chance: random.Random) -> int:
    """A year that keeps the order of a span and is not entailed by a bound such as `before 1990`; the same year where none is."""
    year, before, after = int(sentence[start : start + 4]), sentence[:start], sentence[start + 4 :]
    found = [year + step for step in (-100, -20, -10, -7, -5, -3, -2, -1, 1, 2, 3, 5, 7, 10, 20, 100)]
    hard = [int(text) for text in re.findall(r"\b(?:1\d{3}|20[0-2]\d)\b(?!,)", source)]
    found = hard if set(hard) - {year} and chance.random() < 0.4 else found
    least, most = 0, 2025 if year < 2026 else 2040
    if re.search(rf"\b(?:[Bb]efore|[Bb]y|prior to|[Ss]ince|later than)(?: \w+| (?:{_M}) \d+,)? $", before):
        most = year - 1
    elif re.search(rf"\b(?:[Aa]fter|[Uu]ntil|till|[Ff]rom)(?: \w+| (?:{_M}) \d+,)? $", before):
        least = year + 1
    if later := re.match(r" ?(?:to|and|until|through|[–-]) ?(\d{4})\b", after):
        most = min(most, int(later[1]) - 1)
    if earlier := re.search(r"(\d{4}) ?(?:to|and|until|through|[–-]) ?$", before):
        least = int(earlier[1]) + 1
    far = 20 if VAGUE.search(before) else 1
    found = [new for new in found if least <= new <= most and abs(new - year) >= far and str(new) not in sentence]
    return chance.choice(found) if found else year


def alter_day(sentence: str, source: str, match: re.Match[str], chance: random.Random) -> Edit | None:
    """Another day, month or year, in the same form or in another."""
    day, month, year = old = read_day(match)
    start, end = match.span()
    if year and chance.random() < 0.45:
        year = other_year(sentence, source, end - 4, chance)
    elif day and chance.random() < 0.5:
        day = chance.choice([new for new in range(1, 29) if abs(new - day) > 1 and str(new) not in match[0]])
    else:
        month = chance.choice(
            [at for at, name in enumerate(MONTHS, 1) if name not in sentence and name != MONTHS[month - 1]]
        )
        day = min(day, 28) if day else None
    if (day, month, year) == old or re.match(r"\d+(?:st|nd|rd|th)|\w+ \d+(?:st|nd|rd|th)", match[0]):
        return None
    if re.search(r"\b(?:on|in|until|since|from|before|after|by) $", sentence[:start], re.I) and chance.random() < 0.8:
        return start, end, write_day(day, month, year, chance)
    text = re.sub(_M, MONTHS[month - 1], re.sub(r"\d{4}$", str(year), match[0]) if year else match[0])
    return start, end, re.sub(r"(?<!\d)\d\d?(?!\d)", str(day), text, count=1)


def alter_date(sentence: str, source: str, chance: random.Random) -> Iterable[Edit | None]:
    """Another day, month, year, decade, century or weekday."""
    days = list(DAY.finditer(sentence))
    edits = [alter_day(sentence, source, found, chance) for found in days]
    for found in YEAR.finditer(sentence):
        new = other_year(sentence, source, found.start(), chance)
        if str(new) != found[0] and not any(day.start() <= found.start() < day.end() for day in days):
            edits.append((*found.span(), str(new)))
    decades = re.finditer(r"(?<!–)\b(1\d\d|20[01])0s\b", sentence)
    edits += [(*found.span(), f"{int(found[1]) + chance.choice((-10, -3, -2, -1, 1, 2)):d}0s") for found in decades]
    for found in CENTURY.finditer(sentence):
        text = found[1].lower()
        rank = (int(text[:-2]) if text[0].isdigit() else RANKS[text]) + chance.choice((-2, -1, 1, 2))
        if 0 < rank < 22:
            edits.append((*found.span(), ordinal(rank, text[0].isalpha() == (chance.random() < 0.6))))
    for names, lead in ((WEEKDAYS, "on"), (MONTHS, "in")):
        for found in re.finditer(rf"(?<=\b{lead} )(?:{'|'.join(names)})\b(?!,? \d)", sentence, re.I):
            edits += [(*found.span(), chance.choice([name for name in names if name not in sentence]))]
    return [edit for edit in edits if edit and edit[2].lower() not in sentence.lower()]


def alter_unit(sentence: str, source: str, chance: random.Random) -> Iterable[Edit | None]:
    """Another unit, scale, currency or period with the same figure."""
    edits: list[Edit] = []
    for ladder, found in ((ladder, found) for ladder, pattern in UNITS for found in pattern.finditer(sentence)):
        way, at = bound(sentence, *found.span()), ladder.index(found["unit"])
        names = ladder[max(at - 2, 0) : at] * (way < 1) + ladder[at + 1 : at + 3] * (way > -1)
        edits += [(*found.span("unit"), new) for new in names if found["figure"] + found["gap"] + new not in source]
    for found in re.finditer(r"(?<![A-Z])[$£€](?=\d)", sentence):
        edits += [(*found.span(), sign) for sign in "$£€" if sign not in source]
    for names in [RATES, *(group.split() for group in PERIODS.split("|"))]:
        for found in re.finditer(rf"{r'(?<=per )' if names == RATES else ''}\b(?:{'|'.join(names)})\b(?!-)", sentence):
            edits += [(*found.span(), name) for name in names if name != found[0]]
    percents = [] if edits else re.finditer(r"(?<=\d)(?:%| percent\b| per cent\b)", sentence)
    for found in percents:
        rise = re.search(
            r"\b(?:increased|rose|fell|grew|decreased|declined|dropped) by [\d.]+$", sentence[: found.start()]
        )
        edits.append((*found.span(), " percentage points" if rise else "‰" if found[0] == "%" else " per mille"))
    return edits


def sort_of(text: str, match: re.Match[str]) -> str:
    """What a name seems to be: adjective, people, letters, body, place, person or other; and whether `the` stands before it."""
    name, before, after = match[0], text[: match.start()], text[match.end() :]
    the = "the " if re.search(r"\b[Tt]he $", before) else ""
    if (found := DEMONYM.fullmatch(name)) and (found[1] or re.match(r" [a-z]", after)):
        return the + ("people" if found[1] else "adjective")
    if name.isupper() or BODY.search(name):
        return the + ("letters" if name.isupper() else "body")
    if re.search(r"\b(?:[Ii]n|at|near|to|from|of) (?:the )?$", before) and name.count(" ") < 2:
        return the + "place"
    return the + (
        "person" if name.count(" ") == 1 or re.match(r" (?:was|wrote|said|became|had|won)\b", after) else "other"
    )


def names_of(text: str) -> list[tuple[str, str, int, int]]:
    """Names with their sort, start and end; a capital that only opens a sentence is not taken for a name."""
    found = list(NAME.finditer(text))
    inside = {match.start(): bool(re.search(r"[\w,;)'’(] ?$", text[: match.start()])) for match in found}
    known = {match[0].split()[0] for match in found if inside[match.start()]} - set(NO_NAMES)
    known -= {word for word in known if re.search(rf"\b{word.lower()}\b", text)}
    return [(match[0], sort_of(text, match), *match.span()) for match in found if match[0].split()[0] in known]


def stems(name: str) -> set[str]:
    """First letters of the words of a name, its initials, and the words of its known aliases, all in lower case."""
    words = [word.lower() for word in re.findall(r"\w+", name) if word[0].isupper()]
    aliases = {word for group in ALIASES if set(words) & set(group.split()) for word in group.split()}
    return {word[:4] for word in [*words, *aliases, "".join(word[0] for word in words)]}


def beside(source: str, one: str, two: str) -> bool:
    """Whether two names stand so close ("Paris, France", "X, known as Y") that one may hold or mean the other."""
    between, one, two = r"\W+(?:\w+\W+){0,3}", re.escape(one), re.escape(two)
    return re.search(rf"{one}{between}{two}|{two}{between}{one}", source) is not None


def alter_name(
    sentence: str, source: str, chance: random.Random, elsewhere: Sequence[tuple[str, str]]
) -> list[Edit | None]:
    """Another name of the same sort in place of one: of the same source where it has one, else from elsewhere."""
    at, edits, here = source.find(sentence), [], names_of(source)
    inside = [name for name in here if at <= name[2] and name[3] <= at + len(sentence) and at >= 0]
    for name, sort, start, end in chance.sample(inside, min(len(inside), 3)):
        first = name.split()[0]
        for given in (group.split() for group in GIVEN.split("|") if first in group.split() and " " in name):
            edits += [(start - at, start - at + len(first), chance.choice([new for new in given if new not in source]))]
        far = chance.sample(elsewhere, min(len(elsewhere), 300))
        for pool in ([(new, kind) for new, kind, *_ in here], [pair for pair in far if pair[0] not in source]):
            fit = {new for new, kind in pool if kind == sort and new not in sentence and not stems(new) & stems(name)}
            if fit := {new for new in fit if not beside(source, name, new)}:
                edits.append((start - at, end - at, chance.choice(sorted(fit))))
                break
    return [*edits]


def alter_negation(sentence: str, source: str, chance: random.Random) -> Iterable[Edit | None]:
    """A negation put in or taken out, or a word turned into its opposite."""
    if sentence.endswith("?") or re.search(r"\b(?:any|either|unless|any\w+|until|whether|yet|ever)\b", sentence):
        return []
    verbs = {"ca": "can", "wo": "will", "never": "always", "no longer": "still"}
    edits: list[Edit] = []
    for found in REMOVE.finditer(sentence):
        verb = found[1] or found[2] or found[3]
        edits.append((*found.span(), verbs.get(verb, verb)))
    if not edits:
        for found in INSERT.finditer(sentence):
            if not NO_INSERT.search(sentence[: found.start()][-60:]):
                edits += [(*found.span(), "cannot" if found[0] == "can" else f"{found[0]} not")]
    words = [found for found in SWAP.finditer(sentence, 1) if not NO_SWAP.search(sentence[: found.start()])]
    swaps = [(*found.span(), SWAPS[found[0]]) for found in words if SWAPS[found[0]] not in sentence]
    return swaps if swaps and (not edits or chance.random() < 0.5) else edits


def alter(
    sentence: str, source: str, kind: str, chance: random.Random, elsewhere: Sequence[tuple[str, str]] = ()
) -> str | None:
    """A sentence that the source, which holds `sentence`, does not support; None where the rule of this kind does not apply.

    `elsewhere` holds names with their sorts for the kind `name`, for a source that has no second name of the same sort.
    """
    rules = {"number": alter_number, "date": alter_date, "unit": alter_unit, "negation": alter_negation}
    if kind == "name":
        edits = alter_name(sentence, source, chance, elsewhere)
    else:
        edits = list(rules[kind](sentence, source, chance))
    return choose(sentence, source, edits, chance)


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, which joined give it again; breaks after a line, or after a mark followed by a capital."""
    ends = [0]
    for found in re.finditer(r"[.!?][\"”'’)]*(?:\[\d+\])*\s+(?=[\"“'‘(]?[A-Z0-9])|\n+", text):
        word = text[: found.start()].split()[-1:]
        short = word and (
            word[0].lower().lstrip("(") in ABBREVIATIONS or re.fullmatch(r"\W*(?:\w\.)*[A-Za-z]", word[0])
        )
        if found[0][0] != "." or not short:
            ends.append(found.end())
    parts = [text[start:end] for start, end in zip(ends, [*ends[1:], len(text)], strict=True)]
    return [part for part in parts if part]


def tidy(text: str) -> str:
    """Text without the spaces that tokenisers leave before marks, and with single spaces within a line."""
    text = re.sub(r"[^\S\n]+", " ", text.replace("``", '"').replace(" ''", '"'))
    text = re.sub(r" ([.,;:!?)\]%]|'s\b|n't\b)", r"\1", re.sub(r"([(\[$]) ", r"\1", text))
    return re.sub(r"(?<=\w) - (?=\w)", "-", text).replace(" -- ", " – ")


def read_passages(folder: Path) -> list[str]:
    """The texts of a BEIR folder in passages of whole sentences, of at most PASSAGE_CHARS characters unless one sentence is longer."""
    passages = []
    for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        parts = [""]
        for sentence in split_sentences(tidy(json.loads(line)["text"])):
            parts += [""] * (len(parts[-1]) + len(sentence.rstrip()) > PASSAGE_CHARS)
            parts[-1] += sentence
        passages += [part.strip() for part in parts if part.strip()]
    return list(dict.fromkeys(passages))


def usable(sentence: str) -> bool:
    """Whether a sentence is one: 6 to 45 words, opened by a capital, closed by a mark, no code and no glued lines."""
    whole = re.fullmatch(r"[A-Z].*[.!][)\"”]?", sentence) and 6 <= len(sentence.split()) <= 45
    glued = r"[a-z)][.!?][A-Z]|[{}<>|`\\_=*#•]|[a-z]{5}[A-Z][a-z]{3}|\.\.\.|https?:| - [A-Z]|\s\d\.$"
    return bool(whole) and not re.search(glued, sentence) and sentence.count("(") == sentence.count(")")


def make(passages: Sequence[str], altered: int, faithful: int, seed: int) -> list[Case]:
    """Cases in a shuffled order, about as many of each kind as the passages allow, at most two from one passage."""
    chance = random.Random(seed)
    plain = {word for passage in passages for word in re.findall(r"\b[a-z]+\b", passage)}
    found = {(name, sort) for passage in passages for name, sort, *_ in names_of(passage)}
    elsewhere = sorted(pair for pair in found if not set(pair[0].lower().split()) <= plain)
    groups = ((ALTERED, altered), (FAITHFUL, faithful))
    cases: dict[str, Case] = {}
    counts: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for room in (1, 3):  # first an equal share a kind; what a kind cannot fill goes to the others
        quota = {kind: total * room / len(kinds) for kinds, total in groups for kind in kinds}
        for passage in chance.sample(passages, len(passages)):
            sentences = [text for text in map(str.strip, split_sentences(passage)) if usable(text)]
            chance.shuffle(sentences)
            while used[passage] < 2:
                free = [
                    kind for kinds, total in groups for kind in kinds if sum(counts[each] for each in kinds) < total
                ]
                free = sorted(free, key=lambda kind: (counts[kind] / quota[kind], chance.random()))
                tries = [
                    (kind, text)
                    for kind in free
                    if counts[kind] < quota[kind]
                    for text in sentences
                    if text not in cases
                ]
                made = (make_one(passage, text, kind, chance, elsewhere) for kind, text in tries)
                if not (case := next(filter(None, made), None)):
                    break
                cases[case.original] = case
                counts[case.kind] += 1
                used[passage] += 1
    return chance.sample(list(cases.values()), len(cases))


def make_one(
    source: str, sentence: str, kind: str, chance: random.Random, elsewhere: Sequence[tuple[str, str]]
) -> Case | None:
    """One case of this kind from this sentence, or None."""
    if kind in ALTERED:
        new = alter(sentence, source, kind, chance, elsewhere)
    else:
        new = (paraphrase(sentence, source, chance, (kind,)) or (None,))[0]
    return Case(source, new, sentence, kind, kind in ALTERED) if new else None


def main() -> None:
    """Writes the cases as JSON lines and prints their counts by kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, help="the file of JSON lines to write")
    parser.add_argument("--altered", type=int, default=1000, help="altered sentences (1000)")
    parser.add_argument("--faithful", type=int, default=500, help="faithful paraphrases (500)")
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args()
    passages = [passage for folder in given.folders for passage in read_passages(folder)]
    cases = make(passages, given.altered, given.faithful, given.seed)
    given.out.write_text(
        "".join(f"{json.dumps(asdict(case), ensure_ascii=False)}\n" for case in cases), encoding="utf-8"
    )
    counts = Counter(case.kind for case in cases)
    print(f"{len(cases)} cases: " + ", ".join(f"{kind} {counts[kind]}" for kind in ALTERED + FAITHFUL))


if __name__ == "__main__":
    main()
