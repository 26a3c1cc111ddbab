"""The report: one HTML file that needs nothing else, the same as JSON, and the plots as PNG files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from citewell.core.resources import package_path
from citewell.evaluation.compare import Comparison, Side, compare
from citewell.evaluation.record import ANSWER_MEASURES, AnswersRecord, Record, RetrievalRecord, write_json
from citewell.evaluation.report import plots
from citewell.evaluation.report.plots import Plot
from citewell.evaluation.waterfall import STEPS

TEMPLATE = "page.html"
MOST_OUTCOMES = 500  # rows of the table of questions
STAGE_PAIRS = (("bm25", "hybrid"), ("dense", "hybrid"), ("hybrid", "ltr"), ("ltr", "rerank"))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two systems over the same topics, and the plot of their differences."""

    comparison: Comparison
    plot: Plot


def write_report(records: Sequence[Record], path: Path, plots_folder: Path | None = None) -> list[Path]:
    """Writes the report of these records to `path`, its figures beside it as NAME-figures.json, its plots into `plots_folder`
    (default: NAME-plots beside it), and gives the files."""
    pairs = _pairs(records)
    by_record = [_plots(record) for record in records]
    page = _environment().from_string(_template()).render(
        title=", ".join(dict.fromkeys(record.dataset for record in records)),
        parts=list(zip(records, by_record, strict=True)),
        pairs=pairs,
        steps=STEPS,
        answer_measures=ANSWER_MEASURES,
        most_outcomes=MOST_OUTCOMES,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    figures = path.with_name(f"{path.stem}-figures.json")
    body = {
        "records": [record.model_dump(mode="json") for record in records],
        "comparisons": [pair.comparison.as_json() for pair in pairs],
    }
    write_json(body, figures)
    written = [path, figures]
    folder = plots_folder or path.with_name(f"{path.stem}-plots")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [*(p for some in by_record for p in some), *(pair.plot for pair in pairs)]
    for number, plot in enumerate(drawn, start=1):
        file = folder / f"{number:02d}-{plot.name}.png"
        file.write_bytes(plot.png)
        written.append(file)
    return written


def _plots(record: Record) -> list[Plot]:
    if isinstance(record, RetrievalRecord):
        drawn = [plots.recall_by_depth(record)]
    else:
        drawn = [plots.risk_coverage(record), plots.waterfall(record)] if record.abstention.curve else []
    return [*drawn, plots.latency(record)] if record.latency_ms else drawn


def _pairs(records: Sequence[Record]) -> list[Pair]:
    """What can be compared: the stages within each record of retrieval, and records of the same kind and dataset with the first."""
    pairs = []
    for record in records:
        if isinstance(record, RetrievalRecord):
            for a, b in STAGE_PAIRS:
                if a in record.stages and b in record.stages and record.per_topic[a] != record.per_topic[b]:
                    of = record.dataset
                    pairs.append(_pair(Side(f"{of} {a}", record.per_topic[a]), Side(f"{of} {b}", record.per_topic[b])))
    firsts: dict[tuple[str, str], Record] = {}
    for number, record in enumerate(records, start=1):
        first = firsts.setdefault((record.kind, record.dataset), record)
        if first is not record and _comparable(first, record):
            pairs.append(_pair(_side(1, first), _side(number, record)))
    return pairs


def _comparable(a: Record, b: Record) -> bool:
    """Whether the two have a measure with a topic in common."""
    one, other = a.measured(), b.measured()
    return any(one[name].keys() & other[name].keys() for name in one if name in other)


def _side(number: int, record: Record) -> Side:
    return Side(f"{record.dataset} {record.kind} {number}", record.measured(), record.provenance.corpus_sha256)


def _pair(a: Side, b: Side) -> Pair:
    comparison = compare(a, b)
    surest = comparison.changed_in
    return Pair(comparison, plots.differences(comparison, a.measured[surest], b.measured[surest], surest))


def _environment() -> Environment:
    """Everything is escaped but our own drawings: questions and answers are texts of others."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["svg"] = lambda plot: Markup(plot.svg)  # noqa: S704 (drawn by matplotlib, which escapes its texts)
    environment.filters["figure"] = _figure
    environment.filters["changed_row"] = lambda change: [change.query_id, change.a, change.b]
    environment.tests["retrieval"] = lambda record: isinstance(record, RetrievalRecord)
    environment.tests["answers"] = lambda record: isinstance(record, AnswersRecord)
    return environment


def _figure(value: Any) -> str:
    return "–" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _template() -> str:
    return (package_path("evaluation", "report") / TEMPLATE).read_text(encoding="utf-8")
