"""Whether to ship: the figures of now against a baseline, topic by topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from citewell.core.errors import DatasetInvalid
from citewell.core.resources import package_path
from citewell.evaluation.answers import evaluate_answers
from citewell.evaluation.compare import Comparison, Row, Side, compare
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.record import Record, RetrievalRecord
from citewell.evaluation.retrieval import evaluate_retrieval
from citewell.evaluation.topics.types import Dataset
from citewell.ingest.jobs import Progress

TOLERANCE = 0.02
TOPICS_OF_NOISE = 1.5  # a fall by one topic alone is within every tolerance
NOT_QUALITY = ("Judged",)  # measures of the judgements, not of the system


@dataclass(frozen=True, slots=True)
class Fall:
    """A measure that fell, and why that is too much."""

    measure: str
    row: Row
    tolerance: float
    significant: bool

    def sentence(self) -> str:
        """For people."""
        row = self.row
        why = []
        if self.significant:
            why.append(f"significantly (p {row.p_holm:.4f}, corrected)")
        if -row.difference.mean > self.tolerance:
            why.append(f"by more than the tolerance of {self.tolerance:.3f}")
        return f"{self.measure} fell from {row.a:.4f} to {row.b:.4f}, {' and '.join(why)}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every comparison with the baseline, what fell too far, and what a reader must know."""

    comparisons: tuple[Comparison, ...]
    falls: tuple[Fall, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing fell too far."""
        return not self.falls

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "passed": self.passed,
            "falls": [asdict(fall) | {"sentence": fall.sentence()} for fall in self.falls],
            "comparisons": [comparison.as_json() for comparison in self.comparisons],
            "notes": list(self.notes),
        }


def sample_baseline() -> Path:
    """The committed baseline of the sample data."""
    return package_path("data", "sample", "baseline.json")


def measure(indexed: Indexed, dataset: Dataset, progress: Progress | None = None) -> list[Record]:
    """What a baseline is made of: retrieval where there are qrels, answers where it is known what the documents answer.

    Raises DatasetInvalid when there is neither.
    """
    records: list[Record] = []
    if dataset.judged:
        records.append(evaluate_retrieval(indexed, dataset, progress=progress))
    if any(topic.answerable is not None for topic in dataset.topics) or not records:
        records.append(evaluate_answers(indexed, dataset, progress=progress))
    return records


def measure_again(
    indexed: Indexed, dataset: Dataset, baseline: Sequence[Record], progress: Progress | None = None
) -> list[Record]:
    """The records of a baseline, measured anew: the same kinds, stages and measures, in its order."""
    records: list[Record] = []
    for record in baseline:
        if isinstance(record, RetrievalRecord):
            stages, measures = list(record.per_topic), list(next(iter(record.per_topic.values())))
            records.append(evaluate_retrieval(indexed, dataset, stages=stages, measures=measures, progress=progress))
        else:
            records.append(evaluate_answers(indexed, dataset, progress=progress))
    return records


def slim(record: Record) -> Record:
    """The record with what a comparison needs: without curves, slices, texts and timings, which change with every run."""
    if isinstance(record, RetrievalRecord):
        return record.model_copy(update={"slices": {}, "latency_ms": {}, "passages": {}})
    without_curve = record.abstention.model_copy(update={"curve": []})
    return record.model_copy(update={"abstention": without_curve, "latency_ms": {}, "outcomes": []})


def same_topics(dataset: Dataset, baseline: Sequence[Record]) -> Dataset:
    """The dataset with only the topics of the baseline. Raises DatasetInvalid when it lacks one of them."""
    wanted = {query_id for record in baseline for values in record.measured().values() for query_id in values}
    have = {topic.query_id for topic in dataset.topics}
    if wanted - have:
        first = sorted(wanted - have)[0]
        raise DatasetInvalid(
            f"the baseline has {len(wanted - have)} queries that {dataset.location} does not have, such as {first}",
            hint="Name the dataset of the baseline with --dataset, or make a new baseline with --save.",
        )
    topics = tuple(topic for topic in dataset.topics if topic.query_id in wanted)
    return replace(dataset, topics=topics, qrels={q: g for q, g in dataset.qrels.items() if q in wanted})


def judge(baseline: Sequence[Record], now: Sequence[Record], tolerance: float = TOLERANCE) -> Verdict:
    """Fails when a measure falls significantly (permutation test, Holm over all of its record) or beyond the tolerance.

    The tolerance of a measure is at least that of TOPICS_OF_NOISE topics. Raises DatasetInvalid when nothing can be compared.
    """
    comparisons: list[Comparison] = []
    falls: list[Fall] = []
    notes: list[str] = []
    for before, after in zip(baseline, now, strict=True):
        comparison = compare(_side(f"baseline {before.kind}", before), _side(f"now {after.kind}", after))
        comparisons.append(comparison)
        notes += [*comparison.notes, *_not_measured(before, after), *_changed_settings(before, after)]
        for row in comparison.rows:
            limit = allowed(tolerance, row.topics)
            significant = row.significant and row.difference.mean < 0
            if significant or -row.difference.mean > limit:
                falls.append(Fall(row.measure, row, limit, significant))
    return Verdict(tuple(comparisons), tuple(falls), tuple(dict.fromkeys(notes)))


def allowed(tolerance: float, topics: int) -> float:
    """How far the mean over so many topics may fall."""
    return max(tolerance, TOPICS_OF_NOISE / topics)


def _side(name: str, record: Record) -> Side:
    measured: Mapping[str, Mapping[str, float]] = {
        measure: values
        for measure, values in record.measured().items()
        if not any(part in measure for part in NOT_QUALITY)
    }
    return Side(name, measured, record.provenance.corpus_sha256)


def _not_measured(before: Record, after: Record) -> list[str]:
    """Topics of the baseline that have no value now, because their judgements are gone or they are not answered any more."""
    old, new = before.measured(), after.measured()
    gone = {name: len(values.keys() - new.get(name, {}).keys()) for name, values in old.items()}
    return [f"{name}: {count} questions of the baseline have no value now" for name, count in gone.items() if count]


def _changed_settings(before: Record, after: Record) -> list[str]:
    old, new = before.provenance.settings, after.provenance.settings
    return [
        f"setting {name}: {old.get(name)!r} in the baseline, {new.get(name)!r} now"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
