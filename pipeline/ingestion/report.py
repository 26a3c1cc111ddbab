"""What a job did, from its tasks: the same whether one process did it or several, at once or after a kill."""

from __future__ import annotations

from collections import Counter
from typing import Any

from citewell.index.store.queue import JobQueue, JobRow
from citewell.ingest.jobs import Failure, FileCost, IngestReport

SLOWEST = 10


def report_of(queue: JobQueue, job: JobRow) -> IngestReport:
    """The report of a job that ended, or of what is done of one that has not."""
    told = job.report
    report = IngestReport(job=job.job_id)
    report.skipped = list(told.get("skipped", ()))
    report.duplicates = list(told.get("duplicates", ()))
    report.missing = list(told.get("missing", ()))
    report.generation = str(told.get("generation", ""))
    report.published = bool(told.get("published", False))
    report.measured = dict(told.get("measured", {}))
    report.timings_ms = {name: round(float(ms), 1) for name, ms in told.get("timings_ms", {}).items()}
    report.chunks_embedded = int(told.get("chunks_embedded", 0))
    costs: list[FileCost] = []
    formats: dict[str, Counter[str]] = {}
    for source, path, outcome, facts in queue.told(job.job_id):
        uri = f"{source}/{path}"
        report.outcomes[outcome] = report.outcomes.get(outcome, 0) + 1
        _count(report, uri, outcome, facts)
        if "parse_ms" in facts:
            media_type = str(facts.get("media_type", "")) or "not read"
            costs.append(
                FileCost(
                    uri, media_type, int(facts.get("bytes", 0)), int(facts.get("pages", 0)), float(facts["parse_ms"])
                )
            )
            formats.setdefault(media_type, Counter()).update(
                files=1,
                pages=int(facts.get("pages", 0)),
                parse_ms=round(float(facts["parse_ms"])),
                passages=int(facts.get("passages", 0)),
            )
    report.formats = {name: dict(counts) for name, counts in sorted(formats.items())}
    report.slowest = sorted(costs, key=lambda cost: -cost.parse_ms)[:SLOWEST]
    return report


def _count(report: IngestReport, uri: str, outcome: str, facts: dict[str, Any]) -> None:
    if outcome in {"added", "changed", "removed"}:
        getattr(report, outcome).append(uri)
    elif outcome == "unchanged":
        report.unchanged += 1
    elif outcome in {"dead", "needs_ocr"}:
        failure = Failure(uri, str(facts.get("code", "")), str(facts.get("reason", "")), str(facts.get("hint", "")))
        (report.failed if outcome == "dead" else report.needs_ocr).append(failure)
    report.passages += int(facts.get("passages", 0))
    report.tokens += int(facts.get("tokens", 0))
    report.pages += int(facts.get("pages", 0))
    for kind, count in facts.get("redacted", {}).items():
        report.redacted[kind] = report.redacted.get(kind, 0) + int(count)
    report.warnings.extend(f"{uri}: {warning}" for warning in facts.get("warnings", ()))
