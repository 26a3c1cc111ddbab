"""Settings chosen by evidence: cross-validated on judged topics, and kept only when the gain is not chance.

Knobs are turned one after another in the order of the path; each is a list of settings that may replace the present ones. In each
fold they are chosen on the other folds, and the gain is counted on the fold itself, which the choice has not seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from citewell.core.errors import DatasetInvalid
from citewell.core.settings import Settings
from citewell.core.types import Ranking
from citewell.evaluation.indexing import Indexed
from citewell.evaluation.measures.ranking import parse_measures, values_by_topic
from citewell.evaluation.measures.statistics import ALPHA, Difference, paired_difference
from citewell.evaluation.retrieval import best_passages
from citewell.evaluation.topics.trec import canonical_run
from citewell.evaluation.topics.types import Dataset
from citewell.ingest.jobs import Progress
from citewell.pipeline.retrieve import FirstStage, first_stage, learn_to_rank, rerank_head
from citewell.rerank.cache import PairCache

SEED = 13
WEIGHTS = tuple(round(0.1 * i, 1) for i in range(11))
RRF_KS = (10, 30, 60, 100)
DEPTHS = (20, 50, 100, 200)
K1S = (0.9, 1.2, 1.6, 2.0)
BS = (0.3, 0.5, 0.75, 0.9)
RERANK_FORWARDS = (10, 20, 50)
FIRST_STAGES_HELD = 6

Overrides = tuple[tuple[str, Any], ...]  # ("section.field", value) pairs, sorted


@dataclass(frozen=True, slots=True)
class Knob:
    """Settings that may be tried together; `candidates` is empty where they have no effect."""

    name: str
    candidates: Callable[[Settings], list[dict[str, Any]]]


def _lexical(settings: Settings) -> list[dict[str, Any]]:
    """tantivy has its parameters compiled in."""
    if settings.lexical.engine != "rank_bm25":
        return []
    return [{"lexical.engine": "rank_bm25", "lexical.k1": k1, "lexical.b": b} for k1 in K1S for b in BS]


def _fusion(_: Settings) -> list[dict[str, Any]]:
    weighted = [{"fusion.method": m, "fusion.dense_weight": w} for m in ("min_max", "z_score") for w in WEIGHTS]
    return [*weighted, *({"fusion.method": "rrf", "fusion.rrf_k": k} for k in RRF_KS)]


def _depth(_: Settings) -> list[dict[str, Any]]:
    return [{"retrieve.depth": depth} for depth in DEPTHS]


def _rerank(settings: Settings) -> list[dict[str, Any]]:
    if not settings.rerank.model:
        return []
    return [{"rerank.weight": w, "rerank.max_forwards": n} for n in RERANK_FORWARDS for w in WEIGHTS]


def _ltr(settings: Settings) -> list[dict[str, Any]]:
    return [{"rerank.ltr": not settings.rerank.ltr}]


KNOBS = (
    Knob("BM25 parameters", _lexical),
    Knob("fusion", _fusion),
    Knob("depth of retrieval", _depth),
    Knob("learning to rank", _ltr),
    Knob("rerank blend", _rerank),
)


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: what was chosen on the others, and the held-out means of the present and the chosen settings."""

    topics: int
    chosen: dict[str, Any]
    default: float
    tuned: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """The outcome: held-out means, the gain, what would be set, and what is plainly said of hybrid and reranking."""

    dataset: str
    measure: str
    topics: int
    folds: tuple[Fold, ...]
    default: float
    tuned: float
    gain: Difference
    chosen: dict[str, Any]
    verdicts: tuple[str, ...]
    tried: int

    @property
    def significant(self) -> bool:
        """Whether the held-out gain is not chance."""
        return self.gain.mean > 0 and self.gain.p < ALPHA

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self) | {"significant": self.significant}


class Trial:
    """The value of a measure for every topic under any settings, through the functions that serve; nothing is computed twice."""

    def __init__(self, indexed: Indexed, dataset: Dataset, measure: str, progress: Progress | None = None) -> None:
        self._names = indexed.names
        self._dataset = dataset
        self._measure = parse_measures([measure])
        self._progress = progress
        self._first: dict[Overrides, dict[str, FirstStage]] = {}
        self._values: dict[tuple[Overrides, str], dict[str, float]] = {}
        self._base = indexed.engine.variant(indexed.engine.settings)
        self._base.__dict__["score_cache"] = PairCache(sys.maxsize)

    @property
    def tried(self) -> int:
        """How many settings were measured."""
        return len(self._values)

    def values(self, overrides: Mapping[str, Any], stage: str = "rerank") -> dict[str, float]:
        """The measure's value by topic with these settings over the present ones, after `stage` (bm25, dense, hybrid, ltr, rerank)."""
        key = tuple(sorted(overrides.items())), stage
        if key not in self._values:
            if self._progress is not None:
                self._progress.advance(len(self._values), 0, f"settings tried; {_named(overrides)}")
            self._values[key] = self._run(overrides, stage)
        return self._values[key]

    def _run(self, overrides: Mapping[str, Any], stage: str) -> dict[str, float]:
        engine = self._base.variant(with_overrides(self._base.settings, overrides))
        firsts = self._first_stage(overrides)
        run: dict[str, dict[str, float]] = {}
        for topic in self._dataset.judged:
            first = firsts[topic.query_id]
            ranking: Ranking = first.bm25 if stage == "bm25" else first.dense
            if stage in {"hybrid", "ltr", "rerank"}:
                ranking = first.fuse(engine.settings.fusion)
            if stage in {"ltr", "rerank"}:
                ranking = learn_to_rank(engine, first, ranking)
            if stage == "rerank" and engine.reranker is not None:
                ranking, _ = rerank_head(engine, topic.query, ranking)
            run[topic.query_id] = best_passages(ranking, self._names)
        engine.close()
        return next(iter(values_by_topic(self._measure, self._dataset.qrels, canonical_run(run)).values()))

    def _first_stage(self, overrides: Mapping[str, Any]) -> dict[str, FirstStage]:
        """The first-stage rankings of all topics; only lexical and retrieval settings change them."""
        relevant = tuple(sorted((n, v) for n, v in overrides.items() if n.startswith(("lexical.", "retrieve."))))
        if relevant not in self._first:
            engine = self._base.variant(with_overrides(self._base.settings, dict(relevant)))
            if len(self._first) == FIRST_STAGES_HELD:  # the oldest goes: rankings of thousands of topics are large
                del self._first[next(iter(self._first))]
            self._first[relevant] = {
                t.query_id: first_stage(engine, engine.snapshot(filter=t.query.filter), t.query)
                for t in self._dataset.judged
            }
            engine.close()
        return self._first[relevant]


