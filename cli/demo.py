"""`citewell demo`: the whole line on the bundled sample documents, in one process."""

from __future__ import annotations

import os
from pathlib import Path

import click

from citewell.cli.common import ConsoleProgress, Place, place_options

DEMO_DIRECTORY = ".citewell-demo"
SOURCE = "sample"
QUESTIONS: tuple[str, ...] = ()


@click.command()
@place_options
def demo(place: Place) -> None:
    """Ingest the bundled sample documents and ask five questions, one of which they do not answer.

    Uses its own data directory, .citewell-demo, unless --dir names another.
    """
    if place.directory == Path(".citewell") and not os.environ.get("CITEWELL_DIR"):
        place.directory = Path(DEMO_DIRECTORY)
    from citewell.cli.ask import print_answer
    from citewell.cli.ingest import print_report
    from citewell.core.resources import package_path

    folder = package_path("data", "sample", "corpus")
    click.secho("Ingesting the sample documents of an invented company (two of them are broken on purpose)", bold=True)
    engine = place.engine()
    from citewell.pipeline.ask import ask
    from citewell.pipeline.build import ingest_paths
    from citewell.pipeline.present import answer_as_json

    with ConsoleProgress("ingest") as progress:
        report = ingest_paths(engine, [folder], source=SOURCE, prune=True, progress=progress)
    print_report(report)
    for question in QUESTIONS:
        click.secho(f"\n? {question}", bold=True)
        print_answer(answer_as_json(ask(engine, question)))
    engine.close()
    where = f"--dir {place.directory}"
    click.secho("\nNext:", bold=True)
    click.echo(f'  citewell ask "May I work from another country?" {where}    ask these documents something else')
    click.echo(f"  citewell serve {where}                                      ask from a browser page")
    click.echo(
        "  citewell ingest PATH                                        index your own documents, then: citewell ask QUESTION"
    )
