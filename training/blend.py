"""Fitting learning to rank, and the share of a cross-encoder, on the blend part of `train`: nothing there trained either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from citewell.core.errors import DatasetInvalid
from citewell.core.scores import min_max
from citewell.core.settings import Settings
from citewell.core.types import Query
from citewell.ingest.jobs import Progress
from citewell.pipeline.retrieve import learn_to_rank
from citewell.pipeline.wiring import Engine
from citewell.rerank.blend import Blend
from citewell.rerank.cascade import scaled_scores
from citewell.rerank.features import describe
from citewell.rerank.learned import Weights
from citewell.rerank.train.linear import Judged, fit, ndcg
from citewell.rerank.train.share import ReadNeed, fit_share, share_ndcg
from citewell.training.judged import Need, collect, shares_of
from citewell.training.prepare import Sources

T = TypeVar("T")


def fit_ranker(
    sources: Sources, settings: Settings, cache: Path, seed: int, progress: Progress | None = None
) -> dict[str, object]:
    """Fits learning to rank; `terms` are the weights, `fitted` and `held_out` nDCG@10 by set, fused order and learned."""
    fitting, checking = collect(sources, settings, cache, seed, _described, progress=progress)
    weights, figures = fit(fitting, shares_of(list(fitting)))
    plain = Weights(terms={})
    return {
        "terms": dict(weights.terms),
        "fitted": {n: [len(fitting[n]), round(a, 4), round(b, 4)] for n, (a, b) in figures.items()},
        "held_out": _figures(checking, lambda found: ndcg(plain, found), lambda found: ndcg(weights, found)),
        "seed": seed,
    }


def fit_blend(
    sources: Sources, settings: Settings, cache: Path, seed: int, most: int | None, progress: Progress | None = None
) -> dict[str, object]:
    """Fits the share of the cross-encoder of the settings; `terms` are the blend, `fitted` and `held_out` nDCG@10 by set, without
    and with the cross-encoder. Of a set at most `most` questions are read."""
    if not settings.rerank.model:
        raise DatasetInvalid("no cross-encoder is configured", hint="Name one with --model.")
    fitting, checking = collect(sources, settings, cache, seed, _read, most, progress)
    if not fitting:
        raise DatasetInvalid("there is no judged question to fit on", hint="Give more --data or --texts.")
    blend = fit_share(fitting, shares_of(list(fitting)))
    without = Blend({})
    before, after = (lambda found: share_ndcg(without, found)), (lambda found: share_ndcg(blend, found))
    return {
        "terms": dict(blend.terms),
        "fitted": _figures(fitting, before, after),
        "held_out": _figures(checking, before, after),
        "seed": seed,
    }


def _figures(
    sets: Mapping[str, Sequence[T]], before: Callable[[Sequence[T]], float], after: Callable[[Sequence[T]], float]
) -> dict[str, list[float]]:
    """By set: how many, and the mean before and after."""
    return {name: [len(found), round(before(found), 4), round(after(found), 4)] for name, found in sets.items()}


def _described(engine: Engine, need: Need) -> Judged:
    first, head = need.head(engine)
    rows, traits = describe(need.text, first.facts(head))
    return Judged(rows, traits, need.gains(head), need.ideal)


def _read(engine: Engine, need: Need) -> ReadNeed:
    """The candidates that the cross-encoder may read, with what it says of them, and those below as they were."""
    first, head = need.head(engine)
    ordered = learn_to_rank(engine, first, head)
    passages = engine.catalog.passages(ordered.candidates)
    alive = [c for c in ordered.candidates if c.chunk_id in passages]
    reranker = engine.reranker
    assert reranker is not None
    read = alive[: engine.settings.rerank.max_forwards]
    scores = reranker.score(Query(need.text), [passages[c.chunk_id].chunk for c in read])
    base = min_max({c.chunk_id: c.score for c in read})
    gains = np.array([float(c.chunk_id in need.relevant) for c in alive])
    return ReadNeed(
        need.text,
        np.array([base[c.chunk_id] for c in read]),
        np.array(scaled_scores(list(scores))),
        gains,
        need.ideal,
    )
