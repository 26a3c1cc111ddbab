"""The grammar of filters: what is written is what is meant, and what cannot be read is told with its place."""

from __future__ import annotations

import pytest

from citewell.core.errors import InvalidFilter
from citewell.core.filters import MAX_CHARS, MAX_DEPTH, All, Any, Condition, Not, parse_filter


def test_conditions_join_by_and_before_or() -> None:
    a, b, c = (Condition(name, ":", ("1",)) for name in "abc")
    assert parse_filter("a:1 OR b:1 AND c:1") == Any((a, All((b, c))))
    assert parse_filter("(a:1 OR b:1) c:1") == All((Any((a, b)), c))
    assert parse_filter("a:1 -b:1") == parse_filter("a:1 AND NOT b:1") == All((a, Not(b)))
    assert parse_filter("NOT NOT a:1") == a


def test_values_are_words_quotations_and_lists() -> None:
    assert parse_filter('title:"annual leave, new",x*') == Condition("title", ":", ("annual leave, new", "x*"))
    assert parse_filter("Date>=2024-01-31") == Condition("date", ">=", ("2024-01-31",))
    assert parse_filter("link:https://example.org/a") == Condition("link", ":", ("https://example.org/a",))
    assert parse_filter("GRÖSSE!=5") == parse_filter("größe!=5") == Condition("grösse", "!=", ("5",))


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_nothing_is_no_filter(blank: str) -> None:
    assert parse_filter(blank) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a b", "'a b'"),
        ("a:1 OR", "ends too early"),
        ("(a:1", "not closed"),
        ("a:1)", "')'"),
        ("a<1,2", "one value"),
        ("tag<x", "no order"),
        ('a:"open', "a:"),
        ("AND a:1", "AND"),
        ("a:1'; DROP TABLE documents; --", "DROP"),
        ("(" * (MAX_DEPTH + 2) + "a:1" + ")" * (MAX_DEPTH + 2), "nested"),
        ("a:1 " * 300, "conditions"),
        ("a:" + "x" * MAX_CHARS, "characters"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, place: str) -> None:
    with pytest.raises(InvalidFilter) as raised:
        parse_filter(text)
    assert place in raised.value.message
    assert "language:de" in raised.value.hint
