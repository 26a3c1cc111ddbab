"""Where a parser that takes long for a good reason, such as reading pictures page by page, says that it goes on."""

from __future__ import annotations

from collections.abc import Callable

_listeners: list[Callable[[], None]] = []


def listen(listener: Callable[[], None]) -> None:
    """Has `listener` called whenever a parser of this process goes on with a part of its file."""
    _listeners.append(listener)


def go_on() -> None:
    """Says that a part of the file is done and the next one begins."""
    for listener in _listeners:
        listener()
