"""The files that a local page leads to: what a reader could reach by its links without leaving the folder."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

INDEX = "index.html"
LINKS = {"a": "href", "area": "href", "frame": "src", "iframe": "src"}
PAGES = frozenset({".html", ".htm", ".xhtml"})
MAX_PAGE_BYTES = 20_000_000  # of a page whose links are followed; a larger one is read, and its links are not


class _Links(HTMLParser):
    """Collects where the links of a page lead. Python's own parser: pages are not trusted, and this process goes on after them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a link."""
        wanted = LINKS.get(tag)
        self.found.extend(value for name, value in attrs if name == wanted and value)


def crawl(start: Path, root: Path) -> list[Path]:
    """The page and the files below `root` that it leads to, over any number of pages, in the order in which they are met.

    Links to elsewhere, to folders without an index page, out of `root` and to nothing are passed over. Nothing is fetched.
    """
    first = start.resolve()
    met = {first: None}
    waiting = deque([first])
    while waiting:
        page = waiting.popleft()
        for target in _targets(page, root.resolve()):
            if target not in met:
                met[target] = None
                waiting.append(target)
    return list(met)


def _targets(page: Path, root: Path) -> Iterator[Path]:
    if page.suffix.lower() not in PAGES or page.stat().st_size > MAX_PAGE_BYTES:
        return
    links = _Links()
    with contextlib.suppress(
        AssertionError
    ):  # how the parser ends at some broken declarations; what it met before counts
        links.feed(page.read_text(encoding="utf-8", errors="replace"))
    for link in links.found:
        parts = urlsplit(link.strip())
        path = unquote(parts.path)
        if parts.scheme or parts.netloc or not path or "\x00" in path:
            continue
        target = (root / path.lstrip("/") if path.startswith("/") else page.parent / path).resolve()
        target = target / INDEX if target.is_dir() else target
        if target.is_relative_to(root) and target.is_file():
            yield target
