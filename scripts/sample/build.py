"""Build the PDF and DOCX documents of the sample corpus from the texts in ``sources/``.

Each source is a small Markdown dialect (headings, paragraphs, lists, tables, ``**bold**``) with a front matter
of ``key: value`` lines. The key ``output`` names the file below ``data/sample/corpus``; its suffix selects the format.
The same sources give the same bytes on every run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from blocks import Source, read_source
from docx_writer import write_docx
from pdf_writer import write_pdf

SOURCES = Path(__file__).parent / "sources"
CORPUS = Path(__file__).parents[2] / "data" / "sample" / "corpus"


def build(source: Source, corpus: Path) -> Path:
    """Write the document of one source below ``corpus`` and return its path.

    A source with the key ``keep`` is cut off after that fraction of its bytes, as by an interrupted copy.
    """
    target = corpus / source.meta["output"]
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".pdf":
        write_pdf(source, target)
    else:
        write_docx(source, target)
    if "keep" in source.meta:
        data = target.read_bytes()
        target.write_bytes(data[: int(len(data) * float(source.meta["keep"]))])
    return target


def main() -> None:
    """Build every source, or those whose file name starts with the given word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prefix", nargs="?", default="", help="build only sources whose name starts with this")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder to write to")
    args = parser.parse_args()
    for path in sorted(SOURCES.glob(f"{args.prefix}*.md")):
        target = build(read_source(path), args.corpus)
        print(f"{target.relative_to(args.corpus)}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
