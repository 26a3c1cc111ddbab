"""Other wordings of a question, made by rule and seeded: typing errors, word order, case, key words alone, synonyms."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from citewell.core.errors import DatasetInvalid
from citewell.core.resources import package_path
from citewell.index.analysis import is_stop_word

KINDS = ("typos", "order", "lower", "upper", "keywords", "synonyms")
WORDS_A_TYPO = 5
MIN_TYPO_LETTERS = 4
_TOKEN = re.compile(r"\w+|\W+")

Synonyms = Mapping[str, str]  # a word in lower case to another that says the same


def paraphrase(kind: str, text: str, query_id: str, synonyms: Synonyms | None = None) -> str:
    """The question in another wording of one of KINDS, the same each time; unchanged where the kind finds nothing to change."""
    chance = random.Random(f"{kind}\0{query_id}\0{text}")  # noqa: S311 (repeatable, not secret)
    if kind == "synonyms":
        return _synonyms(text, bundled_synonyms() if synonyms is None else synonyms)
    return _MAKE[kind](text, chance)


def _typos(text: str, chance: random.Random) -> str:
    """One word in five loses, doubles or swaps a letter inside it."""
    tokens = _TOKEN.findall(text)
    long = [i for i, token in enumerate(tokens) if token.isalpha() and len(token) >= MIN_TYPO_LETTERS]
    for at in chance.sample(long, min(len(long), max(1, len(tokens) // 2 // WORDS_A_TYPO))):
        word = tokens[at]
        letter = chance.randrange(1, len(word) - 2)
        swapped = word[:letter] + word[letter + 1] + word[letter] + word[letter + 2 :]
        doubled = word[: letter + 1] + word[letter:]
        dropped = word[:letter] + word[letter + 1 :]
        tokens[at] = chance.choice([w for w in (swapped, doubled, dropped) if w != word])
    return "".join(tokens)


def _order(text: str, chance: random.Random) -> str:
    words = text.rstrip("?.! ").split()
    chance.shuffle(words)
    return " ".join(words)


def _keywords(text: str, chance: random.Random) -> str:
    del chance
    kept = [token for token in re.findall(r"[\w'’/.@-]+", text) if not is_stop_word(token.casefold().strip("."), "en")]
    return " ".join(kept) or text


def _synonyms(text: str, synonyms: Synonyms) -> str:
    """Every word of the list replaced, a capital first letter kept."""
    tokens = _TOKEN.findall(text)
    for at, token in enumerate(tokens):
        other = synonyms.get(token.casefold())
        if other:
            tokens[at] = other.capitalize() if token[0].isupper() else other
    return "".join(tokens)


_MAKE: dict[str, Callable[[str, random.Random], str]] = {
    "typos": _typos,
    "order": _order,
    "lower": lambda text, _: text.lower(),
    "upper": lambda text, _: text.upper(),
    "keywords": _keywords,
}


@cache
def bundled_synonyms() -> Synonyms:
    """The list of this project: groups of English words of office and technical text that say the same, one group a line."""
    return read_synonyms(package_path("evaluation", "topics", "synonyms.txt"))


def read_synonyms(path: Path) -> Synonyms:
    """Synonyms from a file of groups, one a line, or from a folder with WordNet's database (`index.noun`, `data.noun`, …).

    A word is replaced by the next of its group, in WordNet by another of its most frequent sense. Raises DatasetInvalid.
    """
    if path.is_dir():
        return _wordnet(path)
    if not path.is_file():
        raise DatasetInvalid(
            f"{path} does not exist", hint="Name a file of word groups, or the folder of WordNet's database."
        )
    groups = [
        line.split()
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return {
        word.casefold(): group[(at + 1) % len(group)]
        for group in groups
        for at, word in enumerate(group)
        if len(group) > 1
    }


def _wordnet(folder: Path) -> Synonyms:
    """The first other single word of each word's first synset, nouns before verbs before the others (wndb(5WN))."""
    synonyms: dict[str, str] = {}
    for part in ("noun", "verb", "adj", "adv"):
        index, data = folder / f"index.{part}", folder / f"data.{part}"
        if not (index.is_file() and data.is_file()):
            raise DatasetInvalid(
                f"{folder} lacks index.{part} or data.{part}", hint="Name the folder of WordNet's database."
            )
        synsets = {
            line.split()[0]: _members(line) for line in data.read_text(encoding="utf-8").splitlines() if line[:1] != " "
        }
        for line in index.read_text(encoding="utf-8").splitlines():
            if line[:1] == " ":
                continue
            fields = line.split()
            first_sense = fields[-int(fields[2])]
            others = [w for w in synsets.get(first_sense, []) if w.casefold() != fields[0] and w.isalpha()]
            if others:
                synonyms.setdefault(fields[0], others[0])
    return synonyms


def _members(line: str) -> list[str]:
    fields = line.split()
    return [fields[4 + 2 * i] for i in range(int(fields[3], 16))]
