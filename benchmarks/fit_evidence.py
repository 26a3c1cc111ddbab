"""Fits the coefficients of generate/evidence.py on public questions with known answers, and says how good they are.

    python benchmarks/fit_evidence.py TRAIN_FOLDER [--questions N]

TRAIN_FOLDER holds the sets named in SETS in the BEIR layout with answers.jsonl. Articles are split by sha256(title) % 20:
0 to 13 fit, 17 to 19 choose the threshold and give the figures. Each question is asked of its whole corpus, and once more
with the passages that hold its answer taken away: then nothing answers it.
Seeded; takes about twenty minutes on two cores the first time, and seconds once the contexts are stored.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citewell.core.scores import auroc
from citewell.core.settings import load_settings
from citewell.core.types import Query, Ranking, rank_by_score
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.types import Dataset
from citewell.generate import evidence
from citewell.generate.assembly.assemble import assemble
from citewell.generate.extractive import ExtractiveGenerator, quotable_sentences, reading
from citewell.pipeline.retrieve import retrieve
from citewell.pipeline.wiring import Engine

SETS = ("squad_v2", "squad_v11", "nq_oracle", "covidqa_articles", "hotpotqa", "clapnq", "nomiracl/en")
SEED = 7
RIDGE = 1e-3
LAST_FITTING_BUCKET = 13
FIRST_HELD_OUT_BUCKET = 17
LONG_ANSWER_CHARS = 40
THRESHOLDS = np.arange(0.2, 0.75, 0.05)
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """One question asked of one context: a row per sentence, which of them hold the answer, whether any does, its split."""

    name: str
    bucket: int
    rows: Matrix
    holds: NDArray[np.bool_]
    answerable: bool


def bucket_of(title: str) -> int:
    """The split of an article."""
    return int(hashlib.sha256(title.encode()).hexdigest(), 16) % 20


def read_set(folder: Path) -> tuple[Dataset, dict[str, dict[str, Any]], dict[str, str]]:
    """A training set with the answers and the article of each question; its split follows the article."""
    answers = {row["_id"]: row for row in map(json.loads, (folder / "answers.jsonl").open(encoding="utf-8"))}
    titles = {
        row["_id"]: row.get("title") or row["_id"]
        for row in map(json.loads, (folder / "corpus.jsonl").open(encoding="utf-8"))
    }
    rows = list(map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8")))
    articles = {r["_id"]: titles.get((answers[r["_id"]].get("evidence") or [""])[0], r["text"]) for r in rows}
    return read_dataset(folder), answers, articles


def cases_of(name: str, folder: Path, cache: Path, wanted: int) -> Iterator[Case]:
    """Cases of one dataset, at most `wanted` questions of those that fit or calibrate."""
    dataset, answers, articles = read_set(folder)
    engine = index_dataset(dataset, load_settings(), cache, cache).engine
    queries = [topic.query for topic in dataset.topics if bucket_of(articles[topic.query_id]) not in {14, 15, 16}]
    random.Random(SEED).shuffle(queries)
    vectors: dict[str, NDArray[np.float32]] = {}
    for number, query in enumerate(queries[:wanted]):
        if number % 200 == 0:
            print(name, number, file=sys.stderr, flush=True)
        answer, article = answers[query.query_id], articles[query.query_id]
        ranking = retrieve(engine, engine.snapshot(), query).final
        judged = bool(answer["answers"]) and bool(answer.get("evidence"))
        gold = set(answer["evidence"]) if answer["answerable"] and judged else set()
        known = None if judged or not answer["answerable"] else True  # answerable, but nobody says where
        yield _case(engine, query, ranking, name, bucket_of(article), gold, answer["answers"], known, vectors)
        if gold:
            # Every second question loses the whole article, the others only the passage: far and near misses.
            lost = {
                i
                for i in _corpus_ids(engine)
                if i in gold or (number % 2 and i.split("#")[0] in {g.split("#")[0] for g in gold})
            }
            doc_ids = {d for d, uri in _uris(engine).items() if uri in lost}
            yield _case(engine, query, _without(ranking, doc_ids), name, bucket_of(article), set(), [], None, vectors)


def _uris(engine: Engine) -> dict[str, str]:
    if "uris" not in engine.__dict__:
        engine.__dict__["uris"] = {s.doc_id: s.uri for s in engine.catalog.summaries()}
    uris: dict[str, str] = engine.__dict__["uris"]
    return uris


def _corpus_ids(engine: Engine) -> list[str]:
    return list(_uris(engine).values())


def _without(ranking: Ranking, doc_ids: set[str]) -> Ranking:
    left = [c for c in ranking.candidates if c.doc_id not in doc_ids]
    return rank_by_score(ranking.scorer, {c.chunk_id: c.score for c in left}, {c.chunk_id: c.doc_id for c in left})


def _case(
    engine: Engine, query: Query, ranking: Ranking, name: str, bucket: int, gold: set[str], answers: list[str], known: bool | None,
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
    lowered = [a.casefold().strip() for a in answers]
    holds = np.array([q.passage.uri in gold and _says(q.text.casefold(), lowered) for q in quotables], dtype=bool)
    return Case(name, bucket, rows, holds, bool(holds.any()) if known is None else known)


def _says(sentence: str, answers: list[str]) -> bool:
    """Whether the sentence holds an answer, or is a part of a long one."""
    return any(a in sentence or (len(sentence) > LONG_ANSWER_CHARS and sentence in a) for a in answers)


def collect(train: Path, cache: Path, questions: int, store: Path) -> None:
    """Describes the contexts of all sets and stores them, one file a set, so that fitting can be repeated in seconds."""
    store.mkdir(parents=True, exist_ok=True)
    for name in SETS:
        target = store / f"{name.replace('/', '-')}.npz"
        if target.exists():
            continue
        cases = [case for case in cases_of(name, train / name, cache, questions) if len(case.rows)]
        np.savez_compressed(
            target, rows=np.vstack([c.rows for c in cases]), holds=np.concatenate([c.holds for c in cases]),
            lengths=[len(c.rows) for c in cases], buckets=[c.bucket for c in cases], answerable=[c.answerable for c in cases],
        )  # fmt: skip


def load(store: Path) -> list[Case]:
    """What `collect` stored."""
    cases: list[Case] = []
    for name in SETS:
        with np.load(store / f"{name.replace('/', '-')}.npz") as file:
            data = {key: file[key] for key in file}
        ends = np.cumsum(data["lengths"])
        for end, length, bucket, answerable in zip(
            ends, data["lengths"], data["buckets"], data["answerable"], strict=True
        ):
            part = slice(end - length, end)
            cases.append(Case(name, int(bucket), data["rows"][part], data["holds"][part], bool(answerable)))
    return cases


def fit_logistic(rows: Matrix, labels: Matrix, importance: Matrix) -> tuple[Matrix, float]:
    """Ridge logistic regression by Newton's method on standardised columns; the intercept is not penalised."""
    importance = importance / importance.mean()
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread[spread == 0] = 1
    rows = (rows - mean) / spread
    x = np.hstack([rows, np.ones((len(rows), 1))])
    penalty = np.full(x.shape[1], RIDGE * len(rows))
    penalty[-1] = 0
    w = np.zeros(x.shape[1])
    for _ in range(40):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (importance * (p - labels)) + penalty * w
        hessian = (x * (importance * p * (1 - p))[:, None]).T @ x + np.diag(penalty + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        w -= step
        if np.abs(step).max() < 1e-8:
            break
    weights = w[:-1] / spread
    return weights, float(w[-1] - weights @ mean)


def fit(cases: list[Case], names: tuple[str, ...] = SETS) -> None:
    """Sets the coefficients of the evidence module from the fitting split of these sets, each set with the same weight."""
    chosen = [c for c in cases if c.bucket <= LAST_FITTING_BUCKET and c.name in names]
    located = [c for c in chosen if c.holds.any()]
    shares = Counter(c.name for c in located)
    evidence.SENTENCE_WEIGHTS, evidence.SENTENCE_INTERCEPT = fit_logistic(
        np.vstack([c.rows for c in located]),
        np.concatenate([c.holds for c in located]).astype(float),
        np.concatenate([np.full(len(c.rows), 1 / shares[c.name]) for c in located]),
    )
    # Within a set, answerable and unanswerable questions weigh the same: no set's habits become the threshold's.
    sides = Counter((c.name, c.answerable) for c in chosen)
    evidence.SUFFICIENCY_WEIGHTS, evidence.SUFFICIENCY_INTERCEPT = fit_logistic(
        np.vstack([evidence.strength(c.rows) for c in chosen]),
        np.array([float(c.answerable) for c in chosen]),
        np.array([1 / sides[c.name, c.answerable] for c in chosen]),
    )


def figures(cases: list[Case], names: tuple[str, ...]) -> None:
    """Prints what the coefficients in force reach on the held-out split of these sets, each side of each set weighing the same."""
    held = [c for c in cases if c.bucket >= FIRST_HELD_OUT_BUCKET and c.name in names]
    located = [c for c in held if c.holds.any()]
    if not held:
        print(f"{names[0]}: nothing is held out")
        return
    top = sum(bool(c.holds[int(np.argmax(evidence.sentence_logits(c.rows)))]) for c in located)
    scores = np.array([evidence.sufficiency(c.rows) for c in held])
    truth = np.array([c.answerable for c in held])
    print(f"{', '.join(names)}: best sentence right {top} of {len(located)}, ", end="")
    if truth.any() and not truth.all():
        print(
            f"sufficiency AUROC {auroc(scores[truth].tolist(), scores[~truth].tolist()):.3f} of {len(truth)} ({truth.mean():.2f} answerable)"
        )
    else:
        print("nothing to tell apart")
    if len(names) == 1:
        return
    sides = Counter((c.name, c.answerable) for c in held)
    weight = np.array([1 / sides[c.name, c.answerable] for c in held])
    for threshold in THRESHOLDS:
        kept = weight[truth & (scores >= threshold)].sum() / weight[truth].sum()
        refused = weight[~truth & (scores < threshold)].sum() / weight[~truth].sum()
        print(
            f"  threshold {threshold:.2f}: answers {kept:.3f}, refuses {refused:.3f}, mean {(kept + refused) / 2:.3f}"
        )


def main() -> None:
    """Collects, fits, prints coefficients and figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("--questions", type=int, default=800, help="per dataset")
    parser.add_argument("--cache", type=Path, default=Path(".cache/evidence"))
    parser.add_argument(
        "--left-out", action="store_true", help="also fit without each set in turn, and measure on that set"
    )
    arguments = parser.parse_args()
    store = arguments.cache / "cases"
    collect(arguments.train, arguments.cache, arguments.questions, store)
    cases = load(store)
    for name in SETS if arguments.left_out else ():
        fit(cases, tuple(other for other in SETS if other != name))
        print("fitted without ", end="")
        figures(cases, (name,))
    fit(cases)
    for name in SETS:
        figures(cases, (name,))
    figures(cases, SETS)
    for name in ("SENTENCE", "SUFFICIENCY"):
        weights = [round(float(w), 4) for w in getattr(evidence, f"{name}_WEIGHTS")]
        print(f"{name}_WEIGHTS = np.array({weights})\n{name}_INTERCEPT = {getattr(evidence, f'{name}_INTERCEPT'):.4f}")


if __name__ == "__main__":
    main()
