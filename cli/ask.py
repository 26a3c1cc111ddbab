"""`citewell ask` and `citewell search`."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from citewell.cli.common import Place, common_options, print_json

if TYPE_CHECKING:
    from citewell.core.answers import Sentence
    from citewell.pipeline.wiring import Engine

WIDTH = 100
CLEAR = "\r\x1b[K"  # takes back the line that says what is being done
FILTER = click.option(
    "--filter", default="", metavar="CONDITIONS",
    help="Look in some documents alone: language:de, tag:manual, path:reports/*, type:pdf, date>=2024-01-01; AND, OR, NOT, parentheses.",
)  # fmt: skip


@click.command()
@click.argument("question")
@click.option("--explain", is_flag=True, help="Show what entered the context, what did not and why, and each stage.")
@click.option("--stream", is_flag=True, help="A line of JSON for each stage, each checked sentence, and the answer.")
@FILTER
@common_options
def ask(question: str, explain: bool, stream: bool, filter: str, place: Place, as_json: bool) -> None:
    """Answer QUESTION from the documents, or say that they do not hold the answer.

    Each sentence stands in a document or is written from one, and was checked against the stored text. Those that a model writes are shown as
    soon as they were checked.

    \b
    citewell ask "How many days of leave do I have?"
    citewell ask "Who signs contracts?" --json --explain
    citewell ask "Who signs contracts?" --stream
    """
    engine = place.engine()
    from citewell.pipeline.ask import ask as ask_pipeline
    from citewell.pipeline.present import answer_as_json, event_as_json
    from citewell.pipeline.streaming import answer_events

    if stream:
        for event in answer_events(lambda audience: ask_pipeline(engine, question, filter=filter, audience=audience)):
            kind, told = event_as_json(event, explain=explain)
            click.echo(json.dumps({"event": kind, **told}, ensure_ascii=False))
    elif as_json:
        print_json(answer_as_json(ask_pipeline(engine, question, filter=filter), explain=explain))
    else:
        reader = _reader()
        try:
            answer = ask_pipeline(engine, question, filter=filter, audience=reader)
        finally:
            reader.clear()
        print_answer(answer_as_json(answer, explain=explain), after=reader.shown)
    engine.close()


def _reader() -> Any:
    """Who reads along on a terminal: each sentence is printed as soon as it is told."""
    from citewell.pipeline.audience import Audience
    from citewell.pipeline.present import sentence_as_json

    class Reader(Audience):
        shown = 0

        def stage(self, name: str) -> None:
            if not self.shown and sys.stderr.isatty():
                click.secho(f"{CLEAR}  {name} …", dim=True, err=True, nl=False)

        def clear(self) -> None:
            if sys.stderr.isatty():
                click.echo(CLEAR, err=True, nl=False)

        def sentence(self, sentence: Sentence, *, checked: bool) -> None:
            self.clear()
            if not checked:
                click.secho(f"  {sentence.text} (not checked yet)", dim=True)
                return
            click.echo(nl=self.shown == 0)
            _print_sentence(sentence_as_json(sentence))
            self.shown += 1

    return Reader()


@click.command()
@click.argument("question", metavar="QUESTION|ANSWER_ID")
@click.argument("passage", required=False)
@FILTER
@common_options
def explain(question: str, passage: str | None, filter: str, place: Place, as_json: bool) -> None:
    """Replay the answer ANSWER_ID with every decision that led to it, or show why PASSAGE stands where it stands for QUESTION.

    An answer's id is its `answer_id` (`ask --json`), a passage's is listed by `search --json`.

    \b
    citewell explain 5f3a9c0e7d21b846
    citewell explain "How many days of leave do I have?" 0a1b2c3d4e5f6071
    """
    engine = place.engine()
    if passage is None:
        _replay(engine, question, as_json=as_json)
        return
    from citewell.pipeline.explain import explain as explain_passage

    told = explain_passage(engine, question, passage, filter=filter)
    engine.close()
    if as_json:
        print_json(told)
        return
    click.secho(f"{told['uri']}  {told['chunk_id']}", fg="cyan")
    for term in told["terms"]:
        click.echo(f"  {term['term']:<20} {term['field']:<8} {term['formula']}")
    click.echo(
        f"  bm25 {told['bm25']:.4f}, cosine {told['cosine']:.4f}, {told['fusion']['method']}: {told['fusion']['formula'] or 'not a candidate'}"
    )
    ranks = ", ".join(f"{stage} {rank or '-'}" for stage, rank in told["ranks"].items())
    click.echo(f"  ranks: {ranks}")


def _replay(engine: Engine, answer_id: str, *, as_json: bool) -> None:
    from citewell.pipeline.ask import ask_again
    from citewell.pipeline.present import answer_as_json

    asked, answer = ask_again(engine, answer_id)
    engine.close()
    now = {"generation": answer.generation, "config_hash": answer.config_hash, "status": answer.status}
    differs = {name: [getattr(asked, name), value] for name, value in now.items() if getattr(asked, name) != value}
    told = answer_as_json(answer, explain=True)
    if as_json:
        print_json({"asked": asked.model_dump(mode="json"), "differs": differs, "answer": told})
        return
    click.secho(f"{asked.question}  (asked {asked.at})", bold=True)
    for name, (then, value) in differs.items():
        click.secho(f"  {name} was {then} then and is {value} now", fg="yellow")
    print_answer(told)


def print_answer(answer: dict[str, Any], after: int = 0) -> None:
    """The answer for people: sentences with `file:page` beside each quote, or what was looked for and where to look on.

    The first `after` sentences were printed before.
    """
    if not after:
        click.echo()
    for number, sentence in enumerate(answer["sentences"]):
        if number >= after:
            _print_sentence(sentence)
        _print_conflicts(answer, number)
    if answer["status"] == "abstained":
        _print_refusal(answer)
    else:
        for old in answer["superseded"]:
            click.secho(f"  {old['newer_uri']} speaks; the older {old['older_uri']} was left aside", fg="yellow")
    for part in answer["missing"]:
        click.secho(f"  the documents do not say: {part}", fg="yellow")
    for warning in answer["warnings"]:
        click.secho(f"  warning: {warning}", fg="yellow")
    total = answer["timings_ms"]["total"]
    sure = f"evidence {answer['sufficiency']:.2f}{' (uncalibrated)' if answer['uncalibrated'] else ''}"
    wrote = "" if answer["route"] == "extractive" else f"written by {answer['route']}, "
    click.secho(
        f"  {answer['status']}, {wrote}{sure}, threshold {answer['threshold']:.2f}, {total:.0f} ms, generation {answer['generation']}, id {answer['answer_id']}",
        dim=True,
    )
    if "context" in answer:
        _print_explanation(answer)


def _print_sentence(sentence: dict[str, Any]) -> None:
    if sentence["columns"]:
        click.secho(f"  ({sentence['columns']})", dim=True)
    for lean in sentence["leans_on"]:
        told = textwrap.fill(lean["citation"]["quote"], WIDTH, initial_indent="  (", subsequent_indent="   ")
        click.secho(f"{told})", dim=True)
    quoted = sentence["text"] in " ".join(citation["quote"] for citation in sentence["citations"])
    opening, closing = ("  “", "”") if quoted else ("  ", "")
    click.echo(textwrap.fill(sentence["text"], WIDTH, initial_indent=opening, subsequent_indent="   ") + closing)
    for citation in sentence["citations"]:
        below = (
            f"  {sentence['heading']}" if sentence["heading"] and not (citation["page"] or citation["place"]) else ""
        )
        click.secho(f"      [{citation['marker']}] {_place(citation)}{below}", fg="cyan")
        if not quoted:  # what was written is shown with what it was checked against
            said = " ".join(citation["quote"].split())
            click.secho(
                textwrap.fill(f"“{said}”", WIDTH, initial_indent=" " * 10, subsequent_indent=" " * 10), dim=True
            )


def _print_conflicts(answer: dict[str, Any], number: int) -> None:
    said = answer["sentences"][number]["citations"][0]["marker"]
    for conflict in answer["conflicts"]:
        other = conflict["citation"]
        if conflict["sentence"] == number:
            click.secho(
                f"      against [{said}], [{other['marker']}] {_place(other)} says: “{other['quote']}”", fg="yellow"
            )


def _print_refusal(answer: dict[str, Any]) -> None:
    from citewell.pipeline.present import place

    click.echo(f"  {answer['text']}")
    if answer["looked_for"]:
        click.echo(f"      looked for: {', '.join(answer['looked_for'])}")
    for near in answer["nearest"]:
        click.secho(f"      nearest: {place(near['uri'], near['page'])}", fg="cyan")


def _place(citation: dict[str, Any]) -> str:
    from citewell.pipeline.present import place

    return place(citation["uri"], citation["page"], citation["place"])


def _print_explanation(answer: dict[str, Any]) -> None:
    context = answer["context"]
    click.echo(f"\n  context: {context['token_count']} of {context['token_budget']} tokens")
    for kept in context["kept"]:
        click.echo(f"    [{kept['marker']}] {kept['uri']}  {kept['score']:.3f}")
    for entry in context["ledger"]:
        if entry["outcome"] != "kept":
            click.echo(f"    {entry['outcome']} {entry['uri'] or entry['chunk_id']}: {entry['reason']}")
    for check in answer["checks"]:
        click.echo(
            f"    {check['label']} {check['support']:.2f} ({', '.join(check['reasons'])}): {textwrap.shorten(check['text'], 70)}"
        )
    if answer["reasons"]:
        click.echo(f"    reasons: {', '.join(answer['reasons'])}")
    for row in answer["trace"]:
        facts = ", ".join(f"{k} {v}" for k, v in row.items() if k not in {"stage", "ms"})
        click.echo(f"    {row['stage']:<9} {row['ms']:8.1f} ms  {facts}")


@click.command()
@click.argument("question")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 20), help="Passages to list.")
@click.option("--per-document", type=click.IntRange(1), help="Most passages of one document.")
@click.option("--facets", is_flag=True, help="Also count sources, languages, types and tags of what was found.")
@FILTER
@common_options
def search(
    question: str, limit: int, per_document: int | None, facets: bool, filter: str, place: Place, as_json: bool
) -> None:
    """List the passages that fit QUESTION best, with the score of each stage.

    "Words in quotation marks" must stand so, leav* begins a word, -draft must not stand there.

    \b
    citewell search "carry over leave" --filter "language:en AND NOT type:pdf"
    """
    engine = place.engine()
    from citewell.pipeline import present
    from citewell.pipeline.ask import search as search_pipeline

    found, _, trace = search_pipeline(engine, question, filter=filter)
    result = present.search_as_json(engine, found, trace, limit=limit, per_document=per_document, with_facets=facets)
    engine.close()
    if as_json:
        print_json(result)
        return
    for warning in result["warnings"]:
        click.secho(f"warning: {warning}", fg="yellow")
    for word, near in result["corrections"].items():
        click.secho(f"no passage has {word!r}: did you mean {near!r}?", fg="yellow")
    _print_hits(result["passages"])
    for name, counts in (result["facets"] or {}).items():
        click.echo(f"{name}: {', '.join(f'{value} {count}' for value, count in counts.items()) or '-'}")
    if not result["passages"]:
        click.echo("no passage matches")


@click.command()
@click.argument("passage")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 20), help="Passages to list.")
@FILTER
@common_options
def similar(passage: str, limit: int, filter: str, place: Place, as_json: bool) -> None:
    """List passages like PASSAGE (an id that `search --json` lists), by its words and its meaning."""
    engine = place.engine()
    from citewell.pipeline.ask import read_query
    from citewell.pipeline.present import similar_as_json

    hits = similar_as_json(engine, passage, read_query(engine, passage, filter=filter), limit)
    engine.close()
    if as_json:
        print_json(hits)
    else:
        _print_hits(hits)


def _print_hits(hits: list[dict[str, Any]]) -> None:
    from citewell.pipeline import present

    for hit in hits:
        scores = "  ".join(f"{name} {score:.3f}" for name, score in hit["scores"].items())
        click.secho(
            f"{hit['rank']:>3}  {present.place(hit['uri'], hit['page'], hit['place'])}  ({' › '.join(hit['heading_path'])})",
            fg="cyan",
        )
        click.echo(textwrap.indent(textwrap.fill(textwrap.shorten(hit["text"], present.PREVIEW_CHARS), WIDTH), "     "))
        click.secho(f"     {scores or format(hit['score'], '.3f')}", dim=True)
