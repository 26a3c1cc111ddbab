"""Every runtime computes what the reference computes, and what cannot be used is said and done without."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from twins import REFERENCE_ENCODERS, make_chunk

from citewell.core import machine
from citewell.core.models import BUNDLED_EMBEDDER, model_folder
from citewell.core.settings import EmbedderSettings, EncoderSettings, RerankSettings, load_settings
from citewell.core.types import Query
from citewell.encoders import encoder as encoding
from citewell.encoders import runtimes
from citewell.encoders import tune as tuning_module
from citewell.encoders.encoder import UNMEASURED
from citewell.encoders.kept import Kept
from citewell.encoders.runtimes import REFERENCE
from citewell.encoders.tune import tune
from citewell.index.embed import SentenceEmbedder
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.upkeep.runtimes import settle
from citewell.pipeline.wiring import Engine
from citewell.rerank.cross_encoder import CrossEncoderReranker
from citewell.rerank.reader import ReadingCrossEncoder

TEXTS = ["annual leave", "the pump is blocked by sand " * 40, "E41", "Jahresurlaub", "x"]


@pytest.fixture
def tiny_embedder(tmp_path: Path) -> Path:
    """A sentence-transformer of one layer with random weights and the bundled tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path / "tiny"
    shutil.copytree(model_folder(BUNDLED_EMBEDDER), folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    return folder


def embedder(folder: Path, tmp_path: Path, runtime: str = "auto", beside: Path | None = None) -> SentenceEmbedder:
    settings = EncoderSettings.model_validate({"runtime": runtime, "cache": str(tmp_path / "cache")})
    return SentenceEmbedder(EmbedderSettings(model=str(folder)), settings, Kept(tmp_path / "cache", beside))


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """As if these packages were not installed."""
    found = runtimes.find_spec
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None if name in packages else found(name))


def test_the_reference_is_what_sentence_transformers_computes() -> None:
    model = SentenceTransformer(str(model_folder(BUNDLED_EMBEDDER)), local_files_only=True, device="cpu")
    truth = model.encode(TEXTS, normalize_embeddings=True)
    found = SentenceEmbedder(EmbedderSettings(), REFERENCE_ENCODERS).embed(TEXTS)
    np.testing.assert_allclose(found, truth, atol=1e-5)


@pytest.mark.parametrize("runtime", ["openvino-float32", "onnx-float32"])
def test_a_converted_model_computes_the_same(tiny_embedder: Path, tmp_path: Path, runtime: str) -> None:
    reference, converted = embedder(tiny_embedder, tmp_path, REFERENCE), embedder(tiny_embedder, tmp_path, runtime)
    np.testing.assert_allclose(converted.embed(TEXTS), reference.embed(TEXTS), atol=1e-4)
    np.testing.assert_allclose(converted.embed_questions(TEXTS[:1]), reference.embed_questions(TEXTS[:1]), atol=1e-4)
    assert converted.runtime == runtime
    again = embedder(tiny_embedder, tmp_path, runtime)
    np.testing.assert_array_equal(again.embed(TEXTS), converted.embed(TEXTS))


@pytest.mark.parametrize("family", ["openvino-int8", "onnx-int8"])
def test_int8_is_calibrated_and_its_card_says_how(tiny_embedder: Path, tmp_path: Path, family: str) -> None:
    subject = embedder(tiny_embedder, tmp_path)
    subject.encoder.convert(family)
    folder = subject.encoder.folder(family)
    assert folder is not None
    card = json.loads((folder / "card.json").read_text())
    assert "int8" in card["method"]
    assert {"texts", "seed", "checksum"} == set(card["calibration"])
    runtime = subject.encoder.runtime(family, 1)
    vocabulary = subject.encoder.vocabulary()
    outputs = runtime.run(*vocabulary.arrays(vocabulary.encode(TEXTS)))
    assert outputs[0].shape == (len(TEXTS), 384)
    assert np.isfinite(outputs[0]).all()


