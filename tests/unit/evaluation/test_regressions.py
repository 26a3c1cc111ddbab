"""The public figures: each is printed where it is said to be, and can be measured by its command."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from citewell.cli.evaluate import evaluate

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def regressions() -> ModuleType:
    spec = importlib.util.spec_from_file_location("regressions", ROOT / "scripts" / "regressions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["regressions"] = module
    spec.loader.exec_module(module)
    return module


def test_every_public_figure_is_printed_as_it_is_expected(regressions: ModuleType) -> None:
    figures = regressions.read_figures()
    assert len({f.name for f in figures}) == len(figures) >= 30
    for figure in figures:
        text = (ROOT / figure.where).read_text(encoding="utf-8")
        assert figure.printed in text, figure.name
        assert abs(float(figure.printed) - figure.expected) <= 0.0006, figure.name
        assert 0 < figure.tolerance <= 0.02
        program, command, *arguments = figure.command.split()
        assert program == "evaluate"
        evaluate.commands[command].make_context(command, [*arguments])


def test_every_figure_of_the_tables_of_the_readme_has_a_command(regressions: ModuleType) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    measured = text[text.index("## Measuring it") : text.index("## Settings")]
    cells = [c for line in measured.splitlines() if line.startswith("|") for c in line.strip("|").split("|")[1:]]
    printed = {word for cell in cells for word in cell.replace("(", " ").replace(")", " ").replace(",", " ").split() if word[-1].isdigit() and "." in word and len(word) < 6}  # fmt: skip
    known = {figure.printed for figure in regressions.read_figures()}
    assert printed - {"2.0"} == known


def test_a_figure_that_does_not_hold_is_named_with_what_it_is(regressions: ModuleType) -> None:
    figure = regressions.Figure("f", "README.md", ".5", "evaluate answers", "sha", ("abstention", "f1"), 0.5, 0.01)
    body = {"provenance": {"corpus_sha256": "sha"}, "abstention": {"f1": 0.505}}
    assert regressions.problem(figure, body) == ""
    assert regressions.problem(figure, body | {"abstention": {"f1": 0.52}}) == "is 0.5200"
    assert regressions.problem(figure, body | {"abstention": {}}) == "the figure is not there"
    assert regressions.problem(figure, {"provenance": {"corpus_sha256": "other"}}).startswith("another corpus")
    assert regressions.problem(figure, {}) == "the command failed"
