"""`citewell demo`: the whole line on the bundled sample documents, in one process."""

from __future__ import annotations

from pathlib import Path

import click

from citewell.cli.common import ConsoleProgress, Place, place_options

DEMO_DIRECTORY = ".citewell-demo"
SOURCE = "sample"
QUESTIONS: tuple[str, ...] = (
    "Can I borrow an instrument to try it out before buying, and for how long?",
    "What will Weirboard cost per gateway for a customer who signs up in 2026?",
    "Why does the calibration laboratory have to leave the first floor?",
    "What are the factory settings of the Ondaro 500 for Modbus address and baud rate?",
    "What is the managing director's yearly salary?",
)


@click.command()
@place_options
def demo(place: Place) -> None:
    """Ingest the bundled sample documents and ask five questions, one of which they do not answer.

    Uses its own data directory, .citewell-demo, unless --dir names another.
    """
    if not place.named:
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
    steps = (
        (
            f'citewell ask "What was the last order date of the Skerrylink G2?" {where}',
            "ask these documents something else",
        ),
        (f"citewell serve {where}", "ask from a browser page"),
        ("citewell ingest PATH", "index your own documents, then: citewell ask QUESTION"),
    )
    click.secho("\nNext:", bold=True)
    for command, purpose in steps:
        click.echo(f"  {command}\n      {purpose}")
