"""`citewell evaluate retrieval`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from citewell.cli.common import ConsoleProgress, Place, place_options, print_json

if TYPE_CHECKING:
    from citewell.evaluation.retrieval import RetrievalResult


NO_TERMINAL_WIDTH = 200


@click.group()
def evaluate() -> None:
    """Measure the serving path on judged questions, offline."""


def _names(_ctx: click.Context, _parameter: click.Parameter, value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


@evaluate.command()
@click.option("--dataset", required=True, type=click.Path(path_type=Path), help="Folder in the BEIR layout.")
@click.option(
    "--stages", default="bm25,dense,hybrid,rerank", show_default=True, callback=_names, help="Stages to measure."
)
@click.option(
    "--measures", default="nDCG@10,R@100,RR@10", show_default=True, callback=_names, help="As in ir-measures."
)
@click.option("--queries", type=click.Path(path_type=Path), help="Another file of queries than queries.jsonl.")
@click.option("--split", default="test", show_default=True, help="qrels/SPLIT.tsv.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N judged queries.")
@click.option("--runs", type=click.Path(path_type=Path), help="Folder for TREC runs, one per stage.")
@click.option(
    "--index", "cache", type=click.Path(path_type=Path), help="Folder for datasets' indexes (default: DIR/evaluation)."
)
@click.option("--json", "out", metavar="OUT", help="Write the figures as JSON to the file OUT; - is standard output.")
@place_options
def retrieval(
    dataset: Path, stages: list[str], measures: list[str], queries: Path | None, split: str, limit: int | None, runs: Path | None,
    cache: Path | None, out: str | None, place: Place,
) -> None:  # fmt: skip
    """Measure retrieval by stage on the judged queries of a dataset; its index is built once and kept.

    A document may become several passages; its score is that of the best one. Every judged query counts.

    \b
    citewell evaluate retrieval --dataset scifact --runs runs --json scifact.json
    """
    settings = place.settings()
    from citewell.evaluation import retrieval as evaluation
    from citewell.evaluation.datasets import read_dataset
    from citewell.evaluation.measures import parse_measures

    evaluation.check_stages(stages)
    parse_measures(measures)
    data = read_dataset(dataset, queries=queries, split=split, limit=limit)
    with ConsoleProgress(f"index {data.name}") as progress:
        engine, _ = evaluation.index_dataset(data, settings, cache or place.directory / "evaluation", progress)
    with ConsoleProgress(f"queries of {data.name}") as progress:
        result = evaluation.evaluate_retrieval(
            engine, data, stages=stages, measures=measures, runs=runs, progress=progress
        )
    engine.close()
    body = result.as_json()
    if out == "-":
        print_json(body)
        return
    if out:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(json.dumps(body, indent=2), encoding="utf-8")
    print_table(result)


def print_table(result: RetrievalResult) -> None:
    """Stages in rows, measures in columns: mean and 95 % interval."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    title = f"{result.dataset}: {result.topics} judged queries, mean and 95 % bootstrap interval"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("stage", no_wrap=True, min_width=8)
    measures = list(next(iter(result.stages.values())))
    for name in measures:
        table.add_column(name, justify="right", no_wrap=True)
    for stage, estimates in result.stages.items():
        table.add_row(stage, *(f"{e.mean:.4f}  [{e.low:.3f}, {e.high:.3f}]" for e in (estimates[m] for m in measures)))
    # In a log or a pipe nothing is wrapped.
    console = Console() if sys.stdout.isatty() else Console(width=NO_TERMINAL_WIDTH)
    console.print(table)
    for note in result.notes:
        console.print(note)
    console.print(f"config {result.config_hash}, generation {result.generation}")
