"""Equations of office formats (OMML) as one line of text: `(a+b)/c`, `x^2`, `√(n)`."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from citewell.ingest.parsers.office.packages import attribute, child, short

_SILENT = frozenset(["m:rPr", "w:rPr", "m:ctrlPr", "m:argPr", "w:del", "w:moveFrom"])
_INVISIBLE = re.compile("[\u2061-\u2064]")  # signs for "applied to" and "times", which no font draws
_INTEGRAL = "\u222b"  # what m:nary shows without m:chr (ECMA-376, part 1, 22.1.2.20)


def linear(element: etree._Element) -> str:
    """The text of an equation, or of a part of one."""
    name = short(element)
    if name in _SILENT or (name.startswith("m:") and name.endswith("Pr")):
        return ""
    if name in {"m:t", "w:t"}:
        return _INVISIBLE.sub(" ", element.text or "")
    shape = _SHAPES.get(name)
    return shape(element) if shape else "".join(linear(part) for part in element)


def _part(element: etree._Element, name: str) -> str:
    found = child(element, name)
    return linear(found) if found is not None else ""


def _bound(text: str) -> str:
    """In parentheses, unless it is one sign, number or word."""
    return text if len(text) < 2 or text.isalnum() else f"({text})"


def _sign(element: etree._Element, properties: str, name: str, default: str) -> str:
    found = child(element, properties, name)
    return attribute(found, "val") if found is not None else default


def _fraction(element: etree._Element) -> str:
    return f"{_bound(_part(element, 'm:num'))}/{_bound(_part(element, 'm:den'))}"


def _raised(element: etree._Element) -> str:
    below, above = _part(element, "m:sub"), _part(element, "m:sup")
    return _part(element, "m:e") + (f"_{_bound(below)}" if below else "") + (f"^{_bound(above)}" if above else "")


def _before(element: etree._Element) -> str:
    return f"_{_bound(_part(element, 'm:sub'))}^{_bound(_part(element, 'm:sup'))}{_part(element, 'm:e')}"


def _root(element: etree._Element) -> str:
    return f"{_part(element, 'm:deg')}√({_part(element, 'm:e')})"


def _operator(element: etree._Element) -> str:
    sign = _sign(element, "m:naryPr", "m:chr", _INTEGRAL)
    below, above = _part(element, "m:sub"), _part(element, "m:sup")
    return f"{sign}{f'_{_bound(below)}' if below else ''}{f'^{_bound(above)}' if above else ''} {_part(element, 'm:e')}"


def _fenced(element: etree._Element) -> str:
    between = _sign(element, "m:dPr", "m:sepChr", "|")
    inner = between.join(linear(part) for part in element if short(part) == "m:e")
    return f"{_sign(element, 'm:dPr', 'm:begChr', '(')}{inner}{_sign(element, 'm:dPr', 'm:endChr', ')')}"


def _function(element: etree._Element) -> str:
    inner = _part(element, "m:e")
    return f"{_part(element, 'm:fName')}{inner if inner.startswith('(') else f' {inner}'}"


def _limit(element: etree._Element) -> str:
    return f"{_part(element, 'm:e')}_{_bound(_part(element, 'm:lim'))}"


def _matrix(element: etree._Element) -> str:
    rows = (", ".join(linear(part) for part in line) for line in element if short(line) == "m:mr")
    return "; ".join(rows)


def _lines(element: etree._Element) -> str:
    return "; ".join(linear(part) for part in element if short(part) == "m:e")


def _paragraph(element: etree._Element) -> str:
    return "; ".join(linear(part) for part in element if short(part) == "m:oMath")


_SHAPES: dict[str, Callable[[etree._Element], str]] = {
    "m:f": _fraction,
    "m:sSup": _raised,
    "m:sSub": _raised,
    "m:sSubSup": _raised,
    "m:sPre": _before,
    "m:rad": _root,
    "m:nary": _operator,
    "m:d": _fenced,
    "m:func": _function,
    "m:limLow": _limit,
    "m:limUpp": _limit,
    "m:m": _matrix,
    "m:eqArr": _lines,
    "m:oMathPara": _paragraph,
}
