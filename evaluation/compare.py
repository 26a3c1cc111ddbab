"""Two evaluations side by side: paired differences, how sure they are, and the topics that changed most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from citewell.core.errors import DatasetInvalid
from citewell.evaluation.measures.ranking import parse_measures, values_by_topic
from citewell.evaluation.measures.statistics import ALPHA, Difference, holm, paired_difference
from citewell.evaluation.record import read_records
from citewell.evaluation.topics.trec import canonical_run, field, read_run
from citewell.evaluation.topics.types import Qrels

MOST_CHANGED = 10

Measured = Mapping[str, Mapping[str, float]]  # measure -> query -> value


@dataclass(frozen=True, slots=True)
class Row:
    """One measure in both, over the topics that both have; `p_holm` is corrected for all measures that are compared."""

    measure: str
    topics: int
    a: float
    b: float
    difference: Difference
    p_holm: float

    @property
    def significant(self) -> bool:
        """Whether the corrected p is below ALPHA."""
        return self.p_holm < ALPHA


@dataclass(frozen=True, slots=True)
class Change:
    """A topic's value in both."""

    query_id: str
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, the topics that changed most in the measure with the surest difference, and what a reader must know."""

    a: str
    b: str
    rows: tuple[Row, ...]
    changed_in: str
    changed: tuple[Change, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "a": self.a,
            "b": self.b,
            "measures": [asdict(row) | {"significant": row.significant} for row in self.rows],
            "changed_in": self.changed_in,
            "changed": [asdict(change) for change in self.changed],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its values by topic by measure, its corpus where it is known, and notes on reading it."""

    name: str
    measured: Measured
    corpus_sha256: str = ""
    notes: tuple[str, ...] = ()


def read_side(path: Path, qrels: Qrels | None, measures: Sequence[str], stage: str | None) -> Side:
    """A record of an evaluation (.json), or a TREC run judged by `qrels`. Raises DatasetInvalid.

    With `stage`, only that stage of a record of retrieval, its measures named without it.
    """
    if path.suffix == ".json":
        records = read_records(path)
        measured = {name: values for record in records for name, values in record.measured().items()}
        if stage:
            measured = {n.removeprefix(f"{stage} "): v for n, v in measured.items() if n.startswith(f"{stage} ")}
            if not measured:
                raise DatasetInvalid(
                    f"{path} has no stage {stage}", hint="Stages are bm25, dense, hybrid, ltr, rerank."
                )
        return Side(path.name, measured, records[0].provenance.corpus_sha256)
    if qrels is None:
        raise DatasetInvalid(
            f"{path} is a run, and there are no qrels to judge it by", hint="Name them with --qrels FILE or --dataset DIR."
        )  # fmt: skip
    run, lines = read_run(path)
    qrels = {field(q): {field(name): grade for name, grade in grades.items()} for q, grades in qrels.items()}
    unjudged = [query_id for query_id in run if query_id not in qrels]
    if len(unjudged) == len(run):
        first = unjudged[0]
        raise DatasetInvalid(
            f"{path}, line {lines[first]}: neither the query {first} nor any other has a judgement in the qrels"
        )
    notes = []
    if unjudged:
        more = f", like {len(unjudged) - 1} more" if len(unjudged) > 1 else ""
        first = unjudged[0]
        notes.append(f"{path}, line {lines[first]}: the query {first} has no judgement in the qrels{more}; left out")
    missing = sum(query_id not in run for query_id in qrels)
    if missing:
        notes.append(f"{path}: {missing} judged queries have no result and count 0")
    values = values_by_topic(parse_measures(measures), qrels, canonical_run(run))
    return Side(path.name, values, notes=tuple(notes))


def compare(a: Side, b: Side) -> Comparison:
    """b against a, over the measures and topics that both have. Raises DatasetInvalid when there are none."""
    shared = [name for name in a.measured if name in b.measured and set(a.measured[name]) & set(b.measured[name])]
    if not shared:
        raise DatasetInvalid(
            f"{a.name} and {b.name} have no measure and topic in common",
            hint="Compare two records of the same kind and dataset, or two runs over the same qrels.",
        )
    notes = [*a.notes, *b.notes]
    if a.corpus_sha256 and b.corpus_sha256 and a.corpus_sha256 != b.corpus_sha256:
        notes.append("the two were measured on different documents: the checksums of their corpora differ")
    differences = {name: paired_difference(a.measured[name], b.measured[name]) for name in shared}
    corrected = holm([differences[name].p for name in shared])
    rows = tuple(
        _row(name, a.measured[name], b.measured[name], differences[name], p)
        for name, p in zip(shared, corrected, strict=True)
    )
    surest = min(rows, key=lambda row: row.difference.p).measure
    in_a, in_b = a.measured[surest], b.measured[surest]
    moved = [Change(q, in_a[q], in_b[q]) for q in in_a if q in in_b and in_a[q] != in_b[q]]
    moved.sort(key=lambda change: (-abs(change.b - change.a), change.query_id))
    return Comparison(a.name, b.name, rows, surest, tuple(moved[:MOST_CHANGED]), tuple(notes))


def _row(name: str, a: Mapping[str, float], b: Mapping[str, float], difference: Difference, p_holm: float) -> Row:
    topics = [query_id for query_id in a if query_id in b]
    mean_a, mean_b = (sum(side[q] for q in topics) / len(topics) for side in (a, b))
    return Row(name, len(topics), mean_a, mean_b, difference, p_holm)
