"""Writing chosen settings into a settings file, leaving the rest of it as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from citewell.core.errors import SettingsError
from citewell.core.settings import load_settings


def write_settings(chosen: Mapping[str, Any], path: Path) -> None:
    """Sets `section.field` values in the TOML file; comments and order stay. Raises SettingsError, and leaves the file as it was,
    when it is no TOML or could not be read as settings afterwards."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else tomlkit.document()
    except TOMLKitError as error:
        raise SettingsError(f"{path} is no TOML: {error}", hint="Mend the file, then tune again.") from None
    for name, value in chosen.items():
        section, _, field = name.partition(".")
        if section not in document:
            document[section] = tomlkit.table()
        document[section][field] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(tomlkit.dumps(document), encoding="utf-8")
        load_settings(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
