"""`citewell evaluate synthesise` and `citewell evaluate paraphrase`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from citewell.cli.common import ConsoleProgress, Place, place_options
from citewell.cli.evaluate.common import PATH, Source, dataset_options, deliver, json_option, names
from citewell.cli.evaluate.tables import print_table


@click.command(short_help="Make judged questions from the documents.")
@click.option("--out", "folder", required=True, type=PATH, help="Folder for topics.jsonl and qrels/test.tsv.")
@click.option(
    "--topics", "count", default=100, show_default=True, type=click.IntRange(1), help="Most questions to make."
)
@click.option("--kinds", default="heading,question,sentence,cloze", show_default=True, callback=names, help="What to make them from.")  # fmt: skip
@click.option("--seed", default=13, show_default=True, help="Another seed draws other questions.")
@place_options
def synthesise(folder: Path, count: int, kinds: list[str], seed: int, place: Place) -> None:
    """Make judged questions from the documents in --dir, for a time in which nobody has judged any. No model is needed.

    Made from headings, from questions in the text, from sentences without their most telling words, and from sentences without a
    number or name. They are marked as synthetic: use them to notice a change for the worse, not to say how good answers are.

    \b
    citewell evaluate synthesise --out synthetic
    citewell evaluate retrieval --dataset synthetic
    """
    engine = place.engine()
    from citewell.core.errors import DatasetInvalid
    from citewell.evaluation.topics import synthesise as making

    unknown = [kind for kind in kinds if kind not in making.KINDS]
    if unknown or not kinds:
        raise DatasetInvalid(f"unknown kind {','.join(unknown)!r}", hint=f"Kinds are {', '.join(making.KINDS)}.")
    rows = making.synthesise(engine.catalog, count, kinds, seed)
    engine.close()
    making.write_topics(rows, folder)
    counts = Counter(row["tags"][1] for row in rows)
    made = ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items()))
    click.echo(f"{len(rows)} synthetic questions written to {folder / 'topics.jsonl'} ({made})")
    click.echo(f"measure with: citewell evaluate retrieval --dataset {folder}")


@click.command(short_help="Measure what changes when the wording does.")
@dataset_options
@click.option("--kinds", default="typos,order,lower,upper,keywords,synonyms", show_default=True, callback=names, help="How to change the wording.")  # fmt: skip
@click.option("--synonyms", type=PATH, help="A file of word groups, one a line, or a folder with WordNet's database (default: a list of our own).")  # fmt: skip
@click.option("--answers/--no-answers", default=True, show_default=True, help="Also compare the answers.")
@json_option
@place_options
def paraphrase(
    source: Source, kinds: list[str], synonyms: Path | None, answers: bool, out: str | None, place: Place
) -> None:  # fmt: skip
    """Measure stability: how much the first five and ten passages and the answer change when only the wording does.

    \b
    citewell evaluate paraphrase --dataset sample --kinds typos,synonyms
    """
    settings = place.settings()
    from citewell.core.errors import DatasetInvalid
    from citewell.evaluation.stability import evaluate_stability
    from citewell.evaluation.topics import paraphrase as wording

    unknown = [kind for kind in kinds if kind not in wording.KINDS]
    if unknown or not kinds:
        raise DatasetInvalid(f"unknown kind {','.join(unknown)!r}", hint=f"Kinds are {', '.join(wording.KINDS)}.")
    lists = wording.read_synonyms(synonyms) if synonyms else None
    data = source.read()
    indexed = source.index(data, place, settings)
    with ConsoleProgress(f"questions of {data.name}") as progress:
        body = evaluate_stability(indexed, data, kinds=kinds, answers=answers, synonyms=lists, progress=progress)
    indexed.engine.close()
    if deliver(body, out):
        return
    columns = list(dict.fromkeys(name for cell in body["kinds"].values() for name in cell))
    rows = [
        [kind, *(_cell(cell[name]) if name in cell else "-" for name in columns)]
        for kind, cell in body["kinds"].items()
    ]
    print_table(f"{body['dataset']}: what changes when the wording does", ["wording", *columns], rows)
    for note in body["notes"]:
        click.echo(note)


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"
