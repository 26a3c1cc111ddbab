"""Quotation marks, beginnings and minus in the search box; conditions on a passage's text in filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from citewell.core.filters import Condition, Not, split_box
from citewell.core.settings import load_settings
from citewell.pipeline.ask import search
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

TEXTS = {
    "a.md": "# Leave\n\nThe annual leave of the managers is carried over.",
    "b.md": "# Leave\n\nAnnual reports leave out the draft figures of management.",
    "c.md": "# 休暇\n\n東京都の年次休暇は二十八日です。京都の休暇は別です。",
    "d.md": "# Urlaub\n\nDie Häuser der Angestellten stehen in München und werden im Urlaub vermietet.",
}


@pytest.fixture(params=["tantivy", "rank_bm25"])
def box(request: pytest.FixtureRequest, tmp_path: Path, make_engine: Callable[..., Engine]) -> Iterator[Engine]:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    engine = make_engine(tmp_path / "index", load_settings(lexical={"engine": request.param}, rerank={"model": ""}))
    ingest_paths(engine, [folder])
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("annual leave", "abcd"),
        ('"annual leave"', "a"),
        ('leave "annual leave" -draft', "a"),
        ("leave -draft", "acd"),
        ('leave -"annual leave"', "bcd"),
        ("annual manag*", "ab"),
        ("annual manageme*", "ab"),
        ("annual mun*", "d"),
        ('"haus der angestellten"', "d"),
        ('休暇 "東京都"', "c"),
        ('休暇 "都京"', ""),
        ("leave -5", "abcd"),
    ],
)
def test_marks_say_what_must_and_must_not_stand(box: Engine, typed: str, expected: str) -> None:
    found, _, _ = search(box, typed)
    assert "".join(sorted(p.uri[len("notes/")] for p in found.passages.values())) == expected


def test_text_joins_other_conditions(box: Engine) -> None:
    for filter, expected in (
        ("text:draft OR path:c.md", "bc"),
        ("NOT (text:draft OR path:c.md)", "ad"),
        ("text!=leave", "cd"),
    ):
        found, _, _ = search(box, "leave", filter=filter)
        assert "".join(sorted(p.uri[len("notes/")] for p in found.passages.values())) == expected


def test_what_is_not_marked_stays_as_it_is() -> None:
    for typed in ("annual leave", 'say "hello', "a - b", "well-known e-mail", "5 * 3", "-3 degrees"):
        assert split_box(typed) == (typed, None)
    assert split_box("-draft") == ("", Not(Condition("text", ":", ("draft",))))
