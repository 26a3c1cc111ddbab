"""Text of documents on its way into a prompt, and what of it may come out: the first line against instructions hidden in documents.

Nothing here decides what a model obeys. It takes from a passage what is no text (control and invisible characters), what poses as the
prompt's own structure (roles, turns, tools, markers), and from an answer what nobody wrote down where it points (links, secrets).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Invisible, and yet part of words in some scripts: kept beside letters that are not Latin.
_JOINERS = frozenset("\u200c\u200d")
_KEPT = frozenset("\n\t")
# What chat templates and tool protocols are made of. Only the look of it is broken; a reader still sees what stood there.
_NAMES = (
    r"(?:start|end)_of_turn|tool_?(?:call|response|result|use)s?|function_?(?:call|result)s?|system|assistant|user|instructions?|passages?|question|think(?:ing)?"
    r"|s|inst|bos|eos|sop|eop|pad"
)
_LINES = re.compile("[\u2028\u2029\u0085\v\f]")  # breaks of lines that are none to a pattern
_STRUCTURE = [
    (re.compile(r"[<＜]\s{0,3}[|｜]([^|｜<>]{0,80})[|｜]\s{0,3}[>＞]"), r"‹\1›"),
    # Broken where it begins, since it may end wherever it likes, or not at all.
    (re.compile(rf"[<＜](\s{{0,3}}/?\s{{0,3}}(?:{_NAMES})\b)", re.I), r"‹\1"),
    (re.compile(r"[\[［](\s{0,3}/?\s{0,3}(?:INST|SYS|SYSTEM|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|THINK|PREFIX|SUFFIX|MIDDLE))[\]］]", re.I), r"(\1)"),
    (re.compile(r"<<(\s{0,3}/?\s{0,3}(?:SYS|SYSTEM))>>", re.I), r"‹\1›"),
    (re.compile(r"^([ \t>*#_-]{0,8})(system|assistant|user|human|developer|tool|function)([*_]{0,2})[ \t]*[:：]", re.I | re.M), r"\1(\2)\3 -"),
    (re.compile(r"^[ \t]*#{2,}[ \t]*((?:new |updated |end of )?(?:system|instructions?|prompt|response|input|output)s?)\b", re.I | re.M), r"(\1)"),
    (re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]"), r"(\1)"),  # as the prompt's own markers look
]  # fmt: skip
_LINK = re.compile(r"(?:https?|ftp)://[^\s<>\"')\]]+|\bwww\.[^\s<>\"')\]]+|\b[\w.+-]+@[\w-]+\.[\w.-]+\b|!\[[^\]]*\]\([^)]*\)|\]\([^)]+\)", re.I)  # fmt: skip
# Shapes of keys and tokens: known prefixes, and long runs of letters and digits mixed as no word is.
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|ghs|xox[abpors]|glpat|hf|AKIA|ASIA|AIza|eyJ)[-_]?[A-Za-z0-9_-]{12,}\b"
    r"|\b(?=[A-Za-z0-9_+/-]*\d)(?=[A-Za-z0-9_+/-]*[A-Z])(?=[A-Za-z0-9_+/-]*[a-z])[A-Za-z0-9_+/-]{20,}\b|-----BEGIN [A-Z ]+-----"
)


def readable(text: str) -> str:
    """The text without control and invisible characters, and with no half of a sign."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "".join(char for at, char in enumerate(whole) if _is_text(char, whole, at))


def neutral(text: str) -> str:
    """The text without control and invisible characters, and with nothing that looks like the structure of a prompt."""
    cleaned = readable(_LINES.sub("\n", text))
    for pattern, said in _STRUCTURE:
        cleaned = pattern.sub(said, cleaned)
    return cleaned


def _is_text(char: str, text: str, at: int) -> bool:
    if char in _KEPT:
        return True
    category = unicodedata.category(char)
    if category == "Cf" and char in _JOINERS:
        before = text[at - 1] if at else ""
        return before.isalpha() and not unicodedata.name(before, "").startswith("LATIN")
    # Variation selectors and the tag characters hide whole messages in what looks like one sign.
    return category not in {"Cc", "Cf", "Co", "Cs", "Cn"} and not (0xE0100 <= ord(char) <= 0xE01EF)


def masked(text: str) -> str:
    """A text in one line without control characters, and without what looks like a key."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return _SECRET.sub("…", " ".join(plain.split()))


def unfounded(sentence: str, quotes: Sequence[str]) -> tuple[str, ...]:
    """Codes of what a sentence carries that stands in none of the texts it cites: `link_not_cited`, `secret_not_cited`."""
    cited = " ".join(quotes)
    found = {
        "link_not_cited": any(match[0].rstrip(".,;:") not in cited for match in _LINK.finditer(sentence)),
        "secret_not_cited": any(match[0] not in cited for match in _SECRET.finditer(sentence)),
    }
    return tuple(code for code, holds in found.items() if holds)
