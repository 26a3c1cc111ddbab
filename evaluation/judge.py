"""A judge of answers that somebody plugs in, and how far it agrees with the labels; never the default.

A judge is a function `judge(question, answer, quotes, accepted) -> bool` in an importable module, named as `module:function`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from citewell.core.errors import DatasetInvalid

Judge = Callable[[str, str, Sequence[str], Sequence[str]], bool]
_HINT = "Name a function judge(question, answer, quotes, accepted) -> bool as module:function, in a module that Python can import."


def load_judge(name: str) -> Judge:
    """The function that `module:function` names. Raises DatasetInvalid."""
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise DatasetInvalid(f"{name!r} names no judge", hint=_HINT)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever the module does when it is imported
        raise DatasetInvalid(f"the judge {name} cannot be loaded: {error}", hint=_HINT) from None
    if not callable(found):
        raise DatasetInvalid(f"the judge {name} is no function", hint=_HINT)
    judge: Judge = found
    return judge
