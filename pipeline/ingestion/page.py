"""The report of an ingestion as one HTML page: counts, formats, the slowest and the failed files."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment

from citewell.core.resources import package_path
from citewell.ingest.jobs import IngestReport


def write_page(report: IngestReport, path: Path) -> None:
    """Writes the page. File names and reasons are escaped: they come from files."""
    template = package_path("pipeline", "ingestion", "page.html").read_text(encoding="utf-8")
    path.write_text(Environment(autoescape=True).from_string(template).render(report=report), encoding="utf-8")
