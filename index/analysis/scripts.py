"""Text to words, script by script: where words are not separated, to overlapping pairs of characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import regex

Kind = Literal["word", "pair", "single"]
_PAIRED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー"
_CLUSTERED = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER = rf"[[\w\p{{M}}[\p{{Cf}}--\u200c]]--[{_PAIRED}{_CLUSTERED}]]"  # the zero-width non-joiner separates, what else cannot be seen does not
_TOKEN = regex.compile(
    rf"(?V1)(?P<pairs>[{_PAIRED}]+)|(?P<clusters>[{_CLUSTERED}]+)|(?P<word>{_LETTER}+(?:['’]{_LETTER}+)*)"
)
_ASCII_WORD = re.compile(r"\w+(?:'\w+)*", re.ASCII)
_CLUSTER = regex.compile(r"\X")
# Letters and digits joined by what joins names: versions, paths, addresses. Words that are merely hyphenated are found by their parts.
_JOINED = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}])[\p{L}\p{M}\p{N}]++(?:[-_./\\@:+#&~][\p{L}\p{M}\p{N}]++)+|\b\p{L}{1,2}(?:\+\+|#)"
)
_ASCII_JOINED = re.compile(r"(?<![a-z0-9])[a-z0-9]++(?:[-_./\\@:+#&~][a-z0-9]++)+|\b[a-z]{1,2}(?:\+\+|#)")
_HYPHENATED = regex.compile(r"[\p{L}\p{M}]+(?:[-'][\p{L}\p{M}]+)+")
_HUMP = regex.compile(r"(?<=\p{Ll})(?=\p{Lu}\p{Ll})")
_INVISIBLE = regex.compile(r"[\p{Cf}--\u200c]", flags=regex.V1)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a pair of characters of a script without spaces, or a single one; with its place in the text it was cut from."""

    text: str
    start: int
    end: int
    kind: Kind


def folded(text: str) -> str:
    """NFKC, case folded, without invisible characters."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()


def tokens(text: str) -> Iterator[Token]:
    """The words of `text` as they stand there; of scripts without spaces each pair of neighbours, and each single character."""
    for found in _TOKEN.finditer(text):
        if found.lastgroup == "word":
            yield Token(found.group(), found.start(), found.end(), "word")
            continue
        start = found.start()
        if found.lastgroup == "pairs":
            bounds = [(start + i, start + i + 1) for i in range(len(found.group()))]
        else:
            bounds = [(start + c.start(), start + c.end()) for c in _CLUSTER.finditer(found.group())]
        for number, (at, end) in enumerate(bounds):
            yield Token(text[at:end], at, end, "single")
            if number + 1 < len(bounds):
                after = bounds[number + 1][1]
                yield Token(text[at:after], at, after, "pair")


def ascii_words(text: str) -> list[str]:
    """The words of a text of ASCII characters: what `tokens` gives for it, faster."""
    return _ASCII_WORD.findall(text)


def joined(text: str) -> list[str]:
    """Names of several parts in a folded text, whole: `sars-cov-2`, `2.13.0`, `ann@example.org`, `etc/fstab`, `c++`."""
    names = (_ASCII_JOINED if text.isascii() else _JOINED).finditer(text)
    return [found.group() for found in names if not _HYPHENATED.fullmatch(found.group())]


def humps(word: str) -> list[str]:
    """The parts of `maxForwards` or `max_forwards`; empty for a word of one part."""
    parts = [part for piece in word.split("_") for part in _HUMP.split(piece) if part]
    return parts if len(parts) > 1 and all(len(part) > 1 for part in parts) else []
