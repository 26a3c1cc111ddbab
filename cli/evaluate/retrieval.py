"""`citewell evaluate retrieval`."""

from __future__ import annotations

from pathlib import Path

import click

from citewell.cli.common import ConsoleProgress, Place, place_options
from citewell.cli.evaluate.common import PATH, Source, dataset_options, deliver, json_option, names, report_option
from citewell.cli.evaluate.tables import print_retrieval


@click.command(short_help="Measure retrieval by stage on judged questions.")
@dataset_options
@click.option(
    "--stages", default="bm25,dense,hybrid,ltr,rerank", show_default=True, callback=names, help="Stages to measure."
)
@click.option(
    "--measures", default="nDCG@10,R@100,RR@10,AP,P@5,Judged@10", show_default=True, callback=names,
    help="As in ir-measures.",
)  # fmt: skip
@click.option("--runs", type=PATH, help="Folder for TREC runs, one per stage.")
@click.option("--slices", is_flag=True, help="Also print the first measure by kind of question.")
@json_option
@report_option
@place_options
def retrieval(
    source: Source, stages: list[str], measures: list[str], runs: Path | None, slices: bool, out: str | None,
    report: Path | None, place: Place,
) -> None:  # fmt: skip
    """Measure retrieval by stage on the judged questions of a dataset; its index is built once and kept.

    A document may become several passages; its score is that of the best one. Every judged question counts, one
    without results as 0.

    \b
    citewell evaluate retrieval --dataset scifact --runs runs --json scifact.json
    citewell evaluate retrieval --dataset questions.jsonl --slices
    """
    settings = place.settings()
    from citewell.evaluation import retrieval as evaluation
    from citewell.evaluation.measures.ranking import parse_measures

    evaluation.check_stages(stages)
    parse_measures(measures)
    data = source.read(judged_only=True)
    indexed = source.index(data, place, settings)
    with ConsoleProgress(f"queries of {data.name}") as progress:
        record = evaluation.evaluate_retrieval(
            indexed, data, stages=stages, measures=measures, runs=runs, progress=progress
        )
    indexed.engine.close()
    if report:
        from citewell.evaluation.report.page import write_report

        write_report([record], report)
    if not deliver(record.model_dump(mode="json"), out):
        print_retrieval(record, slices=slices)
