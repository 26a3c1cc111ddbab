"""`citewell evaluate answers`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from citewell.cli.common import ConsoleProgress, Place, place_options
from citewell.cli.evaluate.common import Source, dataset_options, deliver, json_option, report_option
from citewell.cli.evaluate.tables import print_answers


@click.command(short_help="Measure answers, citations, refusals; blame the stage that lost.")
@dataset_options
@click.option("--risk", default=0.1, show_default=True, type=click.FloatRange(0, 1), help="Share of answers that may be wrong: which threshold meets it?")  # fmt: skip
@click.option("--judge", metavar="MODULE:FUNCTION", help="A judge of your own, reported with its agreement with the labels.")  # fmt: skip
@click.option("--explain", "query_id", metavar="QUERY_ID", help="Replay one question instead: rank and score of its evidence at every stage.")  # fmt: skip
@json_option
@report_option
@place_options
def answers(
    source: Source, risk: float, judge: str | None, query_id: str | None, out: str | None, report: Path | None, place: Place
) -> None:  # fmt: skip
    """Measure answers, citations and refusals, and blame the first stage that lost the evidence. No judge model is needed.

    Asked are the questions of which it is known whether the documents answer them.

    \b
    citewell evaluate answers --dataset sample
    citewell evaluate answers --dataset squad_v2 --limit 200 --json answers.json
    citewell evaluate answers --dataset sample --explain s07
    """
    settings = place.settings()
    from citewell.evaluation.answers import evaluate_answers
    from citewell.evaluation.judge import load_judge

    judged = (judge, load_judge(judge)) if judge else None
    data = source.read()
    indexed = source.index(data, place, settings)
    if query_id is not None:
        from citewell.evaluation.explain import explain

        told = explain(indexed, data, query_id)
        indexed.engine.close()
        if not deliver(told, out):
            print_explanation(told)
        return
    with ConsoleProgress(f"questions of {data.name}") as progress:
        record = evaluate_answers(indexed, data, risk=risk, judge=judged, progress=progress)
    indexed.engine.close()
    if report:
        from citewell.evaluation.report.page import write_report

        write_report([record], report)
    if not deliver(record.model_dump(mode="json"), out):
        print_answers(record)


def print_explanation(told: dict[str, Any]) -> None:
    """One question replayed, for people."""
    from citewell.cli.ask import print_answer

    click.secho(f"{told['query_id']}: {told['question']}", bold=True)
    known = f"answerable, accepted: {' | '.join(told['answers']) or '-'}" if told["answerable"] else "not answerable"
    click.echo(f"  {known}; relevant: {', '.join(f'{d} ({g})' for d, g in told['relevant'].items()) or '-'}")
    click.echo(f"  evidence known by {told['evidence']['known_by']}, in {len(told['evidence']['passages'])} passages")
    for row in told["evidence"]["passages"]:
        ranks = "  ".join(f"{stage} {_at(row[stage])}" for stage in told["stages"])
        click.echo(f"    {row['chunk_id']}  {ranks}")
    for stage, candidates in told["stages"].items():
        click.secho(f"  {stage}", fg="cyan")
        for c in candidates:
            mark = "*" if c["evidence"] else " "
            click.echo(f"   {mark}{c['rank']:>3}  {c['score']:>10.4f}  {c['chunk_id']}  {c['document']}")
    print_answer(told["answer"])
    for sentence in told["held_back"]:
        click.echo(f"  held back: “{sentence}”")
    verdict = "right" if told["right"] else "not right"
    click.secho(f"  {verdict}{': ' + told['why'] if told['why'] else ''} {told['reason']}".rstrip(), bold=True)


def _at(hit: dict[str, float] | None) -> str:
    return f"{hit['rank']:>3} ({hit['score']:.4f})" if hit else "  -"
