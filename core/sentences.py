"""Where sentences begin and end, as exact spans.

A rule-based splitter: a sentence ends at a line break, or after closing punctuation that is followed by a space and the
start of another sentence (a capital, a digit, or a letter of a script that has no capitals), unless the word before the
full stop is an abbreviation, an initial or an ordinal. Chinese, Japanese and Indic full stops need no space.
"""

from __future__ import annotations

import re

Span = tuple[int, int]

# Marks that end a sentence where a space follows (Latin, Arabic), and those that need none (Chinese, Japanese, Indic, Armenian, Ethiopic).
_BEFORE_SPACE, _ALWAYS = ".!?…؟۔", "。！？।॥։።"
ENDS = _BEFORE_SPACE + _ALWAYS
# The look-behind lets only the first mark of a run begin a match: else a long run of dots takes quadratic time.
_END = re.compile(rf"(?<![{_BEFORE_SPACE}])[{_BEFORE_SPACE}]++[\"'”’»)\]]*+(?=\s)|[{_ALWAYS}]+[」』”’）】》]*|\n+")
_BEFORE_OPENING = re.compile(r"[\"'“‘„«(\[¿¡「『]*")
_HEBREW, _LAST_ARABIC = "\u05d0", "\u06ff"  # scripts whose single letters before a full stop are initials and titles
# English and German; the full stop after them does not end a sentence.
_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "no",
        "nos",
        "vs",
        "fig",
        "figs",
        "eq",
        "eqs",
        "sec",
        "ch",
        "vol",
        "pp",
        "approx",
        "dept",
        "est",
        "inc",
        "ltd",
        "co",
        "corp",
        "e.g",
        "i.e",
        "cf",
        "al",
        "etc",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "u.s",
        "u.k",
        "a.m",
        "p.m",
        "ph.d",
        "bzw",
        "ca",
        "z.b",
        "d.h",
        "u.a",
        "usw",
        "nr",
        "abs",
        "art",
        "str",
        "tel",
        "evtl",
        "ggf",
        "inkl",
        "max",
        "min",
        "std",
        "mio",
        "s",
        "o.ä",
        "v.a",
        "zzgl",
        "dipl",
        "ing",
    ]
)
# May stand at the end of a sentence all the same, when the next word begins like one.
_CAN_END = frozenset(["etc", "usw", "inc", "ltd", "co", "corp", "a.m", "p.m", "u.s", "u.k", "al"])


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """The spans of the sentences of `text[start:end]`, trimmed of white space, in order and without overlap.

    Together they cover every character that is not white space.
    """
    stop = len(text) if end is None else end
    spans: list[Span] = []
    begin = start
    for match in _END.finditer(text, start, stop):
        if match.end() > begin and _ends_sentence(text, begin, match, stop):
            _append_trimmed(spans, text, begin, match.end())
            begin = match.end()
    _append_trimmed(spans, text, begin, stop)
    return spans


def _ends_sentence(text: str, begin: int, match: re.Match[str], stop: int) -> bool:
    mark = match.group()
    if mark[0] == "\n" or mark[0] in _ALWAYS:
        return True
    if match.end() >= stop:
        return True
    following = re.compile(r"\s*").match(text, match.end(), stop)
    after = following.end() if following else match.end()
    if after >= stop or "\n" in text[match.end() : after]:
        return True
    if not _opens(text, after, stop):
        return False
    if mark[0] != ".":
        return True
    word = _word_before(text, begin, match.start())
    if word.casefold() in _ABBREVIATIONS:
        return word.casefold() in _CAN_END and text[after].isupper()
    opens_sentence = not text[begin : match.start() - len(word)].strip()
    is_initial = len(word) == 1 and (word.isupper() or _HEBREW <= word <= _LAST_ARABIC)
    is_ordinal = word.isdigit() and len(word) <= 2 and not opens_sentence and _ordinal_follows(text, after)
    is_list_number = word.isdigit() and opens_sentence
    return not (is_initial or is_ordinal or is_list_number)


def _opens(text: str, at: int, stop: int) -> bool:
    """Whether a sentence may begin here, perhaps with a quotation mark."""
    quotes = _BEFORE_OPENING.match(text, at, stop)
    first = text[quotes.end() : min(quotes.end() + 1, stop)] if quotes else ""
    return first.isdigit() or (first.isalpha() and not first.islower())


def _ordinal_follows(text: str, after: int) -> bool:
    """In German, a number with a full stop before a month or noun is an ordinal: `1. März`."""
    months = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
    word = re.compile(r"\w+").match(text, after)
    return bool(word and word.group() in months.split())


def _word_before(text: str, begin: int, end: int) -> str:
    at = end
    while at > begin and not text[at - 1].isspace() and text[at - 1] not in "([{\"'“„":
        at -= 1
    return text[at:end]


def _append_trimmed(spans: list[Span], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))


def is_question(sentence: str) -> bool:
    """Whether a sentence asks; one that quotes a question does not."""
    return sentence.rstrip(" *_)").endswith(("?", "？", "؟"))
