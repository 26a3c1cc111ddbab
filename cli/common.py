"""What every command shares: the options of place and settings, machine output, progress."""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from citewell.core.errors import SettingsError
from citewell.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from citewell.pipeline.wiring import Engine

DEFAULT_DIRECTORY = ".citewell"
SOME_FILES_FAILED = 3
LINE_EVERY_S = 5.0

Command = Callable[..., None]


def common_options(command: Command) -> Command:
    """Adds --dir, --config, --set and --json; the command gets `place: Place` and `as_json: bool`."""
    return place_options(click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(command))


def place_options(command: Command) -> Command:
    """Adds --dir, --config and --set; the command gets `place: Place`."""

    @click.option("--dir", "directory", metavar="DIR", help="Data directory (default: .citewell, or CITEWELL_DIR).")
    @click.option("--config", metavar="FILE", help="Settings file (default: citewell.toml in the working directory).")
    @click.option(
        "--set", "overrides", metavar="NAME=VALUE", multiple=True, help="Override a setting, e.g. fusion.method=rrf."
    )
    @functools.wraps(command)
    def wrapper(directory: str | None, config: str | None, overrides: tuple[str, ...], **rest: Any) -> None:
        inherited = click.get_current_context().find_root().obj or {}
        place = Place(directory or inherited.get("directory"), config or inherited.get("config"), overrides)
        command(place=place, **rest)

    return wrapper


class Place:
    """The data directory and the settings that the options name."""

    def __init__(self, directory: str | None, config: str | None, overrides: tuple[str, ...] = ()) -> None:
        self.named = directory is not None  # by an option, not by the environment or the default
        self.directory = Path(directory or os.environ.get("CITEWELL_DIR") or DEFAULT_DIRECTORY)
        self._config = config or os.environ.get("CITEWELL_CONFIG")
        self._overrides = overrides

    def settings(self, **sections: dict[str, Any]) -> Settings:
        """The settings in force; `--set` and `sections` over environment over file."""
        merged: dict[str, Any] = {name: dict(values) for name, values in sections.items()}
        for override in self._overrides:
            name, found, value = override.partition("=")
            *within, field = name.split(".")
            place: Any = merged
            for key in within:
                place = place.setdefault(key, {}) if isinstance(place, dict) else None
            if not (found and within and isinstance(place, dict)):
                raise SettingsError(
                    f"--set {override!r} is not SECTION.FIELD=VALUE", hint="For example --set fusion.method=rrf"
                )
            place[field] = value
        return load_settings(Path(self._config) if self._config else None, **merged)

    def require_index(self) -> None:
        """Raises IndexMissing when the data directory holds none."""
        from citewell.core.errors import IndexMissing
        from citewell.index.store.catalog import CATALOG_NAME

        if not (self.directory / CATALOG_NAME).is_file():
            raise IndexMissing(f"there is no index in {self.directory}")

    def engine(self, **sections: dict[str, Any]) -> Engine:
        """The stages over this directory, each loaded when it is needed."""
        from citewell.pipeline.wiring import Engine

        return Engine(self.directory, self.settings(**sections))


def print_json(value: object) -> None:
    """Prints `value` as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


class ConsoleProgress:
    """A bar on a terminal, a line every few seconds otherwise; on standard error, so that output stays clean."""

    def __init__(self, label: str, *, quiet: bool = False) -> None:
        self._label = label
        self._quiet = quiet
        self._bar: Progress | None = None
        self._last_line = time.monotonic()

    def __enter__(self) -> ConsoleProgress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[what]}"),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task(self._label, total=None, what="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, done: int, total: int, what: str) -> None:
        """`done` of `total` are dealt with; `what` is under way."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, what=what[-60:])
        elif not self._quiet and time.monotonic() - self._last_line >= LINE_EVERY_S:
            self._last_line = time.monotonic()
            click.echo(f"{self._label}: {done} of {total}, {what}", err=True)

    def tell(self, message: str) -> None:
        """A line that stays, above the bar."""
        if self._bar is not None:
            self._bar.console.print(message, markup=False, highlight=False)
        elif not self._quiet:
            click.echo(message, err=True)
