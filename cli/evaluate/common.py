"""What the commands of `evaluate` share: the options that name a dataset, and where figures go."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from citewell.cli.common import Command, ConsoleProgress, Place, print_json

if TYPE_CHECKING:
    from citewell.core.settings import Settings
    from citewell.evaluation.indexing import Indexed
    from citewell.evaluation.topics.types import Dataset

PATH = click.Path(path_type=Path)


@dataclass(frozen=True)
class Source:
    """The dataset that the options name."""

    dataset: Path | None
    queries: Path | None
    qrels: Path | None
    split: str
    limit: int | None
    history: Any
    cache: Path | None

    def read(self, *, judged_only: bool = False, default: Path | None = None) -> Dataset:
        """The dataset; `default` where none is named."""
        from citewell.evaluation.topics.datasets import read_dataset

        location = self.dataset or default
        if location is None:
            raise click.UsageError("Missing option '--dataset'.")
        return read_dataset(
            location, queries=self.queries, qrels=self.qrels, split=self.split, limit=self.limit, history=self.history,
            judged_only=judged_only,
        )  # fmt: skip

    def index(self, data: Dataset, place: Place, settings: Settings) -> Indexed:
        """The dataset's documents, indexed unless they are; with progress."""
        from citewell.evaluation.indexing import index_dataset

        with ConsoleProgress(f"index {data.name}") as progress:
            return index_dataset(data, settings, place.directory, self.cache, progress)


def dataset_options(command: Command) -> Command:
    """Adds the options that name a dataset; the command gets `source: Source`."""

    @click.option("--dataset", type=PATH, help="A folder, a file of questions, or `sample`; see evaluate --help.")
    @click.option("--queries", type=PATH, help="Other questions than the dataset's own (.jsonl, or TREC topics).")
    @click.option("--qrels", type=PATH, help="Other judgements than the dataset's own (BEIR or TREC).")
    @click.option("--split", default="test", show_default=True, help="qrels/SPLIT.tsv.")
    @click.option("--limit", type=click.IntRange(1), help="Only N questions, spread evenly over the file.")
    @click.option(
        "--history", type=click.Choice(["last", "user"]), default="last", show_default=True,
        help="Ask the last turn of a conversation alone, or after the user's earlier turns.",
    )  # fmt: skip
    @click.option("--index", "cache", type=PATH, help="Folder for datasets' indexes (default: DIR/evaluation).")
    @functools.wraps(command)
    def wrapper(
        dataset: Path | None, queries: Path | None, qrels: Path | None, split: str, limit: int | None, history: str,
        cache: Path | None, **rest: Any,
    ) -> None:  # fmt: skip
        command(source=Source(dataset, queries, qrels, split, limit, history, cache), **rest)

    return wrapper


def json_option(command: Command) -> Command:
    """Adds `--json OUT`; the command gets `out: str | None`."""
    return click.option(
        "--json", "out", metavar="OUT", help="Write the figures as JSON to the file OUT; - is standard output."
    )(command)


def report_option(command: Command) -> Command:
    """Adds `--report FILE`; the command gets `report: Path | None`."""
    return click.option("--report", type=PATH, help="Write a self-contained HTML report to FILE.")(command)


def names(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> list[str]:
    """A list from names separated by commas."""
    return [name.strip() for name in (value or "").split(",") if name.strip()]


def deliver(body: object, out: str | None) -> bool:
    """Writes the figures where `--json` says; True when they went to standard output, which then holds nothing else."""
    from citewell.evaluation.record import write_json

    if out == "-":
        print_json(body)
        return True
    if out:
        write_json(body, Path(out))
    return False