def tune(
    indexed: Indexed, dataset: Dataset, *, measure: str = "nDCG@10", folds: int = 5, progress: Progress | None = None
) -> Tuning:
    """Chooses the settings of all knobs, cross-validated in `folds` parts of the judged topics, seeded.

    Raises DatasetInvalid when there are fewer topics than two a fold.
    """
    topics = [topic.query_id for topic in dataset.judged]
    if len(topics) < 2 * folds:
        raise DatasetInvalid(
            f"{dataset.location} has {len(topics)} judged queries, too few for {folds} folds",
            hint="Judge more questions (50 or more make a difference visible), or take fewer --folds.",
        )
    trial = Trial(indexed, dataset, measure, progress)
    default = trial.values({})
    held_out: dict[str, float] = {}
    parts = []
    for part in split_folds(topics, folds):
        chosen = choose(trial, [t for t in topics if t not in part], indexed.engine.settings)
        values = trial.values(chosen)
        held_out |= {t: values[t] for t in topics if t in part}
        parts.append(Fold(len(part), chosen, _mean(default, part), _mean(values, part)))
    return Tuning(
        dataset=dataset.name,
        measure=measure,
        topics=len(topics),
        folds=tuple(parts),
        default=_mean(default, topics),
        tuned=_mean(held_out, topics),
        gain=paired_difference(default, {t: held_out[t] for t in topics}),
        chosen=choose(trial, topics, indexed.engine.settings),
        verdicts=tuple(
            _verdicts(
                trial, measure, learned=indexed.engine.settings.rerank.ltr, reranked=indexed.engine.reranker is not None
            )
        ),
        tried=trial.tried,
    )


def choose(trial: Trial, topics: Sequence[str], settings: Settings) -> dict[str, Any]:
    """The best settings on these topics, one knob after another; the present ones stay unless another is better."""
    chosen: dict[str, Any] = {}
    for knob in KNOBS:
        best, best_mean = chosen, _mean(trial.values(chosen), topics)
        for candidate in knob.candidates(settings):
            mean = _mean(trial.values(chosen | candidate), topics)
            if mean > best_mean + 1e-9:
                best, best_mean = chosen | candidate, mean
        chosen = best
    return chosen


def split_folds(topics: Sequence[str], folds: int) -> list[frozenset[str]]:
    """The topics in `folds` parts of nearly equal size, shuffled from a seed."""
    order = np.random.default_rng(SEED).permutation(len(topics))
    return [frozenset(topics[i] for i in order[part::folds].tolist()) for part in range(folds)]


def with_overrides(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    """The settings with some fields, named `section.field`, replaced and checked again."""
    sections: dict[str, dict[str, Any]] = {}
    for name, value in overrides.items():
        section, _, field = name.partition(".")
        sections.setdefault(section, getattr(settings, section).model_dump())[field] = value
    return settings.model_copy(
        update={name: type(getattr(settings, name)).model_validate(body) for name, body in sections.items()}
    )


def _verdicts(trial: Trial, measure: str, *, learned: bool, reranked: bool) -> list[str]:
    """What is plainly so with the present settings."""
    alone = {name: trial.values({}, name) for name in ("bm25", "dense")}
    better = max(alone, key=lambda name: _mean(alone[name], list(alone[name])))
    hybrid = trial.values({}, "hybrid")
    said = [
        _said("hybrid", paired_difference(alone[better], hybrid), f"{better} alone", alone[better], hybrid, measure)
    ]
    ltr = trial.values({}, "ltr")
    if learned:
        said.append(_said("learning to rank", paired_difference(hybrid, ltr), "hybrid", hybrid, ltr, measure))
    if reranked:
        final = trial.values({})
        said.append(_said("reranking", paired_difference(ltr, final), "without it", ltr, final, measure))
    else:
        said.append("reranking: no cross-encoder is configured")
    return said


def _said(
    what: str, gain: Difference, than: str, before: Mapping[str, float], after: Mapping[str, float], measure: str
) -> str:
    word = "helps" if gain.mean > 0 else "hurts"
    plainly = f"{what} {word} here" if gain.p < ALPHA else f"{what} does not help here"
    figures = f"{measure} {_mean(after, list(after)):.4f}, {than} {_mean(before, list(before)):.4f}"
    return f"{plainly}: {figures}, difference {gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}], p {gain.p:.4f}"


def _mean(values: Mapping[str, float], topics: Sequence[str] | frozenset[str]) -> float:
    return float(np.mean([values[t] for t in topics]))


def _named(overrides: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in overrides.items()) or "the present settings"
