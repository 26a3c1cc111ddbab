"""The weights of evidence that are shipped: fitted and calibrated on the parts of public questions that trained no model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from citewell.core.errors import DatasetInvalid
from citewell.core.settings import Settings
from citewell.evaluation.calibration import Case, Spoil, collect
from citewell.evaluation.evidence_fit import configure
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.topics.datasets import read_dataset
from citewell.generate.evidence.model import Configuration, EvidenceModel
from citewell.generate.evidence.sentences import ALL_FEATURES, FEATURES
from citewell.ingest.jobs import Progress
from citewell.training.questions import refuse_measured
from citewell.training.spoil import spoil

FIT_PARTS, CALIBRATE_PARTS = range(14, 17), range(17, 20)
MAIN_LANGUAGE = "en"


def fit_evidence(
    data: Sequence[Path], settings: Settings, cache: Path, most: int, seed: int, progress: Progress | None = None
) -> EvidenceModel:
    """The configurations for these settings with and without a reader, in each language with enough questions. Raises DatasetInvalid."""
    fitting: list[Case] = []
    calibrating: list[Case] = []
    for folder in data:
        refuse_measured(folder)
        dataset = read_dataset(folder)
        indexed = index_dataset(dataset, settings, cache, cache, progress)
        parts = [
            list(collect(indexed, dataset, parts=part, most=most, seed=seed, progress=progress, spoil=_spoiler(seed)))
            for part in (FIT_PARTS, CALIBRATE_PARTS)
        ]
        for cases, kind in zip(divided(*parts), (fitting, calibrating), strict=True):
            kind += cases
    return EvidenceModel(source="shipped", configurations=tuple(configurations(fitting, calibrating, settings)))


def _spoiler(seed: int) -> Spoil:
    def spoilt(question: str, passage: str) -> str | None:
        changed = spoil(question, passage, random.Random(f"{seed} {question}"))  # noqa: S311 (a sample, not a secret)
        return changed[0] if changed else None

    return spoilt


def divided(fitting: Sequence[Case], calibrating: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """The same; where none falls into one part, the set's articles are dealt out to both, or the questions of its only one."""
    if fitting and calibrating:
        return list(fitting), list(calibrating)
    cases = [*fitting, *calibrating]
    single = len({case.article for case in cases}) == 1
    keys = [case.query.text if single else case.article for case in cases]
    odd = set(sorted(set(keys))[1::2])
    return (
        [c for c, key in zip(cases, keys, strict=True) if key not in odd],
        [c for c, key in zip(cases, keys, strict=True) if key in odd],
    )


def configurations(fitting: Sequence[Case], calibrating: Sequence[Case], settings: Settings) -> list[Configuration]:
    """With the reader and without, in English; then with these weights calibrated for every other language that has questions enough."""
    found = []
    for reranker in (settings.rerank.model, ""):
        fit = _seen(fitting, reranker)
        cases = _seen(calibrating, reranker)
        configured = partial(configure, generator="extractive", embedder=settings.embedder.model, reranker=reranker)
        main = configured(
            [c for c in fit if c.language == MAIN_LANGUAGE],
            [c for c in cases if c.language == MAIN_LANGUAGE],
            language=MAIN_LANGUAGE,
        )
        found.append(main)
        for language in sorted({c.language for c in cases} - {MAIN_LANGUAGE}):
            own = [c for c in (*fit, *cases) if c.language == language]  # the weights saw none of them
            try:
                found.append(configured([], own, language=language, like=main))
            except DatasetInvalid:  # too few: that language stays uncalibrated, and is said to be
                continue
    return found


def _seen(cases: Sequence[Case], reranker: str) -> list[Case]:
    """The cases as they look without a reader, where there is none."""
    if reranker:
        return list(cases)
    known = np.array([name in FEATURES for name in ALL_FEATURES])
    return [replace(case, rows=case.rows * known, signals=replace(case.signals, readings={})) for case in cases]
