"""llama.cpp where the machine lacks something that it needs."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from citewell.core.errors import ModelUnavailable
from citewell.core.language import Message
from citewell.generate.language.llama import LlamaModel

MISSING = "libgomp.so.1: cannot open shared object file"


def importing(monkeypatch: pytest.MonkeyPatch, *outcomes: Exception | None) -> list[str]:
    """Imports of the package end so, one after the other; the list tells what else was imported for it."""
    left, others = list(outcomes), []
    true_import = builtins.__import__

    def one(name: str, *more: Any) -> Any:
        if name == "xllamacpp":
            if error := left.pop(0):
                raise error
            return SimpleNamespace()
        others.append(name)
        return true_import(name, *more)

    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    monkeypatch.setattr(builtins, "__import__", one)
    return others


def complete() -> None:
    LlamaModel("a-model", lambda: Path("/nowhere.gguf"), 512).complete([Message("user", "?")], None, 5, 5)


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    importing(monkeypatch, ModuleNotFoundError("No module named 'xllamacpp'"))
    with pytest.raises(ModelUnavailable, match="needs the package xllamacpp") as told:
        complete()
    assert "citewell[llama]" in str(told.value.hint)


def test_a_system_without_openmp_uses_the_one_that_pytorch_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    others = importing(monkeypatch, ImportError(MISSING), None)
    with pytest.raises(ModelUnavailable, match=r"there is no file /nowhere\.gguf"):
        complete()
    assert "torch" in others


def test_where_neither_has_it_the_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    importing(monkeypatch, ImportError(MISSING), ImportError(MISSING))
    with pytest.raises(ModelUnavailable, match=r"libgomp\.so\.1") as told:
        complete()
    assert "libgomp1" in str(told.value.hint)
