"""The error tree is complete: drawn, coded, hinted."""

from __future__ import annotations

import inspect
import re

from citewell.core import errors


def all_errors() -> list[type[errors.CitewellError]]:
    return [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.CitewellError)]


def test_the_tree_in_the_docstring_names_every_error_with_its_code() -> None:
    drawn = dict(re.findall(r"[─ ]+ (\w+)\s+([\w.]+\.[\w.]+)", errors.__doc__ or ""))
    expected = {c.__name__: c.code for c in all_errors() if c is not errors.CitewellError}
    assert drawn == expected


def test_codes_are_distinct_and_every_error_has_its_own_hint() -> None:
    classes = all_errors()
    assert len({c.code for c in classes}) == len(classes)
    for c in classes:
        assert c("message").hint.endswith((".", ":", "'", "2"))


def test_a_hint_given_replaces_the_default() -> None:
    assert errors.InvalidQuery("m", hint="Do this.").hint == "Do this."
