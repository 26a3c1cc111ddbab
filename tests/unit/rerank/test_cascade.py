"""The cross-encoder moves what it has read and nothing else, and reads no more than can matter."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import OverlapReranker, make_chunk

from citewell.core.settings import RerankSettings
from citewell.core.types import Chunk, Query, Ranking, rank_by_score
from citewell.rerank.cache import PairCache
from citewell.rerank.cascade import HEAD_BONUS, PILOT, STEP, Reranked, rerank, scaled_scores

CHUNKS = {
    c.chunk_id: c
    for c in (
        make_chunk(d, t)
        for d, t in (("1", "red"), ("2", "red blue"), ("3", "red blue green"), ("4", "blue red green grey"))
    )
}
IDS = list(CHUNKS)
ORDERED = rank_by_score("f", dict(zip(IDS, (4.0, 3.0, 2.0, 1.0), strict=True)), {c: CHUNKS[c].doc_id for c in IDS})
QUERY = Query("red blue green")


def run(model: OverlapReranker | None = None, keep: int = 8, **settings: object) -> Reranked:
    return rerank(QUERY, ORDERED, CHUNKS, model or OverlapReranker(), RerankSettings.model_validate(settings), keep)


def test_weight_one_follows_the_cross_encoder_within_its_forwards() -> None:
    done = run(max_forwards=3, weight=1.0)
    assert [c.chunk_id for c in done.ranking.candidates] == [IDS[2], IDS[1], IDS[0], IDS[3]]
    assert done.forwards == 3


def test_weight_zero_keeps_the_order() -> None:
    assert [c.chunk_id for c in run(max_forwards=3, weight=0.0).ranking.candidates] == IDS


def test_scores_of_both_stages_blend_each_in_its_own_range() -> None:
    scores = run(max_forwards=3, weight=0.25).ranking.scores()
    # the stage before, min-max over the head: 1, 1/2, 0; overlap 1, 2, 3 gives 0, 1/2, 1
    assert scores[IDS[0]] == HEAD_BONUS + 0.75 * 1 + 0.25 * 0
    assert scores[IDS[1]] == HEAD_BONUS + 0.75 * 0.5 + 0.25 * 0.5


def test_the_first_read_say_what_high_and_low_mean() -> None:
    pilot = [float(i % 5) for i in range(PILOT)]
    assert scaled_scores([*pilot, 2.0, 9.0, -9.0])[PILOT:] == [0.5, 1.0, 0.0]
    assert scaled_scores([1.0, 1.0]) == [0.5, 0.5]
    assert scaled_scores([]) == []


def test_a_passage_deleted_meanwhile_is_left_out() -> None:
    alive = {key: chunk for key, chunk in CHUNKS.items() if key != IDS[0]}
    done = rerank(QUERY, ORDERED, alive, OverlapReranker(), RerankSettings(), 8)
    assert IDS[0] not in done.ranking.scores()


def long_list(count: int, falling: float) -> tuple[Ranking, dict[str, object]]:
    """Candidates of which each shares as many words with the question; the stage before likes them less and less."""
    chunks = {
        c.chunk_id: c for c in (make_chunk(f"d{i}", "red blue" if i % 3 else "red blue green") for i in range(count))
    }
    scores = {key: 1 - falling * number for number, key in enumerate(chunks)}
    return rank_by_score("f", scores, {key: chunk.doc_id for key, chunk in chunks.items()}), dict(chunks)


@pytest.mark.parametrize("keep", [1, 4, 8])
def test_reading_stops_early_only_when_the_first_cannot_change(keep: int) -> None:
    ordered, chunks = long_list(40, 0.01)
    settings = RerankSettings(max_forwards=40, weight=0.3)
    early, full = OverlapReranker(), OverlapReranker()
    stopped = rerank(QUERY, ordered, chunks, early, settings, keep)  # type: ignore[arg-type]
    whole = rerank(QUERY, ordered, chunks, full, settings.model_copy(update={"early_exit": False}), keep)  # type: ignore[arg-type]
    assert early.read < full.read == 40
    assert early.read % STEP == 0
    assert stopped.spared == 40 - early.read
    assert stopped.ranking.head(keep).scores() == whole.ranking.head(keep).scores()


def test_reading_goes_on_while_the_last_could_still_win() -> None:
    chunks = {c.chunk_id: c for c in (make_chunk(f"d{i}", "red") for i in range(40))}  # none stands out
    ordered = rank_by_score(
        "f", {key: 1 - 0.01 * i for i, key in enumerate(chunks)}, {k: c.doc_id for k, c in chunks.items()}
    )
    done = rerank(QUERY, ordered, chunks, OverlapReranker(), RerankSettings(max_forwards=40, weight=0.9), 1)
    assert (done.forwards, done.spared) == (40, 0)


def test_what_was_read_is_not_read_again_and_changes_nothing() -> None:
    cache: PairCache[float] = PairCache()
    model = OverlapReranker()
    first = rerank(QUERY, ORDERED, CHUNKS, model, RerankSettings(), 8, cache)
    again = rerank(QUERY, ORDERED, CHUNKS, model, RerankSettings(), 8, cache)
    assert (first.forwards, first.remembered) == (4, 0)
    assert (again.forwards, again.remembered) == (0, 4)
    assert model.read == 4
    assert again.ranking == first.ranking


def test_the_cache_forgets_what_was_unused_longest() -> None:
    cache: PairCache[float] = PairCache(capacity=2)
    a, b, c = list(CHUNKS.values())[:3]
    cache.keep(QUERY, [a, b], [1.0, 2.0])
    assert cache.known(QUERY, [a]) == {a.chunk_id: 1.0}
    cache.keep(QUERY, [c], [3.0])
    assert cache.known(QUERY, [a, b, c]) == {a.chunk_id: 1.0, c.chunk_id: 3.0}
    assert cache.known(Query("another"), [a]) == {}


@given(data=st.data())
def test_stopping_early_never_changes_the_first(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    unit = st.integers(0, 4).map(lambda i: i / 4)
    before = data.draw(st.lists(unit, min_size=count, max_size=count))
    drawn = data.draw(st.lists(unit, min_size=count, max_size=count))
    weight, keep = data.draw(unit), data.draw(st.integers(1, 12))
    chunks = {c.chunk_id: c for c in (make_chunk(f"d{i}", f"text {i}") for i in range(count))}
    scores = dict(zip(chunks, drawn, strict=True))
    ordered = rank_by_score("f", dict(zip(chunks, before, strict=True)), {k: c.doc_id for k, c in chunks.items()})

    class Given(OverlapReranker):
        def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
            return [scores[p.chunk_id] for p in passages]

    settings = RerankSettings(max_forwards=40, weight=weight)
    early = rerank(QUERY, ordered, chunks, Given(), settings, keep)
    whole = rerank(QUERY, ordered, chunks, Given(), settings.model_copy(update={"early_exit": False}), keep)
    assert early.ranking.head(keep) == whole.ranking.head(keep)


def test_what_may_not_be_read_stays_below_what_may() -> None:
    ordered, chunks = long_list(12, 0.0)
    done = rerank(QUERY, ordered, chunks, OverlapReranker(), RerankSettings(max_forwards=4), 8)  # type: ignore[arg-type]
    head = {c.chunk_id for c in ordered.head(4).candidates}
    assert {c.chunk_id for c in done.ranking.head(4).candidates} == head


def test_a_passage_under_another_header_is_another_passage() -> None:
    cache: PairCache[float] = PairCache()
    one, other = make_chunk("1", "red"), make_chunk("1", "red", title="Colours")
    assert one.chunk_id == other.chunk_id
    cache.keep(QUERY, [one], [1.0])
    assert cache.known(QUERY, [other]) == {}


def test_without_a_weight_the_model_says_how_much_its_word_counts() -> None:
    declared = run(OverlapReranker({"any": 0.6}), max_forwards=3, early_exit=False)
    assert declared.share == pytest.approx(0.6)
    assert (
        declared.ranking.scores()
        == run(OverlapReranker(), max_forwards=3, weight=0.6, early_exit=False).ranking.scores()
    )
    assert run(OverlapReranker(), max_forwards=3).share == pytest.approx(0.3)
    assert run(OverlapReranker({"any": 0.6}), max_forwards=3, weight=0.1).share == pytest.approx(0.1)
