"""Fits the coefficients of generate/evidence.py on public questions with known answers, and says how good they are.

    python benchmarks/fit_evidence.py TRAIN_FOLDER [--questions N]

TRAIN_FOLDER holds squad_v2, squad_v11 and nq_oracle in the BEIR layout with answers.jsonl. Articles are split by
sha256(title) % 20: 0 to 13 fit, 17 to 19 choose the threshold and give the figures. Each question is asked of its whole
corpus, and once more with the passages that hold its answer taken away: then nothing answers it.
Seeded; takes about ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from citewell.core.settings import load_settings
from citewell.core.types import Query, Ranking, rank_by_score
from citewell.evaluation.datasets import read_dataset
from citewell.evaluation.retrieval import index_dataset
from citewell.generate import evidence
from citewell.generate.assemble import assemble
from citewell.generate.extractive import ExtractiveGenerator, quotable_sentences, reading
from citewell.pipeline.ask import retrieve
from citewell.pipeline.wiring import Engine

SETS = ("squad_v2", "squad_v11", "nq_oracle")
SEED = 7
RIDGE = 1e-3
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """One question asked of one context: a row per sentence, which of them hold the answer, and its split."""

    name: str
    bucket: int
    rows: Matrix
    holds: NDArray[np.bool_]


def bucket_of(title: str) -> int:
    """The split of an article."""
    return int(hashlib.sha256(title.encode()).hexdigest(), 16) % 20


def cases_of(folder: Path, cache: Path, wanted: int) -> Iterator[Case]:
    """Cases of one dataset, at most `wanted` questions of those that fit or calibrate."""
    settings = load_settings()
    answers = {row["_id"]: row for row in map(json.loads, (folder / "answers.jsonl").open(encoding="utf-8"))}
    corpus = {row["_id"]: row for row in map(json.loads, (folder / "corpus.jsonl").open(encoding="utf-8"))}
    engine, _ = index_dataset(read_dataset(folder), settings, cache)
    titles = {q: corpus[a["evidence"][0]]["title"] for q, a in answers.items() if a["evidence"]}
    queries = [
        Query(r["text"], r["_id"])
        for r in map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8"))
        if r["_id"] in titles
    ]
    queries = [q for q in queries if bucket_of(titles[q.query_id]) not in {14, 15, 16}]
    random.Random(SEED).shuffle(queries)
    vectors: dict[str, NDArray[np.float32]] = {}
    uris = {s.doc_id: s.uri for s in engine.catalog.summaries()}
    for number, query in enumerate(queries[:wanted]):
        if number % 200 == 0:
            print(folder.name, number, file=sys.stderr, flush=True)
        answer = answers[query.query_id]
        gold = set(answer["evidence"]) if answer["answerable"] else set()
        ranking = retrieve(engine, engine.snapshot(), query).final
        variants = [ranking]
        if gold:
            title = titles[query.query_id]
            # Every second question loses the whole article, the others only the passage: far and near misses.
            lost = {i for i, row in corpus.items() if row["title"] == title} if number % 2 else gold
            variants.append(_without(ranking, {d for d, uri in uris.items() if uri in lost}))
        for variant, texts in zip(variants, (answer["answers"] if gold else [], []), strict=False):
            yield _case(
                engine,
                query,
                variant,
                f"{folder.name}/{query.query_id}",
                bucket_of(titles[query.query_id]),
                gold,
                texts,
                vectors,
            )


def _without(ranking: Ranking, doc_ids: set[str]) -> Ranking:
    left = [c for c in ranking.candidates if c.doc_id not in doc_ids]
    return rank_by_score(ranking.scorer, {c.chunk_id: c.score for c in left}, {c.chunk_id: c.doc_id for c in left})


def _case(
    engine: Engine, query: Query, ranking: Ranking, name: str, bucket: int, gold: set[str], answers: list[str],
    vectors: dict[str, NDArray[np.float32]],
) -> Case:  # fmt: skip
    generator = engine.generator(engine.snapshot())
    assert isinstance(generator, ExtractiveGenerator)
    context = assemble(
        ranking, engine.catalog.passages(ranking.head(20).candidates), generator, engine.settings.context
    )
    quotables = [q for passage in context.passages for q in quotable_sentences(passage)]
    texts = [query.text, *(reading(q) for q in quotables)]
    new = [text for text in dict.fromkeys(texts) if text not in vectors]
    vectors.update(zip(new, engine.embedder.embed(new), strict=True))
    rows = generator.features(query, quotables, np.stack([vectors[text] for text in texts]))
    lowered = [a.casefold() for a in answers]
    holds = [q.passage.uri in gold and any(a in q.text.casefold() for a in lowered) for q in quotables]
    return Case(name, bucket, rows, np.array(holds, dtype=bool))


def fit_logistic(rows: Matrix, labels: Matrix) -> tuple[Matrix, float]:
    """Ridge logistic regression by Newton's method; the intercept is not penalised."""
    x = np.hstack([rows, np.ones((len(rows), 1))])
    penalty = np.full(x.shape[1], RIDGE * len(rows))
    penalty[-1] = 0
    w = np.zeros(x.shape[1])
    for _ in range(40):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (p - labels) + penalty * w
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        w -= step
        if np.abs(step).max() < 1e-8:
            break
    return w[:-1], float(w[-1])


