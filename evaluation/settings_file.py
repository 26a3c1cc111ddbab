"""Writing chosen settings into a settings file, leaving the rest of it as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from citewell.core.errors import SettingsError


def write_settings(chosen: Mapping[str, Any], path: Path) -> str:
    """Sets `section.field` values in the TOML file and gives its new text; comments and order stay. Raises SettingsError."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else tomlkit.document()
    except TOMLKitError as error:
        raise SettingsError(f"{path} is no TOML: {error}", hint="Mend the file, then tune again.") from None
    for name, value in chosen.items():
        section, _, field = name.partition(".")
        if section not in document:
            document[section] = tomlkit.table()
        document[section][field] = value
    text = tomlkit.dumps(document)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return text
