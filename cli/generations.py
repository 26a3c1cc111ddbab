"""`citewell generations list|verify|publish|rollback|prune|compare|canary`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import IO, TYPE_CHECKING

import click

from citewell.cli.common import ConsoleProgress, Place, common_options, print_json
from citewell.core.errors import GenerationNotFound, InvalidQuery

if TYPE_CHECKING:
    from citewell.pipeline.upkeep.canary import Comparison


@click.group(short_help="List, try, publish and prune the generations of the index.")
def generations() -> None:
    """List, try, publish and prune the generations of the index.

    A running service follows: its next answer comes from the generation that is live then. Which documents are alive and who may
    read them is always asked of the present, whichever generation answers.
    """


@generations.command(name="list")
@common_options
def list_generations(place: Place, as_json: bool) -> None:
    """List the generations that are kept."""
    engine = place.engine()
    rows = engine.catalog.generation_rows()
    engine.close()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    for row in rows:
        told = f"published {row.published_at}" if row.published_at else "not published"
        click.echo(f"{row.generation:06d}  {row.made_by:<8} built {row.built_at}  {told}{'  live' if row.live else ''}")
    click.echo(f"{len(rows)} generations")


@generations.command()
@click.argument("generation", type=click.IntRange(1), required=False)
@common_options
def verify(generation: int | None, place: Place, as_json: bool) -> None:
    """Compare the files of GENERATION, or of all that are kept, with their checksums, and the live one with the catalog.

    `citewell index verify` also compares the catalog with its own checksums.
    """
    engine = place.engine()
    from citewell.index.store.verify import verify_generation

    rows = [row for row in engine.catalog.generation_rows() if generation in {None, row.generation}]
    if not rows:
        raise GenerationNotFound(f"generation {generation:06d} is not kept" if generation else "no generation is kept")
    found = [
        problem
        for row in rows
        for problem in verify_generation(engine.directory, engine.catalog, row.generation, live=row.live)
    ]
    engine.close()
    if as_json:
        print_json([asdict(problem) for problem in found])
    else:
        for problem in found:
            click.secho(f"{problem.place}: {problem.detail}", fg="red")
        click.echo("run `citewell index repair`" if found else f"{len(rows)} generations are as they were written")
    if found:
        sys.exit(1)


@generations.command()
@click.argument("generation", type=click.IntRange(1))
@common_options
def publish(generation: int, place: Place, as_json: bool) -> None:
    """Let the kept generation GENERATION answer from now on."""
    _make_live(place, generation, as_json=as_json)


@generations.command()
@common_options
def rollback(place: Place, as_json: bool) -> None:
    """Let the generation before the live one answer again.

    Documents and rights stay as they are: what was deleted since stays deleted.
    """
    engine = place.engine()
    rows = engine.catalog.generation_rows()
    engine.close()
    live = next((row.generation for row in rows if row.live), 0)
    before = [row.generation for row in rows if row.generation < live and row.published_at]
    if not before:
        raise GenerationNotFound(
            "there is no earlier generation to go back to", hint="storage.keep_generations says how many are kept."
        )
    _make_live(place, before[-1], as_json=as_json)


@generations.command()
@click.option("--keep", type=click.IntRange(1), default=1, show_default=True, help="Newest generations that stay.")
@common_options
def prune(keep: int, place: Place, as_json: bool) -> None:
    """Remove generations but for the live one and the newest."""
    settings = place.settings()
    from citewell.index.store.writer import CatalogWriter

    place.require_index()
    with CatalogWriter(place.directory, settings.storage) as writer:
        gone = [f"{number:06d}" for number in writer.prune(keep)]
    if as_json:
        print_json({"removed": gone})
    else:
        click.echo(f"removed {', '.join(gone) if gone else 'nothing'}")


@generations.command()
@click.argument("generation", type=click.IntRange(1))
@click.argument("questions", type=click.File(encoding="utf-8"))
@common_options
def compare(generation: int, questions: IO[str], place: Place, as_json: bool) -> None:
    """Ask the live generation and the kept GENERATION each question of the file QUESTIONS, one a line, and show where they differ.

    \b
    citewell index rebuild --no-publish --set chunking.max_tokens=128
    citewell generations compare 7 questions.txt
    """
    lines = [line.strip() for line in questions if line.strip()]
    if not lines:
        raise InvalidQuery("the file holds no question", hint="Write one question a line.")
    engine = place.engine()
    from citewell.pipeline.upkeep import canary

    with ConsoleProgress("compare", quiet=as_json) as progress:
        found = canary.compare(engine, generation, lines, progress.advance)
    engine.close()
    summary = canary.compared(list(found.values()))
    if as_json:
        print_json({"summary": asdict(summary), "questions": {q: asdict(d) for q, d in found.items()}})
        return
    for question, difference in found.items():
        if difference.live_answered != difference.canary_answered:
            click.echo(f"{'only the live one' if difference.live_answered else 'only the other'} answers: {question}")
        elif not difference.same_first:
            click.echo(f"another document comes first: {question}")
    _tell(summary)


@generations.group(short_help="Try a kept generation in the running service.")
def canary() -> None:
    """Try a kept generation in the running service before it is published.

    It shadows a share of the questions, or answers them; each is also put to the other generation, and how both differ is
    written down without the question.
    """


@canary.command()
@click.argument("generation", type=click.IntRange(1))
@click.option("--share", type=click.FloatRange(0, 1, min_open=True), default=0.1, show_default=True, help="Of the questions.")  # fmt: skip
@click.option("--answers", is_flag=True, help="Its answers are served; without, the live ones are.")
@common_options
def start(generation: int, share: float, answers: bool, place: Place, as_json: bool) -> None:
    """Try the kept generation GENERATION on a share of the questions."""
    settings = place.settings()
    from citewell.index.store.catalog import Canary
    from citewell.index.store.writer import CatalogWriter

    place.require_index()
    tried = Canary(generation, share, answers)
    with CatalogWriter(place.directory, settings.storage) as writer:
        writer.start_canary(tried)
    if as_json:
        print_json(asdict(tried))
    else:
        click.echo(f"generation {generation:06d} {'answers' if answers else 'shadows'} {share:.0%} of the questions")


@canary.command()
@common_options
def stop(place: Place, as_json: bool) -> None:
    """Have the live generation alone asked again."""
    settings = place.settings()
    from citewell.index.store.writer import CatalogWriter

    place.require_index()
    with CatalogWriter(place.directory, settings.storage) as writer:
        writer.end_canary()
    if as_json:
        print_json({"canary": None})
    else:
        click.echo("the live generation alone is asked")


@canary.command()
@click.option("--generation", type=click.IntRange(1), help="Default: the one that is tried.")
@common_options
def report(generation: int | None, place: Place, as_json: bool) -> None:
    """Show how the tried generation's answers differ from the live one's."""
    engine = place.engine()
    from citewell.pipeline.upkeep import canary as trial

    tried = engine.catalog.canary()
    engine.close()
    number = generation or (tried.generation if tried else None)
    if number is None:
        raise GenerationNotFound("no generation is tried", hint="Try one: `citewell generations canary start N`.")
    found = trial.kept(place.directory, number)
    summary = trial.compared(found) if found else None
    if as_json:
        print_json({"canary": asdict(tried) if tried else None, "summary": asdict(summary) if summary else None})
    elif summary is None:
        click.echo(f"no question has been compared for generation {number:06d} yet")
    else:
        _tell(summary)


def _tell(summary: Comparison) -> None:
    click.echo(
        f"{summary.questions} questions: {summary.same_first:.1%} with the same first document, {summary.overlap:.1%} of the documents of the context "
        f"in common, {summary.same_cited:.1%} citing the same documents"
    )
    click.echo(
        f"answered by both {summary.both_answered}, by the live one alone {summary.only_live_answered}, by the other alone "
        f"{summary.only_canary_answered}, by neither {summary.neither_answered}; median {summary.live_ms} and {summary.canary_ms} ms"
    )


def _make_live(place: Place, generation: int, *, as_json: bool) -> None:
    settings = place.settings()
    from citewell.index.store.writer import CatalogWriter

    place.require_index()
    with CatalogWriter(place.directory, settings.storage) as writer:
        writer.make_live(generation, deliberate=True)
    if as_json:
        print_json({"live": f"{generation:06d}"})
    else:
        click.echo(f"generation {generation:06d} answers now")
