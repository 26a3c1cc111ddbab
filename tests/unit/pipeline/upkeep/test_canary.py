"""A candidate generation tried beside the live one: who answers, what is compared, what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.core.errors import GenerationNotFound
from citewell.core.settings import load_settings
from citewell.index.store.catalog import Canary
from citewell.index.store.generations import generation_folder
from citewell.index.store.writer import CatalogWriter
from citewell.pipeline.build import rebuild
from citewell.pipeline.upkeep import maintain
from citewell.pipeline.upkeep.canary import CanaryRoute, compare, compared, is_tried, kept, path_of
from citewell.pipeline.wiring import Engine

Make = Callable[..., Engine]
QUESTION = "How many days of annual leave does an employee have?"
CANDIDATE = 2


@pytest.fixture
def tried(engine: Engine, make_engine: Make) -> Engine:
    """The engine, with a candidate of smaller passages beside the live generation."""
    other = make_engine(engine.directory, load_settings(chunking={"max_tokens": 32}))
    assert rebuild(other, publish=False).generation == f"{CANDIDATE:06d}"
    other.close()
    return engine


def start(engine: Engine, *, share: float = 1.0, answers: bool = False) -> None:
    with CatalogWriter(engine.directory, engine.settings.storage) as writer:
        writer.start_canary(Canary(CANDIDATE, share, answers))


def asked(engine: Engine, *questions: str) -> list[str]:
    """The generations that answered."""
    route = CanaryRoute(engine)
    route.start()
    generations = [route.ask(question).generation for question in questions]
    route.stop()
    return generations


def test_a_question_belongs_to_the_share_whatever_its_case_and_spaces() -> None:
    questions = [f"What is item {number}?" for number in range(2000)]
    assert 0.27 < sum(is_tried(q, 0.3) for q in questions) / len(questions) < 0.33
    assert [is_tried(q, 0.3) for q in questions] == [is_tried(f"  {q.upper()} ", 0.3) for q in questions]
    assert all(is_tried(q, 1.0) for q in questions)


def test_a_shadow_is_compared_and_never_served(tried: Engine) -> None:
    assert asked(tried, QUESTION) == ["000001"]
    assert kept(tried.directory, CANDIDATE) == []
    start(tried)
    assert asked(tried, QUESTION, "What does a hotel cost?") == ["000001", "000001"]
    found = kept(tried.directory, CANDIDATE)
    assert len(found) == 2
    assert found[0].live_answered
    assert found[0].same_first
    assert "leave" not in path_of(tried.directory, CANDIDATE).read_text()


def test_a_canary_answers_its_share_and_is_compared_with_the_live_one(tried: Engine) -> None:
    start(tried, answers=True)
    assert asked(tried, QUESTION) == ["000002"]
    assert len(kept(tried.directory, CANDIDATE)) == 1
    start(tried, share=1e-9, answers=True)
    assert asked(tried, QUESTION) == ["000001"]


def test_a_canary_that_cannot_answer_costs_no_answer(tried: Engine) -> None:
    start(tried, answers=True)
    for path in (generation_folder(tried.directory, CANDIDATE) / "blocks").iterdir():
        path.unlink()
    assert asked(tried, QUESTION) == ["000001"]
    assert kept(tried.directory, CANDIDATE) == []


def test_what_is_deleted_or_withdrawn_is_not_shown_by_a_canary(tried: Engine) -> None:
    start(tried, answers=True)
    leave = next(s for s in tried.catalog.summaries() if s.uri.endswith("leave.md"))
    route = CanaryRoute(tried)
    with CatalogWriter(tried.directory, tried.settings.storage) as writer:
        writer.set_groups(leave.doc_id, ["hr"])
    assert route.ask(QUESTION, frozenset({"hr"})).status == "grounded"
    assert route.ask(QUESTION, frozenset({"it"})).context.passages == ()
    with CatalogWriter(tried.directory, tried.settings.storage) as writer:
        writer.delete(leave.doc_id)
    assert leave.doc_id not in {p.chunk.doc_id for p in route.ask(QUESTION).context.passages}


def test_publishing_and_purging_end_a_trial_and_pruning_does_not(tried: Engine) -> None:
    start(tried)
    with CatalogWriter(tried.directory, tried.settings.storage) as writer:
        assert writer.prune(1) == []
        writer.make_live(CANDIDATE, deliberate=True)
    assert tried.catalog.canary() is None
    with CatalogWriter(tried.directory, tried.settings.storage) as writer:
        with pytest.raises(GenerationNotFound):
            writer.start_canary(Canary(CANDIDATE, 1.0, answers=False))
        writer.start_canary(Canary(1, 1.0, answers=False))
    maintain.purge(tried, next(s.doc_id for s in tried.catalog.summaries() if s.uri.endswith("leave.md")))
    assert tried.catalog.canary() is None
    assert len(tried.catalog.generations()) == 1


def test_two_generations_are_compared_question_by_question(tried: Engine) -> None:
    told: list[str] = []
    found = compare(tried, CANDIDATE, [QUESTION, "Who won in 1990?"], lambda done, total, what: told.append(what))
    assert list(found) == told == [QUESTION, "Who won in 1990?"]
    summary = compared(list(found.values()))
    assert (summary.questions, summary.neither_answered) == (2, 1)
    with pytest.raises(GenerationNotFound):
        compare(tried, 99, [QUESTION], lambda done, total, what: None)


def test_a_line_that_was_cut_off_is_passed_over(tried: Engine, tmp_path: Path) -> None:
    start(tried)
    asked(tried, QUESTION)
    path = path_of(tried.directory, CANDIDATE)
    path.write_text(path.read_text() + '{"at": 1.0, "overl')
    assert len(kept(tried.directory, CANDIDATE)) == 1
