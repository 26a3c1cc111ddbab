"""`citewell documents list|show|delete|purge|set-groups`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from citewell.cli.common import Place, common_options, print_json


@click.group()
def documents() -> None:
    """List, show, delete and purge documents, and say who may read them."""


@documents.command(name="list")
@common_options
def list_documents(place: Place, as_json: bool) -> None:
    """List the living documents."""
    engine = place.engine()
    summaries = engine.catalog.summaries()
    engine.close()
    if as_json:
        print_json([asdict(summary) for summary in summaries])
        return
    for summary in summaries:
        click.echo(f"{summary.doc_id}  {summary.passages:>5} passages  {summary.uri}  {summary.title}")
    click.echo(f"{len(summaries)} documents")


@documents.command()
@click.argument("doc_id")
@click.option("--text", is_flag=True, help="Also show the stored text that citations point into.")
@click.option("--version", help="An earlier version, while it is kept.")
@common_options
def show(doc_id: str, text: bool, version: str | None, place: Place, as_json: bool) -> None:
    """Show the document DOC_ID."""
    engine = place.engine()
    from citewell.pipeline.present import document_as_json

    document = document_as_json(engine.catalog.document(doc_id, version), with_text=text)
    engine.close()
    if as_json:
        print_json(document)
        return
    for name, value in document.items():
        if name != "text":
            click.echo(f"{name:<11} {value}")
    if text:
        click.echo(f"\n{document['text']}")


@documents.command()
@click.argument("doc_id")
@common_options
def delete(doc_id: str, place: Place, as_json: bool) -> None:
    """Delete the document DOC_ID: it is in no answer from now on.

    Its file is not touched: remove it too, or the next ingestion of its folder brings the document back.
    """
    settings = place.settings()
    from citewell.index.store.writer import CatalogWriter

    place.require_index()
    with CatalogWriter(place.directory, settings.storage) as writer:
        uri = writer.delete(doc_id)
    if as_json:
        print_json({"deleted": doc_id, "uri": uri})
    else:
        click.echo(f"deleted {uri}")


@documents.command()
@click.argument("doc_id")
@click.option("--prove", is_flag=True, help="Search every file for phrases of the document afterwards.")
@common_options
def purge(doc_id: str, prove: bool, place: Place, as_json: bool) -> None:
    """Remove the document DOC_ID and every copy of its words from the data directory.

    Earlier generations go, the index is built anew without it, and free pages and the log are rewritten. Its file is not touched.
    """
    engine = place.engine()
    from citewell.pipeline.upkeep import maintain

    place.require_index()
    done = maintain.purge(engine, doc_id, prove=prove)
    engine.close()
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"purged {done.uri}")
        if prove:
            where = ", ".join(done.found_in) if done.found_in else "none of them"
            if not done.phrases:
                click.echo("its text was gone already: no phrases of it are left to look for")
                return
            click.echo(f"{done.phrases} phrases of it were looked for in {done.files} files: found in {where}")
    if done.found_in:
        sys.exit(1)


@documents.command(name="set-groups")
@click.argument("doc_id")
@click.argument("groups", nargs=-1)
@common_options
def set_groups(doc_id: str, groups: tuple[str, ...], place: Place, as_json: bool) -> None:
    """Let the GROUPS read the document DOC_ID, and nobody else but the owner; whatever its file says, from now on."""
    settings = place.settings()
    from citewell.index.store.writer import CatalogWriter

    place.require_index()
    with CatalogWriter(place.directory, settings.storage) as writer:
        uri = writer.set_groups(doc_id, groups)
    if as_json:
        print_json({"doc_id": doc_id, "uri": uri, "groups": sorted(set(groups))})
    else:
        click.echo(f"{uri} may be read by {', '.join(sorted(set(groups))) or 'the owner alone'}")
