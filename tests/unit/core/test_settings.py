"""Settings: order of sources, refusal of what is unknown, and the hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from citewell.core.errors import SettingsError
from citewell.core.settings import describe_settings, load_settings


def test_arguments_override_the_environment_which_overrides_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "citewell.toml"
    file.write_text("[fusion]\nrrf_k = 10\ndense_weight = 0.1\n[context]\nmax_tokens = 500\n")
    monkeypatch.setenv("CITEWELL_FUSION__DENSE_WEIGHT", "0.2")
    monkeypatch.setenv("CITEWELL_CONTEXT__MAX_TOKENS", "600")
    settings = load_settings(file, context={"max_tokens": 700})
    assert (settings.fusion.rrf_k, settings.fusion.dense_weight, settings.context.max_tokens) == (10, 0.2, 700)


def test_an_unknown_key_is_refused_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "citewell.toml"
    file.write_text("[fusion]\nmetod = 'rrf'\n")
    with pytest.raises(SettingsError, match=r"fusion\.metod"):
        load_settings(file)


@pytest.mark.parametrize("name", ["CITEWELL_FUSION__METOD", "CITEWELL_FUSSION__METHOD"])
def test_an_unknown_variable_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "rrf")
    with pytest.raises(SettingsError, match=r"(?i)fus"):
        load_settings()


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    file = tmp_path / "citewell.toml"
    file.write_text("[fusion\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(file)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().fusion.dense_weight = 1.0  # type: ignore[misc]


def test_the_hash_follows_what_changes_answers_and_nothing_else() -> None:
    plain = load_settings().config_hash()
    assert load_settings(fusion={"method": "rrf"}).config_hash() != plain
    assert load_settings(api={"port": 1}).config_hash() == plain


def test_every_setting_is_described_and_the_key_is_hidden() -> None:
    rows = {row["name"]: row for row in describe_settings(load_settings(api={"key": "secret"}))}
    assert all(row["description"] for row in rows.values())
    assert rows["api.key"]["value"] == "set"
