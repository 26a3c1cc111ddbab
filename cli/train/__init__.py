"""`citewell train`: the models of `data/models`, made anew from public questions and free text."""

from __future__ import annotations

import click

from citewell.cli.train.blend import blend
from citewell.cli.train.evidence import evidence
from citewell.cli.train.ltr import ltr
from citewell.cli.train.reranker import reranker
from citewell.cli.train.verifier import verifier


@click.group(short_help="Train the models that rerank, read, weigh and verify.")
def train() -> None:
    """Train the models that rerank, read, weigh and verify, from public questions and free text.

    Training needs no network and no accelerator; it takes hours, says how far it is, and goes on where it was when it is killed.
    """


train.add_command(reranker)
train.add_command(ltr)
train.add_command(blend)
train.add_command(verifier)
train.add_command(evidence)
