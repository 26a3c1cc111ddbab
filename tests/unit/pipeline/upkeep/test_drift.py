"""Live scores that leave the range of the measurement are told, and only those."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.core.settings import EncoderSettings, load_settings
from citewell.encoders import slices
from citewell.encoders.encoder import Decision, Encoder
from citewell.encoders.kept import Kept
from citewell.encoders.network import Loaded, Network
from citewell.encoders.tuning import BOUNDS, Measured, Tuning
from citewell.pipeline.ask import ask
from citewell.pipeline.upkeep.drift import ENOUGH, WRITE_EVERY, LiveScores, drift_of
from citewell.pipeline.upkeep.health import examine, status
from citewell.pipeline.wiring import Engine

Make = Callable[..., Engine]


def tuning_of(key: str, bulk: str = "openvino-int8") -> Tuning:
    return Tuning(
        network=key, machine="any", threads=1, made_with={}, seed=slices.SEED, texts=slices.checksum(), bounds=BOUNDS,
        measured=(Measured(runtime=bulk),), bulk=bulk, question=bulk, question_threads=1, reason="a test", scores=(0.0, 1.0),
    )  # fmt: skip


def encoder(tmp_path: Path, bulk: str = "openvino-int8") -> Encoder:
    def load() -> Loaded:
        raise AssertionError("nothing is run here")

    made = Encoder(Network("a-network", "pairs", load), EncoderSettings(), Kept(tmp_path / "cache"))
    made.__dict__ |= {"tuning": tuning_of("a-network", bulk), "decision": Decision(bulk, bulk, "a test")}
    return made


@pytest.fixture
def index(tmp_path: Path) -> Path:
    (tmp_path / "index" / "encoders").mkdir(parents=True)
    return tmp_path / "index"


@pytest.mark.parametrize(("score", "drifted"), [(0.5, False), (1.2, False), (1.3, True), (-0.3, True)])
def test_many_scores_outside_are_a_drift(tmp_path: Path, index: Path, score: float, drifted: bool) -> None:
    live, subject = LiveScores(index), encoder(tmp_path)
    live.see(subject, [0.5] * (ENOUGH - ENOUGH // 5))
    live.see(subject, [score] * (ENOUGH // 5))
    (found,) = drift_of(live, {"model": subject})
    assert (found["scores"], found["drifted"], found["outside"]) == (ENOUGH, drifted, 0.2 if drifted else 0.0)


def test_a_question_read_by_another_runtime_counts_where_the_reference_reads_the_texts(
    tmp_path: Path, index: Path
) -> None:
    live, subject = LiveScores(index), encoder(tmp_path)
    subject.__dict__["decision"] = Decision("torch-float32", "openvino-int8", "a test")
    live.see(subject, [0.5])
    (found,) = drift_of(live, {"model": subject})
    assert (found["runtime"], found["scores"]) == ("openvino-int8", 1)


def test_few_scores_say_nothing(tmp_path: Path, index: Path) -> None:
    live, subject = LiveScores(index), encoder(tmp_path)
    live.see(subject, [9.0] * (ENOUGH - 1))
    assert drift_of(live, {"model": subject})[0]["drifted"] is False


def test_the_reference_does_not_drift(tmp_path: Path, index: Path) -> None:
    live, subject = LiveScores(index), encoder(tmp_path, "torch-float32")
    live.see(subject, [9.0] * ENOUGH)
    assert drift_of(live, {"model": subject}) == []


def test_counts_of_several_processes_are_added_up(tmp_path: Path, index: Path) -> None:
    subject = encoder(tmp_path)
    for _ in range(3):
        live = LiveScores(index)
        live.see(subject, [9.0] * WRITE_EVERY)  # written at once
        live.see(subject, [0.5] * 10)
        live.flush()
    (found,) = drift_of(LiveScores(index), {"model": subject})
    assert found["scores"] == 3 * (WRITE_EVERY + 10)


def test_a_damaged_file_of_counts_is_begun_anew(tmp_path: Path, index: Path) -> None:
    (index / "encoders" / "live_scores.json").write_text("[")
    live, subject = LiveScores(index), encoder(tmp_path)
    live.see(subject, [0.5])
    live.flush()
    assert drift_of(LiveScores(index), {"model": subject})[0]["scores"] == 1


def test_questions_are_counted_and_status_and_doctor_tell(engine: Engine, make_engine: Make) -> None:
    (engine.directory / "encoders").mkdir(exist_ok=True)
    asked = make_engine(engine.directory, load_settings())
    made = asked.embedder.encoders["all-MiniLM-L6-v2"]
    before = made.__dict__.get("tuning")
    made.__dict__["tuning"] = tuning_of(made.network.key).model_copy(update={"scores": (5.0, 6.0)})
    try:
        for number in range(3):
            ask(asked, f"How many days of annual leave are there in year {number}?")
        asked.live_scores.see(made, [0.5] * ENOUGH)
        told = status(asked)["drift"]
        assert [(d["model"], d["scores"], d["drifted"]) for d in told] == [("all-MiniLM-L6-v2", ENOUGH + 3, True)]
        drift = next(f for f in examine(asked) if f.subject == "drift")
        assert "100% of the last" in drift.detail
        assert "torch-float32" in drift.hint
    finally:
        made.__dict__["tuning"] = before
    asked.close()