def test_a_cross_encoder_is_converted_with_its_reader(
    tiny_reader: Path, tiny_cross_encoder: Path, tmp_path: Path
) -> None:
    chunks = [make_chunk(str(n), text, title="Houses") for n, text in enumerate(("a red house " * 30, "a blue door"))]
    query = Query("Which house is red?")
    converted = EncoderSettings(runtime="openvino-float32", cache=str(tmp_path))
    for kind, folder in ((CrossEncoderReranker, tiny_cross_encoder), (ReadingCrossEncoder, tiny_reader)):
        one, other = kind(folder, RerankSettings(), REFERENCE_ENCODERS), kind(folder, RerankSettings(), converted)
        np.testing.assert_allclose(other.score(query, chunks), one.score(query, chunks), atol=1e-4)
        assert other.encoder.decision.bulk == "openvino-float32"
    reading, truth = other.read(query, chunks)[0], one.read(query, chunks)[0]
    assert (reading.start_char, reading.end_char) == (truth.start_char, truth.end_char)
    assert reading.answerable == pytest.approx(truth.answerable, abs=1e-4)


def test_nothing_measured_is_the_reference_and_says_so(tiny_embedder: Path, tmp_path: Path) -> None:
    decision = embedder(tiny_embedder, tmp_path).encoder.decision
    assert (decision.bulk, decision.reason, decision.fallback) == (REFERENCE, UNMEASURED, "")


def test_what_is_measured_is_used_from_then_on_and_kept_with_the_index(tiny_embedder: Path, tmp_path: Path) -> None:
    first = embedder(tiny_embedder, tmp_path, beside=tmp_path / "index")
    told: list[str] = []
    tuning = tune(first.encoder, told=told.append)
    assert told[0] == REFERENCE
    assert len(told) > 1
    assert first.encoder.decision.bulk == tuning.bulk
    assert all(one.refused or one.texts_per_s > 0 for one in tuning.measured)
    again = embedder(tiny_embedder, tmp_path)
    assert again.encoder.tuning == tuning
    shutil.rmtree(tmp_path / "cache")
    with_index = embedder(tiny_embedder, tmp_path, beside=tmp_path / "index")
    assert with_index.encoder.tuning == tuning
    np.testing.assert_allclose(with_index.embed(TEXTS), first.embed(TEXTS), atol=1e-2)


@pytest.mark.parametrize(("speed", "tried"), [(90.0, 1), (5.0, 2)])
def test_a_runtime_that_is_not_faster_gives_way_to_the_next(
    tiny_embedder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speed: float, tried: int
) -> None:
    speeds = {REFERENCE: (10.0, 10.0), "openvino-bfloat16": (speed, 100 / speed), "openvino-float32": (20.0, 5.0)}
    named = {"texts_per_s": 0, "question_ms": 1}
    monkeypatch.setattr(
        tuning_module,
        "_timed",
        lambda _, found, __: found.model_copy(update={n: speeds[found.runtime][i] for n, i in named.items()}),
    )
    monkeypatch.setattr(tuning_module, "suits", lambda *_: True)
    tuning = tune(embedder(tiny_embedder, tmp_path).encoder)
    assert [one.runtime for one in tuning.measured[1:]] == list(tuning_module.FIRST[:tried])
    assert tuning.bulk == tuning_module.FIRST[tried - 1]


