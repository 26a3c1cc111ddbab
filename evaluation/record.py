"""What an evaluation leaves behind: figures, the value of every topic, and what they were measured with, as one JSON file.

Records are what `compare`, `gate` and `report` read.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from citewell.core.errors import DatasetInvalid
from citewell.core.settings import Settings, describe_settings
from citewell.evaluation.measures.statistics import Estimate
from citewell.pipeline.wiring import Engine

NOT_MEASURED = ("api.", "storage.")  # settings that cannot change a figure
LIBRARIES = ("citewell", "torch", "sentence-transformers", "transformers", "faiss-cpu", "tantivy", "ir-measures")
DIGITS = 6

ByTopic = dict[str, float]


class Part(BaseModel):
    """A frozen part of a record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Provenance(Part):
    """What a record was measured with."""

    location: str = Field(description="The dataset as it was named.")
    corpus_sha256: str
    settings: dict[str, Any]
    versions: dict[str, str]


class Latency(Part):
    """Milliseconds of one stage."""

    p50: float
    p95: float


class RetrievalRecord(Part):
    """Retrieval, stage by stage."""

    kind: Literal["retrieval"] = "retrieval"
    format: Literal[1] = 1
    dataset: str
    topics: int
    stages: dict[str, dict[str, float]] = Field(description="Mean by measure by stage.")
    intervals: dict[str, dict[str, tuple[float, float]]] = Field(description="95 % bootstrap interval of each mean.")
    depths: dict[str, dict[str, float]] = Field(description="Recall of relevant documents by depth by stage.")
    into_rerank: dict[str, float] = Field(description="Depth, recall into the reranker, and order before and after it.")
    passages: dict[str, dict[str, float]] = Field(description="Measures of passages against evidence spans, by stage.")
    slices: dict[str, dict[str, dict[str, Any]]] = Field(description="Topics and means by stage, by value, by slice.")
    latency_ms: dict[str, Latency]
    per_topic: dict[str, dict[str, ByTopic]]
    notes: list[str]
    config_hash: str
    generation: str
    provenance: Provenance

    def measured(self) -> dict[str, ByTopic]:
        """Every measure's values by topic; a measure's name begins with its stage."""
        return {f"{stage} {name}": values for stage, by in self.per_topic.items() for name, values in by.items()}


# What the measures of answers mean, in the order in which they are shown.
ANSWER_MEASURES = {
    "right": "right answers and right refusals",
    "em": "exact match (EM)",
    "f1": "token F1",
    "short_f1": "token F1 of the short answer",
    "containment": "containment: an accepted answer is quoted",
    "evidence_recall": "answerable: a citation holds the evidence",
    "citation_precision": "citation precision: cited spans that hold evidence or answer",
    "citation_recall": "citation recall: sentences with a verified citation",
}


class RiskPoint(Part):
    """One point of the risk/coverage curve; `risk_high` is the upper end of the one-sided 95 % interval."""

    threshold: float
    coverage: float
    risk: float
    risk_high: float


class AbstentionFigures(Part):
    """Refusals as a classifier of unanswerable questions, and the risk of answering."""

    precision: float
    recall: float
    f1: float
    auroc: float | None
    threshold: float = Field(description="The sufficiency below which the service abstained.")
    coverage: float
    risk: float | None = Field(description="Share of the given answers that are wrong.")
    aurc: float
    stated_risk: float
    threshold_for_risk: RiskPoint | None = Field(description="Largest coverage at the stated risk on these topics.")
    threshold_for_risk_sure: RiskPoint | None = Field(description="The same for the upper end of the risk's interval.")
    curve: list[RiskPoint]


class Waterfall(Part):
    """Answerable topics by the first stage that lost their evidence; `counts` add up to `answerable`."""

    answerable: int
    counts: dict[str, int]
    reasons: dict[str, dict[str, int]] = Field(description="Of the context's ledger, for what it dropped.")
    examples: dict[str, list[str]]


class JudgeFigures(Part):
    """What a judge said of the answers, and how far it agrees with the labels."""

    name: str
    judged: int
    accepted: float
    kappa: float


