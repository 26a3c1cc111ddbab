"""The grammar of filters, the same on the command line, over HTTP and in evaluation.

    language:de AND (tag:manual OR path:reports/*) AND date>=2024-01-01 AND NOT type:pdf

    filter      = all ("OR" all)*
    all         = one ("AND"? one)*                     two conditions side by side must both hold
    one         = ("NOT" | "-") one | "(" filter ")" | condition
    condition   = NAME (":" | "=" | "!=" | "<" | "<=" | ">" | ">=") VALUE ("," VALUE)*
    VALUE       = word | "quoted words"                 with `*` for any characters after `:`

NAME is id, uri, source (or collection), path, title, type, language, tag, date, group or text, or a name of a document's own metadata (its
front matter). `:` and `=` hold when the field has one of the
values, whatever their case; `<` and its kin compare numbers as numbers and everything else, dates such as 2024-01-31 among them, as text.
`text` is about the passage, every other field about its document: text:"annual leave" holds where these words follow one another,
text:boil* where a word begins so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from citewell.core.errors import InvalidFilter

Operator = Literal[":", "=", "!=", "<", "<=", ">", ">="]
TEXT = "text"
UNORDERED = frozenset({"id", "type", "language", "tag", "group", TEXT})
MAX_CHARS = 4000
MAX_CONDITIONS = 200
MAX_DEPTH = 50
_ORDERS = {"<", "<=", ">", ">="}
_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<word>(?:AND|OR|NOT)\b)|(?P<minus>-(?=[\w(]))"""
    r"""|(?P<name>[^\W\d][\w.-]*)\s*(?P<operator>!=|<=|>=|[:=<>])\s*(?P<values>(?:"[^"]*"|[^\s"(),]+)(?:,(?:"[^"]*"|[^\s"(),]+))*))"""
)
_MARKED = re.compile(
    r"""(?<!\S)(?P<minus>-)?(?:"(?P<phrase>[^"]*\w[^"]*)"|(?P<prefix>\w{2,}\*)|(?<=-)(?P<word>[^\W\d][^\s"]*))(?!\w)"""
)
_VALUE = re.compile(r'"([^"]*)"|([^\s"(),]+)')


@dataclass(frozen=True, slots=True)
class Condition:
    """A field, how it is compared, and the values of which one must fit."""

    name: str
    operator: Operator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class All:
    """Every part must hold."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One part must hold."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part must not hold."""

    part: Filter


Filter = Condition | All | Any | Not


def parse_filter(text: str) -> Filter | None:
    """The filter that `text` says; None for a blank one. Raises InvalidFilter, which points to the place."""
    if not text.strip():
        return None
    if len(text) > MAX_CHARS:
        raise InvalidFilter(f"the filter has {len(text)} characters, more than {MAX_CHARS}")
    return _Parser(text).whole()


class _Parser:
    """Reads from left to right, one function for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._conditions = 0

    def whole(self) -> Filter:
        found = self._any(0)
        if self._text[self._at :].strip():
            raise self._wrong("this is no condition")
        return found

    def _any(self, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            raise self._wrong(f"parentheses are nested more than {MAX_DEPTH} deep")
        parts = [self._all(depth)]
        while self._took("word", "OR"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self._took("word", "AND") or self._is_more():
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Filter:
        negated = False
        while self._took("word", "NOT") or self._took("minus"):
            negated = not negated
        if self._took("open"):
            found = self._any(depth + 1)
            if not self._took("close"):
                raise self._wrong("a parenthesis is not closed")
        else:
            found = self._condition()
        return Not(found) if negated else found

    def _condition(self) -> Condition:
        token = _TOKEN.match(self._text, self._at)
        if token is None or not token["name"]:
            raise self._wrong("a condition such as language:de is expected")
        self._at = token.end()
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise self._wrong(f"there are more than {MAX_CONDITIONS} conditions")
        values = tuple(quoted or plain for quoted, plain in _VALUE.findall(token["values"]))
        operator: Operator = token["operator"]  # type: ignore[assignment]
        if operator in _ORDERS and len(values) > 1:
            raise self._wrong(f"{operator} takes one value")
        name = token["name"].casefold()
        if operator in _ORDERS and name in UNORDERED:
            raise self._wrong(f"{name} has no order: use {name}:{values[0]}")
        return Condition(name, operator, values)

    def _took(self, kind: str, text: str | None = None) -> bool:
        """Whether the next token is of this kind, which is then passed."""
        token = _TOKEN.match(self._text, self._at)
        if token is None or token[kind] is None or (text is not None and token[kind] != text):
            return False
        self._at = token.end()
        return True

    def _is_more(self) -> bool:
        """Whether another condition follows without a word between."""
        token = _TOKEN.match(self._text, self._at)
        return token is not None and token["close"] is None and token["word"] in {None, "NOT"}

    def _wrong(self, what: str) -> InvalidFilter:
        rest = self._text[self._at :].strip()
        return InvalidFilter(
            f"the filter cannot be read: {what}, at {rest[:40]!r}" if rest else f"the filter ends too early: {what}"
        )


def is_about_passages(filter: Filter) -> bool:
    """Whether any condition of the filter is about the text of a passage."""
    match filter:
        case All(parts) | Any(parts):
            return any(map(is_about_passages, parts))
        case Not(part):
            return is_about_passages(part)
        case Condition(name):
            return name == TEXT


def split_box(text: str) -> tuple[str, Filter | None]:
    """What is typed into a search box, as the words to rank by and the filter that its marks mean: "annual leave" in quotation marks must
    stand so, boil* begins a word, and -draft or -"first draft" must not stand there."""
    words: list[str] = []
    parts: list[Filter] = []
    at = 0
    for found in _MARKED.finditer(text):
        words.append(text[at : found.start()])
        at = found.end()
        value = found["phrase"] or found["word"] or found["prefix"]
        condition = Condition(TEXT, ":", (value,))
        parts.append(Not(condition) if found["minus"] else condition)
        if not found["minus"]:
            words.append(value.rstrip("*"))
    words.append(text[at:])
    return " ".join(" ".join(words).split()), conjoin(parts)


def conjoin(filters: Sequence[Filter | None]) -> Filter | None:
    """A filter that holds where all of these do."""
    given = [one for one in filters if one is not None]
    return None if not given else given[0] if len(given) == 1 else All(tuple(given))
