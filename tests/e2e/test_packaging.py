"""The layout of links and the wheel hold every module, the page and the sample documents."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from programs import environment

ROOT = Path(__file__).resolve().parents[2]
# Top-level folders that are no part of the package.
NOT_CODE = {"src", "tests", "docs", "benchmarks", "scripts", "build", "dist", "shared"}


def linked_folders() -> list[str]:
    return sorted(
        p.name
        for p in ROOT.iterdir()
        if p.is_dir() and not p.name.startswith(".") and p.name not in NOT_CODE and not p.name.endswith(".egg-info")
    )


def test_every_top_level_code_folder_is_linked_relatively() -> None:
    links = {p.name: os.readlink(p) for p in (ROOT / "src" / "citewell").iterdir() if p.is_symlink()}
    assert links == {name: f"../../{name}" for name in linked_folders()}


def test_the_bare_folder_names_cannot_be_imported(tmp_path: Path) -> None:
    code = "import importlib.util, sys\nprint([n for n in sys.argv[1:] if importlib.util.find_spec(n) is not None])"
    done = subprocess.run(
        [sys.executable, "-c", code, *linked_folders()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_wheel_holds_everything_and_its_demo_runs(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    wheel = next(tmp_path.glob("*.whl"))
    names = set(zipfile.ZipFile(wheel).namelist())
    code = [p for folder in linked_folders() for p in (ROOT / folder).rglob("*.py") if folder != "data"]
    wanted = {f"citewell/{p.relative_to(ROOT).as_posix()}" for p in code}
    wanted |= {f"citewell/evaluation/{name}" for name in ("report/page.html", "topics/synonyms.txt")}
    wanted |= {
        f"citewell/{p.relative_to(ROOT).as_posix()}"
        for p in (ROOT / "data").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    wanted |= {f"citewell/api/web/{p.name}" for p in (ROOT / "api" / "web").iterdir()} | {"citewell/py.typed"}
    assert wanted <= names, sorted(wanted - names)
    assert not [n for n in names if n.startswith(("citewell/tests", "tests/", "citewell/benchmarks"))]

    target = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel], check=True
    )
    done = subprocess.run(
        [sys.executable, "-c", "import citewell, sys; assert sys.argv[1] in citewell.__file__; from citewell.cli.main import main; sys.argv = ['citewell', 'demo']; main()", str(target)],
        capture_output=True, text=True, cwd=tmp_path, env=environment(PYTHONPATH=str(target)), timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "The documents do not say." in done.stdout
