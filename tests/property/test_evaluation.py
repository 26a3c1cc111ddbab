"""What holds for every run, quote, list of p values and question."""

from __future__ import annotations

import itertools
import math
import re
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from citewell.evaluation.measures.abstention import risk_coverage
from citewell.evaluation.measures.spans import span_scores
from citewell.evaluation.measures.statistics import holm
from citewell.evaluation.topics.gold import locate
from citewell.evaluation.topics.paraphrase import KINDS, paraphrase
from citewell.evaluation.topics.trec import canonical_run, read_run, write_run
from citewell.ingest.normalise import normalise_text

RELAXED = settings(deadline=None, max_examples=80)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=8)
SCORES = st.dictionaries(NAMES, st.floats(-1e6, 1e6), max_size=12)
RUNS = st.dictionaries(NAMES, SCORES.filter(bool), min_size=1, max_size=4)


@given(RUNS)
@RELAXED
def test_canonical_scores_strictly_fall_and_keep_the_order_and_the_file_says_the_same(
    run: dict[str, dict[str, float]],
) -> None:
    canonical = canonical_run(run)
    for query_id, scores in run.items():
        fallen = canonical[query_id]
        assert list(fallen) == sorted(scores, key=lambda name: -scores[name])
        values = list(fallen.values())
        assert all(a > b for a, b in itertools.pairwise(values))
        assert all(math.isclose(fallen[n], scores[n], rel_tol=1e-5, abs_tol=1e-5) for n in scores)
    with tempfile.TemporaryDirectory() as folder:
        write_run(canonical, Path(folder) / "run", "t")
        read, _ = read_run(Path(folder) / "run")
    assert {q: {n: np.float32(s) for n, s in scores.items()} for q, scores in read.items()} == canonical


@given(st.lists(st.floats(0, 1), max_size=10))
@RELAXED
def test_holm_never_lowers_a_p_value_and_keeps_their_order(values: list[float]) -> None:
    corrected = holm(values)
    assert all(p <= c <= 1 for p, c in zip(values, corrected, strict=True))
    ordered = [c for _, c in sorted(zip(values, corrected, strict=True))]
    assert ordered == sorted(ordered)


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=60))
@RELAXED
def test_a_quote_that_stands_between_spaces_is_always_found(before: str, quote: str, after: str) -> None:
    text = normalise_text(f"{before} {quote} {after}", keep_lines=True)  # as documents are stored
    found = locate(text, quote)
    assert found or not re.search(r"\w", normalise_text(quote, keep_lines=True))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
@RELAXED
def test_coverage_grows_to_one_and_risk_lies_below_its_bound(cases: list[tuple[float, bool]]) -> None:
    curve = risk_coverage([score for score, _ in cases], [right for _, right in cases])
    assert curve[-1].coverage == 1.0
    assert all(a.coverage < b.coverage and a.threshold > b.threshold for a, b in itertools.pairwise(curve))
    assert all(0 <= p.risk <= p.risk_high <= 1 for p in curve)


SPANS = st.lists(
    st.tuples(st.sampled_from("de"), st.integers(0, 40), st.integers(1, 20)).map(lambda s: (s[0], s[1], s[1] + s[2])),
    min_size=1, max_size=6,
)  # fmt: skip


@given(SPANS, SPANS)
@RELAXED
def test_span_scores_equal_a_count_of_characters(
    gold: list[tuple[str, int, int]], found: list[tuple[str, int, int]]
) -> None:
    def chars(spans: list[tuple[str, int, int]]) -> set[tuple[str, int]]:
        return {(d, i) for d, a, b in spans for i in range(a, b)}

    scores = span_scores(gold, found)
    hit = len(chars(gold) & chars(found))
    assert scores.recall == hit / len(chars(gold))
    assert scores.iou == hit / len(chars(gold) | chars(found))
    assert scores.precision == hit / sum(b - a for _, a, b in found)


@given(st.text(max_size=80), st.sampled_from(KINDS))
@RELAXED
def test_every_text_can_be_reworded(text: str, kind: str) -> None:
    other = paraphrase(kind, text, "q")
    assert other == paraphrase(kind, text, "q")
    assert bool(other.strip()) == bool(text.strip()) or kind == "order", "nothing is worded away"
