"""Where models lie, and that their weights are the promised ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from citewell.core import models
from citewell.core.errors import ModelMismatch, ModelUnavailable


def test_the_bundled_weights_have_the_upstream_checksum() -> None:
    folder = models.model_folder(models.BUNDLED_EMBEDDER)
    assert models.file_sha256(folder / "model.safetensors") == models.BUNDLED_EMBEDDER_SHA256


def test_other_weights_under_the_bundled_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    models._bundled_embedder.cache_clear()
    monkeypatch.setattr(models, "BUNDLED_EMBEDDER_SHA256", "0" * 64)
    with pytest.raises(ModelMismatch, match="checksum"):
        models.model_folder(models.BUNDLED_EMBEDDER)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no model folder"):
        models.model_folder(str(tmp_path / "nothing"))


def test_a_model_is_named_by_its_weights(tmp_path: Path) -> None:
    for name, weights in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(weights)
        (tmp_path / name / "tokenizer.json").write_bytes(b"{}")
    a, b, c = (models.weights_fingerprint(tmp_path / name) for name in "abc")
    assert a == b != c
