"""Filters in SQL against a plain evaluation of each document, over random filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from citewell.core.filters import UNORDERED, All, Any, Condition, Filter, Not, parse_filter
from citewell.core.types import Document
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

DOCUMENTS = {
    "hr/leave.md": "---\ntags: [policy, HR]\nyear: 2023\nauthor: Ann Bohm\nlang: en\n---\n# Leave\n\nLeave is 28 days.",
    "hr/leave-de.md": "---\ntags: policy\nyear: 2024\nlang: de-AT\nstatus: 'O''Neill'\n---\n# Urlaub\n\nUrlaub sind 28 Tage.",
    "ops/pump.md": "---\nyear: 9\nAuthor: ann bohm\ndate: 2024-03-01\n---\n# Pump [P200]\n\nThe pump stops?",
    "ops/valve.txt": "Valve\n\nThe valve opens.",
    "notes.txt": "Notes\n\nNothing here.",
}
VALUES = ("policy", "hr", "2023", "2024", "10", "ann bohm", "de", "de-at", "en", "*bohm", "ops/*", "*", "hr*", "md", "txt", "o'neill", "pump [p200]",
          "2024-03-01", "it", "", "text/markdown", "hr/leave.md", "?", "urlaub")  # fmt: skip
NAMES = (
    "tag",
    "year",
    "author",
    "language",
    "path",
    "type",
    "title",
    "group",
    "date",
    "status",
    "nowhere",
    "collection",
    "id",
)
OPERATORS = (":", "=", "!=", "<", "<=", ">", ">=")

conditions = st.builds(
    lambda name, operator, values: Condition(name, operator, tuple(values[:1] if operator[0] in "<>" else values)),
    st.sampled_from(NAMES),
    st.sampled_from(OPERATORS),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=3),
).filter(lambda c: c.operator[0] not in "<>" or c.name not in UNORDERED)
filters: st.SearchStrategy[Filter] = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Any(tuple(parts))),
        conditions.map(Not),
    ),
    max_leaves=6,
)


def written(found: Filter) -> str:
    match found:
        case All(parts):
            return "(" + " AND ".join(map(written, parts)) + ")"
        case Any(parts):
            return "(" + " OR ".join(map(written, parts)) + ")"
        case Not(part):
            return f"NOT {written(part)}"
        case Condition(name, operator, values):
            return f"{name}{operator}" + ",".join(f'"{value}"' for value in values)


def values_of(document: Document, name: str) -> list[str]:
    """The values of a field, in lower case."""
    metadata = {key.lower(): value.lower() for key, value in document.metadata.items()}
    source, _, path = document.uri.partition("/")
    known = {
        "path": [path], "title": [document.title], "id": [document.doc_id], "collection": [source], "group": list(document.acl),
        "tag": [tag.strip() for tag in metadata.get("tags", "").split(",") if tag.strip()],
        "language": [document.language, document.language.partition("-")[0]],
        "type": [document.media_type, {"text/markdown": "md", "text/plain": "txt"}[document.media_type]],
    }  # fmt: skip
    found = known.get(name, [metadata[name]] if name in metadata else [])
    return [value.lower() if name != "group" else value for value in found]


def fits(document: Document, found: Filter) -> bool:
    match found:
        case All(parts):
            return all(fits(document, part) for part in parts)
        case Any(parts):
            return any(fits(document, part) for part in parts)
        case Not(part):
            return not fits(document, part)
        case Condition(name, operator, values):
            return compares(values_of(document, name), operator, [v.lower() for v in values], wild=name != "group")


def compares(has: list[str], operator: str, values: list[str], *, wild: bool) -> bool:
    if operator in {":", "=", "!="}:
        globbed = operator == ":" and wild
        found = any(fnmatchcase(one, _literal(v)) if globbed and "*" in v else one == v for one in has for v in values)
        return found != (operator == "!=")
    return any(_ordered(one, operator, values[0]) for one in has)


def _literal(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("?", "[?]")


def _ordered(one: str, operator: str, other: str) -> bool:
    left: float | str = one
    right: float | str = other
    try:
        right = float(other)
        left = float(one)
    except ValueError:
        if not isinstance(right, str):
            return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]  # type: ignore[operator]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, make_engine: Callable[..., Engine]) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("filters") / "papers"
    for name, text in DOCUMENTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    engine = make_engine(folder.parent / "index")
    ingest_paths(engine, [folder])
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        for summary in engine.catalog.summaries():
            if "leave" in summary.uri:
                writer.set_groups(summary.doc_id, ["hr", "it"])
    yield engine
    engine.close()


@settings(max_examples=400, deadline=None)
@given(found=filters, groups=st.sampled_from([None, frozenset({"hr"}), frozenset({"none"})]))
@example(found=Condition("language", "=", ("*",)), groups=None)
def test_sql_says_what_the_filter_means(stored: Engine, found: Filter, groups: frozenset[str] | None) -> None:
    documents = [stored.catalog.document(summary.doc_id) for summary in stored.catalog.summaries()]
    expected = {d.doc_id for d in documents if fits(d, found) and (groups is None or groups & set(d.acl))}
    shown = {f"{number:016x}" for number in stored.catalog.documents_shown(groups, found).tolist()}
    assert shown == expected


@given(filters)
def test_what_is_written_is_read_back(found: Filter) -> None:
    read = parse_filter(written(found))
    assert read is not None
    assert written(read) == written(found)
