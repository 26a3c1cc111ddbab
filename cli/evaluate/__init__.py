"""`citewell evaluate`: the instrument, one module a job."""

from __future__ import annotations

import click

from citewell.cli.evaluate.answers import answers
from citewell.cli.evaluate.calibrate import calibrate
from citewell.cli.evaluate.compare import compare
from citewell.cli.evaluate.gate import gate
from citewell.cli.evaluate.report import report
from citewell.cli.evaluate.retrieval import retrieval
from citewell.cli.evaluate.topics import paraphrase, synthesise
from citewell.cli.evaluate.tune import tune

EPILOG = """\b
A dataset (--dataset) is one of:
  FOLDER             corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv (BEIR), answers.jsonl where there is one
  FOLDER             topics.jsonl and a folder corpus/ of files
  FILE.jsonl         questions about the documents in --dir: _id, text, answerable, answers, evidence
  TOPICS --qrels Q   TREC topics and qrels about the documents in --dir
  sample             the bundled documents and questions"""


@click.group(epilog=EPILOG)
def evaluate() -> None:
    """Measure retrieval, answers and refusals offline, through the code that serves."""


for _command in (retrieval, answers, compare, gate, tune, calibrate, synthesise, paraphrase, report):
    evaluate.add_command(_command)
