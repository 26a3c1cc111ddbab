"""The words of a text, whether or not its script puts spaces between them."""

from __future__ import annotations

import re

# Scripts that put no spaces between words, or put few: Thai and Lao, Myanmar, Khmer, kana, Han, Hangul.
_SCRIPTS = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
UNSPACED = re.compile(f"[{_SCRIPTS}]")
# Of such a script two letters are about a word; of the others, what stands between spaces.
_WORD = re.compile(rf"[{_SCRIPTS}]{{1,2}}|[^\s{_SCRIPTS}]+")
_LETTER = re.compile(r"\w")
_RUN = re.compile(rf"[{_SCRIPTS}]+|[^\W{_SCRIPTS}]{{2,}}")
STEM = 6  # letters by which words count as the same: enough for most endings


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text stand, with the punctuation that is written to them."""
    found: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        if found and found[-1][1] == match.start() and not _LETTER.search(match[0]):
            found[-1] = found[-1][0], match.end()
        else:
            found.append(match.span())
    return found


def count_words(text: str) -> int:
    """How many words a text has."""
    return len(word_spans(text))


def stems(text: str) -> set[str]:
    """What a text shares with others that speak of the same: its words cut to STEM letters, and of scripts without spaces each pair of letters."""
    found: set[str] = set()
    for run in _RUN.findall(text.casefold()):
        if UNSPACED.match(run):
            found.update(run[at : at + 2] for at in range(max(1, len(run) - 1)))
        else:
            found.add(run[:STEM])
    return found
