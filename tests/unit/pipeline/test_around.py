"""Corrections, facets, likeness and neighbours: what they say, and that rights hold in each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from citewell.core.errors import PassageNotFound
from citewell.core.settings import load_settings
from citewell.core.types import Query
from citewell.index.lexical import retriever
from citewell.pipeline.around import capped, corrections, facets, more_like, neighbours
from citewell.pipeline.ask import search
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine

HR = frozenset({"hr"})
PARAGRAPH = "The boiler of the annex is serviced in May by the technician who also looks after the radiators. " * 6


@pytest.fixture
def around(tmp_path: Path, folder: Path, make_engine: Callable[..., Engine]) -> Iterator[Engine]:
    """The three documents, and one with two sections that only `hr` may read."""
    (folder / "secret.md").write_text(
        f"# Boilers\n\n## Annex\n\n{PARAGRAPH}\n\n## Tower\n\n{PARAGRAPH}\n\nThe tower has a zeppelin dock."
    )
    (folder / "secret.md.meta.json").write_text(
        json.dumps({"groups": ["hr"], "tags": ["heat", "house"], "language": "en"})
    )
    (folder / "leave.md.meta.json").write_text(json.dumps({"groups": ["hr", "staff"], "tags": ["house"]}))
    engine = make_engine(tmp_path / "around", load_settings(rerank={"model": ""}, chunking={"max_tokens": 128}))
    ingest_paths(engine, [folder])
    yield engine
    engine.close()


def chunk_of(engine: Engine, uri: str, number: int = 0) -> str:
    doc_id = next(s.doc_id for s in engine.catalog.summaries() if s.uri == uri)
    return engine.catalog.chunks_of(doc_id)[number].chunk_id


@pytest.mark.parametrize("narrow", [retriever.NARROW, 0])
def test_a_word_that_stands_nowhere_is_corrected_to_one_that_does(
    around: Engine, narrow: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retriever, "NARROW", narrow)  # 0: what may be shown is not named to the index
    monkeypatch.setattr(retriever, "FEW_HOLDING", 1)

    def corrected(text: str, groups: frozenset[str] | None = None) -> dict[str, str]:
        return corrections(around, around.snapshot(groups), Query(text, groups=groups))

    assert corrected("anual laeve of the employe") == {"anual": "annual", "laeve": "leave", "employe": "employee"}
    assert corrected("annual leave") == {}
    assert corrected("zepelin") == {"zepelin": "zeppelin"}
    assert corrected("zepelin", frozenset({"staff"})) == {}
    assert corrected("anual", frozenset({"staff"})) == {"anual": "annual"}
    assert corrected("qqqqqqq x 42") == {}


def test_facets_count_what_the_caller_may_read(around: Engine) -> None:
    found, _, _ = search(around, "leave boiler hotel pump")
    assert facets(around, found) == {
        "source": {"papers": 4}, "language": {"en": 4}, "tag": {"house": 2, "heat": 1},
        "type": {"text/markdown": 3, "text/plain": 1},
    }  # fmt: skip
    found, _, _ = search(around, "leave boiler hotel pump", frozenset({"staff"}))
    assert facets(around, found)["tag"] == {"house": 1}


def test_a_document_gives_no_more_passages_than_the_cap(around: Engine) -> None:
    found, _, _ = search(around, "boiler serviced in May")
    many = [c.doc_id for c in found.final.candidates]
    few = [c.doc_id for c in capped(found.final, 1).candidates]
    assert len(many) > len(set(many)) == len(few) == len(set(few))
    assert few == list(dict.fromkeys(many))


def test_passages_like_one_are_of_its_subject_and_may_be_read(around: Engine) -> None:
    annex = chunk_of(around, "papers/secret.md")
    like = more_like(around, annex, Query("?"), 3)
    assert annex not in like.scores()
    assert like.candidates[0].doc_id == next(
        s.doc_id for s in around.catalog.summaries() if s.uri.endswith("secret.md")
    )
    leave = chunk_of(around, "papers/leave.md")
    hidden = {c.chunk_id for c in more_like(around, leave, Query("?", groups=frozenset({"staff"})), 10).candidates}
    assert annex not in hidden
    for groups in (frozenset({"staff"}), frozenset[str]()):
        with pytest.raises(PassageNotFound):
            more_like(around, annex, Query("?", groups=groups), 3)


def test_neighbours_stand_before_and_after(around: Engine) -> None:
    doc_id = next(s.doc_id for s in around.catalog.summaries() if s.uri.endswith("secret.md"))
    ids = [chunk.chunk_id for chunk in around.catalog.chunks_of(doc_id)]
    told = neighbours(around, ids[1], HR)
    assert [c["chunk_id"] for c in told["before"]] == ids[:1]
    assert [c["chunk_id"] for c in told["after"]] == ids[2:3]
    assert neighbours(around, ids[0], HR)["before"] == []
    with pytest.raises(PassageNotFound):
        neighbours(around, ids[1], frozenset({"staff"}))