class TopicRow(Part):
    """One topic's outcome."""

    query_id: str
    question: str
    answerable: bool | None
    status: str
    sufficiency: float
    right: bool | None = Field(description="Whether what was found, said or held back, answers the question.")
    lost_at: str
    reason: str
    said: str


class AnswersRecord(Part):
    """Answers and refusals."""

    kind: Literal["answers"] = "answers"
    format: Literal[1] = 1
    dataset: str
    topics: int
    answerable: int
    unanswerable: int
    right: float = Field(description="Share of right answers and right refusals.")
    em: float | None
    f1: float | None
    containment: float | None
    short_f1: float | None = Field(
        None, description="Token F1 of the short answer, of the whole answer where it has none."
    )
    overall: dict[str, float] = Field(description="EM and F1 over all topics, silence right where nothing answers.")
    citation_precision: float | None
    citation_recall: float | None
    evidence_recall: float | None
    citations: dict[str, int] = Field(description="Citations read back from the catalog: checked, broken.")
    by_verifier: dict[str, float] = Field(description="Citation recall by each verifier.")
    intervals: dict[str, tuple[float, float]]
    abstention: AbstentionFigures
    waterfall: Waterfall
    latency_ms: dict[str, Latency]
    tokens: dict[str, float] = Field(description="Mean tokens a topic of question, context, answer.")
    judge: JudgeFigures | None
    per_topic: dict[str, ByTopic]
    outcomes: list[TopicRow]
    notes: list[str]
    config_hash: str
    generation: str
    provenance: Provenance

    def measured(self) -> dict[str, ByTopic]:
        """Every measure's values by topic."""
        return dict(self.per_topic)


Record = Annotated[RetrievalRecord | AnswersRecord, Field(discriminator="kind")]
_ANY: TypeAdapter[Record] = TypeAdapter(Record)


def read_records(path: Path) -> list[Record]:
    """The record, or the list of records, of a JSON file. Raises DatasetInvalid."""
    if not path.is_file():
        raise DatasetInvalid(f"{path} does not exist")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        rows = body if isinstance(body, list) else [body]
        if not rows:
            raise DatasetInvalid(f"{path} is empty: it has no record", hint=_HOW)
        return [_ANY.validate_python(row) for row in rows]
    except json.JSONDecodeError as error:
        raise DatasetInvalid(f"{path}, line {error.lineno}: is no JSON: {error.msg}", hint=_HOW) from None
    except (ValidationError, UnicodeDecodeError) as error:
        problem = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            problem = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise DatasetInvalid(f"{path} is no record of an evaluation: {problem}", hint=_HOW) from None


_HOW = "Records are what `citewell evaluate retrieval` and `citewell evaluate answers` write with --json FILE."


def write_json(body: object, path: Path) -> None:
    """Writes a value as JSON, making folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def provenance(engine: Engine, location: Path, corpus_sha256: str) -> Provenance:
    """What the figures of this engine are measured with."""
    return Provenance(
        location=str(location),
        corpus_sha256=corpus_sha256,
        settings=measured_settings(engine.settings),
        versions={"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    )


def measured_settings(settings: Settings) -> dict[str, Any]:
    """Every setting that can change a figure, by name."""
    rows = describe_settings(settings)
    return {str(r["name"]): r["value"] for r in rows if not str(r["name"]).startswith(NOT_MEASURED)}


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    """The values with as many digits as a record keeps."""
    return {name: round(value, DIGITS) for name, value in values.items()}


def means(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    """The mean of each measure."""
    return {name: round(e.mean, DIGITS) for name, e in estimates.items()}


def latency(times: Mapping[str, Sequence[float]]) -> dict[str, Latency]:
    """Median and 95th percentile of each stage, in milliseconds."""
    quantiles = {stage: np.percentile(np.array(values), [50, 95]) for stage, values in times.items()}
    return {stage: Latency(p50=round(float(q[0]), 3), p95=round(float(q[1]), 3)) for stage, q in quantiles.items()}


def interval(e: Estimate) -> tuple[float, float]:
    """The bounds of an estimate."""
    return round(e.low, DIGITS), round(e.high, DIGITS)
