"""What the documents promise: the README's commands run, links lead somewhere, and nothing names a machine."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from programs import run

from citewell.core.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    p
    for p in ROOT.rglob("*.md")
    if not {".venv", "shared", "corpus", "sources", "build", ".cache"} & set(p.relative_to(ROOT).parts)
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.slow
def test_the_commands_of_the_readme_run_in_their_order(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "data" / "sample" / "corpus" / "handbook", tmp_path / "handbook")
    commands = [
        shlex.split(line, comments=True) for block in blocks("bash") for line in block.splitlines() if line.strip()
    ]
    assert len(commands) >= 6
    for program, *arguments in commands:
        assert program == "citewell"
        run(*arguments, cwd=tmp_path)


def test_the_settings_of_the_readme_are_settings(tmp_path: Path) -> None:
    for number, block in enumerate(blocks("toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        assert load_settings(file).model_dump() == load_settings().model_dump(), "the README shows the defaults"


def test_links_between_documents_lead_somewhere() -> None:
    assert len(PAGES) >= 8
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_files_named_in_the_documents_exist() -> None:
    for page in PAGES:
        for name in re.findall(
            r"`((?:core|encoders|ingest|index|rerank|generate|pipeline|api|evaluation|cli|benchmarks|scripts)/[\w/.-]+)`",
            page.read_text(encoding="utf-8"),
        ):
            assert (ROOT / name).exists(), f"{page.name} names {name}"


def test_every_pin_of_the_constraints_says_why_and_every_dependency_is_pinned() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==\S+\s+# .+", line) for line in lines), lines
    pinned = {re.split("==", line)[0].lower().replace("_", "-") for line in lines}
    named = re.findall(r'^    "([\w.-]+)[>=]', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
    assert {n.lower().replace("_", "-") for n in named} <= pinned


def test_the_repository_holds_no_path_of_a_machine() -> None:
    files = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=False).stdout.split()
    pattern = re.compile(r"(?:^|[\s\"'=(])/(?:home|root|Users|work)/\w")
    for name in files:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".html", ".js", ".jsonl"} and path.is_file():
            assert not pattern.search(path.read_text(encoding="utf-8", errors="replace")), name
