"""A budget becomes a number of forwards once a machine, the number in force names the configuration, and the trace says what was spared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twins import REFERENCE_ENCODERS, OverlapReranker

from citewell.core.errors import ModelUnavailable, SettingsError
from citewell.core.settings import RerankSettings, Settings, load_settings
from citewell.core.types import Query
from citewell.evaluation.indexing import with_fixed_forwards
from citewell.pipeline.ask import ask, search
from citewell.pipeline.retrieve import first_stage, learn_to_rank, retrieve
from citewell.pipeline.upkeep.forwards import BATCH, FILE, RUNS, forwards_within, measured_forward
from citewell.pipeline.upkeep.health import examine
from citewell.pipeline.wiring import Engine
from citewell.rerank.reader import ReadingCrossEncoder

QUESTION = "How many days of annual leave does an employee have?"
Make = Callable[..., Engine]


def with_reader(make_engine: Make, directory: Path, **rerank: Any) -> Engine:
    """An engine whose cross-encoder counts shared words."""
    engine = make_engine(directory, load_settings(rerank={"model": "twin", **rerank}))
    engine.__dict__["reranker"] = OverlapReranker()
    return engine


@pytest.mark.parametrize(("budget", "forward", "count"), [(200, 10.0, 20), (5, 10.0, 1), (199, 10.0, 19)])
def test_forwards_that_fit(budget: float, forward: float, count: int) -> None:
    assert forwards_within(budget, forward) == count


def test_the_machine_is_measured_once(tmp_path: Path) -> None:
    reader = OverlapReranker()
    first = measured_forward(tmp_path / "index", reader, 1)
    read = reader.read
    assert read > 0
    assert measured_forward(tmp_path / "index", reader, 1) == first
    assert reader.read == read
    (tmp_path / "index" / FILE).write_text("damaged")
    measured_forward(tmp_path / "index", reader, 1)
    assert reader.read > read


@pytest.fixture
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forward takes ten milliseconds."""
    monkeypatch.setattr("citewell.pipeline.upkeep.forwards.measure_forward", lambda _: 10.0)


@pytest.mark.usefixtures("slow_machine")
def test_the_number_in_force_is_in_the_config_hash_and_the_budget_is_not(tmp_path: Path, make_engine: Make) -> None:
    plain = with_reader(make_engine, tmp_path, max_forwards=20)
    roomy = with_reader(make_engine, tmp_path, max_forwards=20, budget_ms=1000)
    tight = with_reader(make_engine, tmp_path, max_forwards=20, budget_ms=50)
    assert (roomy.rerank_settings.max_forwards, tight.rerank_settings.max_forwards) == (20, 5)
    assert roomy.config_hash == plain.config_hash != tight.config_hash
    assert tight.config_hash == with_reader(make_engine, tmp_path, max_forwards=5).config_hash