def auroc(scores: Matrix, labels: NDArray[np.bool_]) -> float:
    """Probability that a positive scores above a negative, ties counted half (Mann and Whitney)."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    for value in np.unique(scores):
        ranks[scores == value] = ranks[scores == value].mean()
    positives = int(labels.sum())
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives)))


def main() -> None:
    """Fits, prints coefficients and figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("--questions", type=int, default=1200, help="per dataset")
    parser.add_argument("--cache", type=Path, default=Path(".cache/evidence"))
    arguments = parser.parse_args()
    cases = [
        c
        for name in SETS
        for c in cases_of(arguments.train / name, arguments.cache, arguments.questions)
        if len(c.rows)
    ]
    fit = [c for c in cases if c.bucket <= 13]
    held = [c for c in cases if c.bucket >= 17]
    answered = [c for c in fit if c.holds.any()]
    weights, intercept = fit_logistic(
        np.vstack([c.rows for c in answered]), np.concatenate([c.holds for c in answered]).astype(float)
    )
    evidence.SENTENCE_WEIGHTS, evidence.SENTENCE_INTERCEPT = weights, intercept
    top = np.array([bool(c.holds[int(np.argmax(evidence.sentence_logits(c.rows)))]) for c in held if c.holds.any()])
    print(f"best sentence holds the answer (held out, answer in context): {top.mean():.3f} of {len(top)}")
    strengths = np.vstack([evidence.strength(c.rows) for c in fit])
    labels = np.array([c.holds.any() for c in fit])
    s_weights, s_intercept = fit_logistic(strengths, labels.astype(float))
    evidence.SUFFICIENCY_WEIGHTS, evidence.SUFFICIENCY_INTERCEPT = s_weights, s_intercept
    scores = np.array([evidence.sufficiency(c.rows) for c in held])
    truth = np.array([bool(c.holds.any()) for c in held])
    print(f"sufficiency AUROC (held out): {auroc(scores, truth):.3f} of {len(truth)}, answerable {truth.mean():.2f}")
    for name in SETS:
        of_set = np.array([c.name.startswith(f"{name}/") for c in held])
        if truth[of_set].any() and not truth[of_set].all():
            print(f"  {name}: AUROC {auroc(scores[of_set], truth[of_set]):.3f} of {of_set.sum()}")
    for threshold in np.arange(0.2, 0.75, 0.05):
        kept, refused = float((scores[truth] >= threshold).mean()), float((scores[~truth] < threshold).mean())
        print(f"  threshold {threshold:.2f}: answers {kept:.3f} of the answerable, refuses {refused:.3f} of the others")
    for name, value in (("SENTENCE", (weights, intercept)), ("SUFFICIENCY", (s_weights, s_intercept))):
        print(f"{name}_WEIGHTS = np.array({[round(float(w), 4) for w in value[0]]})\n{name}_INTERCEPT = {value[1]:.4f}")


if __name__ == "__main__":
    main()
