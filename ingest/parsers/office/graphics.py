"""What charts and diagrams of office formats say: titles, categories and values as a table, the texts of a diagram as a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from citewell.ingest.parsed import RawBlock, row
from citewell.ingest.parsers.office.packages import Package, attribute, below, child, number, short

MAX_POINTS = 10_000  # of a series; charts with more are pictures of data that lies elsewhere


def graphic_blocks(package: Package, part: str, warnings: list[str], *, page: int | None = None) -> list[RawBlock]:
    """Blocks of the chart or diagram that is `part`; nothing when it is missing or damaged, which `warnings` then tell."""
    root = package.optional(part, warnings)
    if root is None:
        return []
    made = _chart(root) if short(root) == "c:chartSpace" else _diagram(root)
    return [RawBlock(block.kind, block.text, page=page) for block in made]


def chart_titles(root: etree._Element) -> list[str]:
    """The title of a chart and those of its axes."""
    plot = child(root, "c:chart", "c:plotArea")
    axes = [axis for axis in plot if short(axis).endswith("Ax")] if plot is not None else []
    titles = [child(root, "c:chart", "c:title"), *(child(axis, "c:title") for axis in axes)]
    texts = (" ".join("".join(t.text or "" for t in below(title, "a:t")).split()) for title in titles)
    return [text for text in texts if text]


def _chart(root: etree._Element) -> Iterator[RawBlock]:
    yield from (RawBlock("paragraph", title) for title in chart_titles(root))
    plot = child(root, "c:chart", "c:plotArea")
    series = list(below(plot, "c:ser"))
    names = [", ".join(_points(child(one, "c:tx")).values()) for one in series]
    categories: dict[int, str] = {}
    for one in series:
        categories = categories or _points(child(one, "c:cat")) or _points(child(one, "c:xVal"))
    values = [_points(child(one, "c:val")) or _points(child(one, "c:yVal")) for one in series]
    rows = sorted({at for one in [categories, *values] for at in one})
    if rows and any(name.strip() for name in names):
        yield RawBlock("table_header", row(["", *names]))
    for at in rows:
        yield RawBlock("table_row", row([categories.get(at, ""), *(one.get(at, "") for one in values)]))


def _points(element: etree._Element | None) -> dict[int, str]:
    """The points that are stored with a chart; levels of categories joined, the outer first."""
    made: dict[int, str] = {}
    if element is None:
        return made
    literal = child(element, "c:v")
    if literal is not None:
        return {0: literal.text or ""}
    for point in below(element, "c:pt"):
        at = number(attribute(point, "idx"))
        told = _figure(" ".join((v.text or "") for v in point if short(v) == "c:v"))
        made[at] = f"{told}, {made[at]}" if at in made else told
        if len(made) >= MAX_POINTS:
            break
    return made


def _figure(text: str) -> str:
    """A number as charts show it, without the noise of its binary form."""
    try:
        return f"{float(text):.12g}" if "." in text and len(text) > 12 else text
    except ValueError:
        return text


def _diagram(root: etree._Element) -> Iterator[RawBlock]:
    for body in below(root, "dgm:t"):
        for text in _paragraphs(body):
            yield RawBlock("list_item", text)


def _paragraphs(body: etree._Element) -> Iterable[str]:
    for paragraph in below(body, "a:p"):
        text = "".join(t.text or "" for t in below(paragraph, "a:t"))
        if text.strip():
            yield text