def test_what_was_measured_is_reading_and_not_remembering(
    tmp_path: Path, tiny_reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    forward = ReadingCrossEncoder._forward

    def counted(self: ReadingCrossEncoder, query: Query, passages: Any, windows: Any) -> Any:
        read.append(len(passages))
        return forward(self, query, passages, windows)

    monkeypatch.setattr(ReadingCrossEncoder, "_forward", counted)
    reader = ReadingCrossEncoder(tiny_reader, RerankSettings(model=str(tiny_reader)), REFERENCE_ENCODERS)
    assert measured_forward(tmp_path, reader, 1) > 0
    assert read == [BATCH] * (RUNS + 1)


def test_a_budget_does_not_undo_going_on_without_a_model(engine: Engine, make_engine: Make, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    model = {"model": str(tmp_path / "empty"), "budget_ms": 100}
    answer = ask(make_engine(engine.directory, load_settings(rerank=model | {"on_failure": "skip"})), QUESTION)
    assert answer.status == "grounded"
    assert answer.warnings[0].startswith("not reranked: ")
    with pytest.raises(ModelUnavailable):
        ask(make_engine(engine.directory, load_settings(rerank=model)), QUESTION)


def test_more_cannot_be_read_than_was_ordered() -> None:
    with pytest.raises(SettingsError, match="max_forwards must not be above ltr_depth"):
        load_settings(rerank={"max_forwards": 200})
    assert load_settings(rerank={"max_forwards": 200, "ltr": False}).rerank.max_forwards == 200


def test_an_evaluation_knows_no_budget() -> None:
    fixed = with_fixed_forwards(load_settings(rerank={"budget_ms": 50}))
    assert fixed.rerank.budget_ms == 0


def test_secrets_and_timeouts_do_not_name_the_configuration() -> None:
    def named(**rerank: Any) -> str:
        return load_settings(rerank=rerank).config_hash()

    assert named(endpoint_key="a") == named(endpoint_key="b", endpoint_timeout_s=3) == named()
    assert named(weight=0.1) != named()


def test_the_trace_says_what_was_read(engine: Engine, make_engine: Make) -> None:
    reading = with_reader(make_engine, engine.directory, max_forwards=2)
    answer = ask(reading, QUESTION)
    rows = {row["stage"]: row for row in answer.trace}
    assert rows["rerank"]["forwards"] == 2
    assert rows["rerank"]["max_forwards"] == 2
    assert rows["ltr"]["candidates"] > 0
    again = {row["stage"]: row for row in ask(reading, QUESTION).trace}
    assert (again["rerank"]["forwards"], again["rerank"]["remembered"]) == (0, 2)


def test_what_it_does_not_read_is_left_in_the_order_before_it(engine: Engine, make_engine: Make) -> None:
    for languages, forwards in ((["de"], None), (["de", "en"], 2), ([], 2)):
        reading = with_reader(make_engine, engine.directory, max_forwards=2, languages=languages)
        answer = ask(reading, QUESTION)
        (row,) = (row for row in answer.trace if row["stage"] == "rerank")
        assert row.get("forwards") == forwards
        assert ("does not read this language" in row.get("note", "")) == (forwards is None)
        noted = [f.detail for f in examine(reading) if f.subject == "reranker" and f.state == "note"]
        assert ["does not read the passages in en (" in detail for detail in noted] == (
            [True] if languages == ["de"] else []
        )
    with pytest.raises(SettingsError, match="no language that can be told"):
        load_settings(rerank={"languages": ["english"]})


def test_learning_to_rank_only_reorders_and_can_be_switched_off(engine: Engine, make_engine: Make) -> None:
    found, _, _ = search(engine, QUESTION)
    assert {c.chunk_id for c in found.ltr.candidates} == {c.chunk_id for c in found.hybrid.candidates}
    off = make_engine(engine.directory, load_settings(rerank={"ltr": False, "model": ""}))
    plain = retrieve(off, off.snapshot(), Query(QUESTION))
    assert plain.ltr == plain.hybrid == plain.final


def test_below_its_depth_the_fused_order_stays(engine: Engine, make_engine: Make) -> None:
    shallow = make_engine(engine.directory, load_settings(rerank={"ltr_depth": 1, "max_forwards": 1, "model": ""}))
    first = first_stage(shallow, shallow.snapshot(), Query(QUESTION))
    hybrid = first.fuse(shallow.settings.fusion)
    assert [c.chunk_id for c in learn_to_rank(shallow, first, hybrid).candidates] == [
        c.chunk_id for c in hybrid.candidates
    ]


@pytest.mark.usefixtures("slow_machine")
def test_doctor_says_what_a_forward_takes(engine: Engine, make_engine: Make) -> None:
    reading = with_reader(make_engine, engine.directory, budget_ms=70)
    finding = next(f for f in examine(reading) if f.subject == "reranker")
    assert finding.state == "ok"
    assert "10.0 ms a passage" in finding.detail
    assert "a budget of 70 ms: at most 7 passages" in finding.detail


def test_engines_share_what_was_read_only_when_they_read_alike(engine: Engine) -> None:
    def variant(**rerank: Any) -> Engine:
        changed: Settings = engine.settings.model_copy(
            update={"rerank": engine.settings.rerank.model_copy(update=rerank)}
        )
        return engine.variant(changed)

    assert variant(weight=0.1).score_cache is engine.score_cache
    assert variant(max_tokens=64).score_cache is not engine.score_cache
