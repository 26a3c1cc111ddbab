"""Draws the boxes of a PDF's blocks, or those of a quoted text, on its pages, so that a person can look whether they are right.

    python benchmarks/boxes.py FILE.pdf OUT_FOLDER [--quote TEXT] [--scale 1.5] [--pages 20]

Headings are red, paragraphs blue, list items green, table rows orange, header rows brown, code grey; a quote is yellow.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pypdfium2 as pdfium
from PIL import Image, ImageDraw

from citewell.core.types import Document, Region
from citewell.ingest.normalise import compose_document, normalise_text
from citewell.ingest.parsed import Reading
from citewell.ingest.parsers import parse

COLOURS = {
    "heading": "#d62728", "paragraph": "#1f77b4", "list_item": "#2ca02c", "table_row": "#ff7f0e", "table_header": "#8c564b", "code": "#7f7f7f"
}  # fmt: skip


def quoted(document: Document, quote: str) -> list[tuple[str, Region]]:
    """The regions in which every place of a quote stands. Raises SystemExit when the document does not hold it."""
    wanted = normalise_text(quote)
    found: list[tuple[str, Region]] = []
    at = document.text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        for block in document.blocks:
            if block.start_char < end and block.end_char > at:
                found += [("quote", region) for region in block.shown_at(at, end)]
        at = document.text.find(wanted, end)
    if not found:
        raise SystemExit("the document does not hold this text in one piece")
    return found


def draw(page: Image.Image, regions: list[tuple[str, Region]], scale: float) -> Image.Image:
    """The page with its boxes; `scale` is pixels a point."""
    layer = Image.new("RGBA", page.size)
    pen = ImageDraw.Draw(layer)
    for kind, region in regions:
        box = tuple(edge * scale for edge in region.box)
        if kind == "quote":
            pen.rectangle(box, fill=(255, 220, 0, 110), outline="#d62728", width=2)
        else:
            pen.rectangle(box, outline=COLOURS[kind], width=1)
    return Image.alpha_composite(page.convert("RGBA"), layer).convert("RGB")


def main() -> None:
    """Writes one PNG for every page that has a box."""
    arguments = argparse.ArgumentParser(description="Draws the boxes of a PDF's blocks on its pages.")
    arguments.add_argument("file", type=Path)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--quote", help="draw only where this text stands")
    arguments.add_argument("--scale", type=float, default=1.5, help="pixels a point (1.5)")
    arguments.add_argument("--pages", type=int, default=20, help="pages at most (20)")
    given = arguments.parse_args()
    data = given.file.read_bytes()
    document = compose_document(parse(data, Reading(name=given.file.name)), source="boxes", path=given.file.name)
    if given.quote:
        regions = quoted(document, given.quote)
    else:
        regions = [(block.kind, region) for block in document.blocks for region in block.regions]
    given.folder.mkdir(parents=True, exist_ok=True)
    with pdfium.PdfDocument(data) as pdf:
        for number in sorted({region.page for _, region in regions})[: given.pages]:
            image = pdf[number - 1].render(scale=given.scale).to_pil()
            shown = draw(image, [pair for pair in regions if pair[1].page == number], given.scale)
            target = given.folder / f"{given.file.stem}-{number}.png"
            shown.save(target)
            print(target)


if __name__ == "__main__":
    main()
