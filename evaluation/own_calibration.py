"""A user's own calibration: the shipped weights, with the probability and the thresholds made true for these documents and questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from citewell.core.errors import DatasetInvalid
from citewell.core.files import replace_text
from citewell.evaluation.calibration import collect
from citewell.evaluation.evidence_fit import LEAST_CASES, calibration_error, configure, contexts
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.topics.types import Dataset
from citewell.generate.evidence.model import FILE, Configuration, EvidenceModel
from citewell.ingest.jobs import Progress

Points = dict[str, tuple[Sequence[float], Sequence[bool]]]


@dataclass(frozen=True, slots=True)
class OwnCalibration:
    """The model that was made, what is told of it, and for the plot the probability and the truth of each case, before and after."""

    model: EvidenceModel
    told: list[dict[str, Any]]
    points: Points


def calibrate_own(indexed: Indexed, dataset: Dataset, progress: Progress | None = None) -> OwnCalibration:
    """The calibration of every language that has questions enough. Raises DatasetInvalid where none has."""
    engine = indexed.engine
    cases = list(collect(indexed, dataset, progress=progress))
    reads = engine.settings.rerank.model if any(case.signals.readings for case in cases) else ""
    counts = Counter((case.language, case.sufficient) for case in cases)
    languages = sorted({lang for lang, _ in counts if min(counts[lang, True], counts[lang, False]) >= LEAST_CASES})
    if not languages:
        told = "; ".join(
            f"{lang}: {counts[lang, True]} and {counts[lang, False]}" for lang in sorted({lang for lang, _ in counts})
        )
        raise DatasetInvalid(
            f"{LEAST_CASES} questions that the documents answer and {LEAST_CASES} that they do not are needed in one language; there are: {told}",
            hint="Add judged questions, some of them with answerable: false.",
        )
    made: list[Configuration] = []
    rows: list[dict[str, Any]] = []
    points: Points = {}
    for language in languages:
        own = [case for case in cases if case.language == language]
        named = {
            "generator": engine.generator.route,
            "embedder": engine.settings.embedder.model,
            "reranker": reads,
            "language": language,
        }
        before = engine.evidence_model.choose(**named).configuration
        after = configure(
            [],
            own,
            generator=named["generator"],
            embedder=named["embedder"],
            reranker=reads,
            language=language,
            like=before,
        )
        odds = after.log_odds(contexts(own, after.sentence))
        truth = np.array([case.sufficient for case in own], dtype=bool)
        said = {
            name: np.array([one.probability(v) for v in odds]) for name, one in (("before", before), ("after", after))
        }
        points |= {f"{language}, {name}": (p.tolist(), truth.tolist()) for name, p in said.items()}
        rows.append(
            {**after.model_dump(mode="json", include={"language", "questions", "error", "auroc", "risks"}),
             "error_before": round(calibration_error(said["before"], truth), 4)}
        )  # fmt: skip
        made.append(after)
    return OwnCalibration(EvidenceModel(source="own", configurations=tuple(made)), rows, points)


def keep(model: EvidenceModel, directory: Path) -> Path:
    """Writes it beside the index, whole or not at all, and returns where."""
    path = directory / FILE
    replace_text(path, model.model_dump_json(indent=1) + "\n")
    return path
