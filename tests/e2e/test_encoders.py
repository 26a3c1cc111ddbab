"""What runs the models, as a user meets it: measured at the first ingestion, told by status and doctor, and replaced when it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs import run, run_json

from citewell.encoders.runtimes import REFERENCE

QUESTION = "How many days of annual leave are there?"


@pytest.fixture
def auto(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user who has set nothing, with an empty cache."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.delenv("CITEWELL_ENCODERS__RUNTIME")
    monkeypatch.setenv("CITEWELL_ENCODERS__CACHE", str(cache))
    return cache


@pytest.mark.slow
def test_the_machine_is_measured_once_and_what_was_chosen_stays(folder: Path, tmp_path: Path, auto: Path) -> None:
    first = run("ingest", folder, cwd=tmp_path)
    assert first.stderr.startswith("Measuring once how this machine runs the models fastest")
    assert "times as many texts a second as PyTorch in float32" in first.stderr
    status = run_json("status", "--json", cwd=tmp_path)
    told = status["encoders"]["models"]
    assert set(told) == {"all-MiniLM-L6-v2", "citewell-reader"}
    chosen = told["all-MiniLM-L6-v2"]["bulk"]
    assert status["vectors_by"] == [chosen]
    assert f"runs              all-MiniLM-L6-v2: {chosen}" in run("status", cwd=tmp_path).stdout
    assert "Measuring" not in run("ingest", folder, cwd=tmp_path).stderr
    answer = run("ask", QUESTION, cwd=tmp_path)
    assert "28 days" in answer.stdout
    assert answer.stderr == ""
    run("ask", QUESTION, cwd=tmp_path)
    counted = tmp_path / ".citewell" / "encoders" / "live_scores.json"
    live = json.loads(counted.read_text()) if counted.exists() else {}
    runtimes = {runtime for model in told.values() for runtime in (model["bulk"], model["question"])}
    assert bool(live) == (runtimes != {REFERENCE})  # what the reference computes is compared with nothing
    assert all(seen > 0 for seen, _ in live.values())
    other = run("ingest", folder, "--dir", "other", cwd=tmp_path)  # known on this machine already
    assert "Measuring" not in other.stderr


@pytest.mark.slow
def test_a_damaged_converted_model_is_made_anew(folder: Path, tmp_path: Path, auto: Path) -> None:
    converted = ("--set", "encoders.runtime=openvino-float32")
    run("ingest", folder, *converted, cwd=tmp_path)
    _damage(auto)
    mended = run("ask", QUESTION, *converted, cwd=tmp_path)
    assert "is damaged and is made anew" in mended.stderr
    assert "28 days" in mended.stdout
    assert run("ask", QUESTION, *converted, cwd=tmp_path).stderr == ""


def _damage(cache: Path) -> None:
    """One changed byte in each converted model."""
    files = list(cache.rglob("model.bin"))
    assert files
    for path in files:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)


@pytest.mark.slow
def test_one_setting_goes_back_to_the_reference(folder: Path, tmp_path: Path, auto: Path) -> None:
    run("ingest", folder, "--set", "encoders.runtime=torch-float32", cwd=tmp_path)
    assert not list(auto.rglob("model.bin"))
    status = run_json("status", "--json", "--set", "encoders.runtime=torch-float32", cwd=tmp_path)
    assert status["vectors_by"] == ["torch-float32"]
    unknown = run("doctor", cwd=tmp_path)
    assert "nothing was measured on such a machine yet" in unknown.stdout
    assert "citewell doctor --tune" in unknown.stdout
    assert "28 days" in run("ask", QUESTION, "--set", "encoders.runtime=torch-float32", cwd=tmp_path).stdout


@pytest.mark.slow
def test_the_doctor_measures_every_runtime_that_is_installed(folder: Path, tmp_path: Path, auto: Path) -> None:
    told = run_json("doctor", "--tune", "--json", "--set", "rerank.model=", cwd=tmp_path)
    (tuning,) = told["tunings"].values()
    names = [one["runtime"] for one in tuning["measured"]]
    assert names[0] == "torch-float32"
    assert {"openvino-float32", "openvino-int8", "onnx-float32", "onnx-int8"} <= set(names)
    assert all(one["refused"] or one["texts_per_s"] > 0 for one in tuning["measured"])
    assert any(f["subject"] == "encoder" and f["state"] == "ok" for f in told["findings"])
