"""`citewell documents list|show|delete`."""

from __future__ import annotations

from dataclasses import asdict

import click

from citewell.cli.common import Place, common_options, print_json


@click.group()
def documents() -> None:
    """List, show and delete documents."""


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
    from citewell.core.errors import IndexMissing
    from citewell.index.catalog import CATALOG_NAME
    from citewell.index.writer import CatalogWriter

    if not (place.directory / CATALOG_NAME).is_file():
        raise IndexMissing(f"there is no index in {place.directory}")
    with CatalogWriter(place.directory, settings.storage) as writer:
        uri = writer.delete(doc_id)
    if as_json:
        print_json({"deleted": doc_id, "uri": uri})
    else:
        click.echo(f"deleted {uri}")