def test_what_was_measured_on_another_machine_does_not_count(
    tiny_embedder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune(embedder(tiny_embedder, tmp_path).encoder)
    other = machine.Machine("another processor", ("avx2",))
    for module in (encoding, tuning_module):
        monkeypatch.setattr(module, "this_machine", lambda: other)
    assert embedder(tiny_embedder, tmp_path).encoder.decision.reason == UNMEASURED


def test_without_bfloat16_something_else_is_chosen(
    tiny_embedder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = machine.Machine("an old processor", ("avx2",))
    for module in (encoding, tuning_module):
        monkeypatch.setattr(module, "this_machine", lambda: plain)
    tuning = tune(embedder(tiny_embedder, tmp_path).encoder)
    assert [one.runtime for one in tuning.measured] == [REFERENCE, "openvino-float32"]
    with caplog.at_level(logging.WARNING):
        named = embedder(tiny_embedder, tmp_path, "openvino-bfloat16").encoder.decision
    assert named.bulk == REFERENCE
    assert "has no bfloat16" in named.fallback
    assert "has no bfloat16" in caplog.text


def test_without_openvino_pytorch_is_measured_and_a_wish_for_it_is_answered(
    tiny_embedder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    converted = embedder(tiny_embedder, tmp_path, "openvino-float32")
    assert (converted.runtime, converted.encoder.decision.fallback) == ("openvino-float32", "")
    without(monkeypatch, "openvino")
    tuning = tune(embedder(tiny_embedder, tmp_path / "other").encoder)
    assert all(one.runtime.startswith("torch") for one in tuning.measured)
    with caplog.at_level(logging.WARNING):
        again = embedder(tiny_embedder, tmp_path, "openvino-float32")  # ran when it was still there
        again.embed(TEXTS)
    assert "openvino is not installed: pip install openvino" in caplog.text
    assert again.runtime == REFERENCE


def test_a_damaged_converted_model_is_made_anew(
    tiny_embedder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = embedder(tiny_embedder, tmp_path, "openvino-float32")
    truth = first.embed(TEXTS)
    folder = first.encoder.folder("openvino-float32")
    assert folder is not None
    data = bytearray((folder / "model.bin").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (folder / "model.bin").write_bytes(data)
    with caplog.at_level(logging.WARNING):
        again = embedder(tiny_embedder, tmp_path, "openvino-float32")
        np.testing.assert_array_equal(again.embed(TEXTS), truth)
    assert "is damaged and is made anew" in caplog.text
    assert again.runtime == "openvino-float32"


def test_what_computes_something_else_is_not_used_at_all(
    tiny_embedder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from citewell.encoders.runtimes import openvino as form

    run = form.OpenVinoRuntime.run

    def spoilt(self: form.OpenVinoRuntime, *arrays: object) -> tuple[np.ndarray, ...]:
        return tuple(np.roll(output, 1, axis=-1) for output in run(self, *arrays))

    monkeypatch.setattr(form.OpenVinoRuntime, "run", spoilt)
    with caplog.at_level(logging.WARNING):
        subject = embedder(tiny_embedder, tmp_path, "openvino-float32")
        found = subject.embed(TEXTS)
    assert subject.runtime == REFERENCE
    assert "agreement with the reference" in caplog.text
    np.testing.assert_allclose(found, embedder(tiny_embedder, tmp_path, REFERENCE).embed(TEXTS), atol=1e-6)
    again = embedder(tiny_embedder, tmp_path, "openvino-float32")  # known without comparing again
    assert "agreement with the reference" in again.encoder.decision.fallback
    assert again.encoder._loaded is None


def test_a_cache_that_cannot_be_written_to_changes_nothing(tiny_embedder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    subject = embedder(tiny_embedder, tmp_path, "openvino-float32")
    assert subject.embed(TEXTS).shape == (len(TEXTS), 384)
    assert subject.runtime == "openvino-float32"


def test_many_threads_share_an_encoder(tiny_embedder: Path, tmp_path: Path) -> None:
    subject = embedder(tiny_embedder, tmp_path, "openvino-float32")
    truth = subject.embed(TEXTS * 60)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(subject.embed(TEXTS * 60))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(threads)
    for vectors in found:
        np.testing.assert_array_equal(vectors, truth)


def test_the_first_ingestion_measures_and_says_so_and_the_manifest_tells(
    tiny_embedder: Path, tmp_path: Path, folder: Path, make_engine: Callable[..., Engine]
) -> None:
    settings = load_settings(
        encoders={"runtime": "auto", "cache": str(tmp_path / "cache")},
        embedder={"model": str(tiny_embedder)},
        rerank={"model": ""},
    )
    engine = make_engine(tmp_path / "index", settings)
    told: list[str] = []
    assert settle(make_engine(tmp_path / "index", load_settings()), told.append) == {} == {t: t for t in told}
    report = ingest_paths(engine, [folder])
    (name,) = report.measured
    assert name == str(tiny_embedder)
    manifest = json.loads((tmp_path / "index" / "generations" / "000001" / "manifest.json").read_text())
    assert manifest["vectors_by"] == [engine.embedder.runtime]
    assert ingest_paths(engine, [folder]).measured == {}
    (folder / "new.md").write_text("# New\n\nSomething new about pumps.")
    other = make_engine(
        tmp_path / "index", settings.model_copy(update={"encoders": EncoderSettings(runtime=REFERENCE)})
    )
    ingest_paths(other, [folder])
    manifest = json.loads((tmp_path / "index" / "generations" / "000002" / "manifest.json").read_text())
    assert manifest["vectors_by"] == sorted({engine.embedder.runtime, REFERENCE})


def test_openvino_is_kept_from_reporting_to_its_maker() -> None:
    import citewell.encoders.runtimes.openvino  # noqa: F401

    assert sys.modules["openvino_telemetry"] is None


def test_one_core_is_enough(tiny_embedder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 1)
    subject = embedder(tiny_embedder, tmp_path)
    tuning = tune(subject.encoder)
    assert (tuning.threads, tuning.question_threads) == (1, 1)
    assert subject.embed(TEXTS).shape == (len(TEXTS), 384)
