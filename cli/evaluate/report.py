"""`citewell evaluate report`."""

from __future__ import annotations

from pathlib import Path

import click

from citewell.cli.evaluate.common import PATH


@click.command(short_help="Make one HTML file with tables and plots.")
@click.argument("records", nargs=-1, required=True, type=PATH)
@click.option("--out", type=PATH, default=Path("report.html"), show_default=True, help="The HTML file; its figures go beside it as NAME-figures.json.")  # fmt: skip
@click.option("--plots", type=PATH, help="Folder for the plots as PNG files (default: beside the report).")
def report(records: tuple[Path, ...], out: Path, plots: Path | None) -> None:
    """Make one HTML file of RECORDS: tables, plots, settings, versions. It needs no network to be read.

    RECORDS are files that `evaluate retrieval` and `evaluate answers` wrote with --json. Two of the same kind and dataset are compared.

    \b
    citewell evaluate report scifact.json answers.json --out report.html
    """
    from citewell.evaluation.record import read_records
    from citewell.evaluation.report.page import write_report

    read = [record for path in records for record in read_records(path)]
    files = write_report(read, out, plots)
    click.echo(f"report written to {files[0]}, its figures to {files[1]}, {len(files) - 2} plots to {files[-1].parent}")
