"""Files that ship inside the package: the sample documents and the weights that this project trained."""

from __future__ import annotations

from pathlib import Path

import citewell


def package_path(*parts: str) -> Path:
    """The path of a file or folder that ships with the package, such as `package_path("data", "sample")`."""
    return Path(next(iter(citewell.__path__))).joinpath(*parts)
