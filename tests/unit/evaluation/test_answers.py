"""Answers through the whole line: measures, the waterfall, the judge, the replay of one question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest
from twins import make_chunk, stored

from citewell.core.answers import Answer, Draft, Sentence, Sufficiency
from citewell.core.errors import DatasetInvalid
from citewell.core.settings import load_settings
from citewell.core.types import Chunk, Citation, Context, LedgerEntry, Passage, Query, Ranking, rank_by_score
from citewell.evaluation.answers import evaluate_answers
from citewell.evaluation.explain import explain
from citewell.evaluation.indexing import Indexed, index_dataset
from citewell.evaluation.judge import load_judge
from citewell.evaluation.topics.datasets import read_dataset
from citewell.evaluation.topics.gold import Gold
from citewell.evaluation.topics.types import Dataset
from citewell.evaluation.waterfall import STEPS, Loss, blame, waterfall
from citewell.generate.verification.draft import Verified
from citewell.index.snapshot import Snapshot
from citewell.pipeline.ask import Replay
from citewell.pipeline.retrieve import Retrieved


@pytest.fixture
def indexed(dataset: Path, tmp_path: Path) -> tuple[Indexed, Dataset]:
    data = read_dataset(dataset)
    return index_dataset(data, load_settings(), tmp_path), data


def test_answers_citations_and_refusals_are_measured(indexed: tuple[Indexed, Dataset]) -> None:
    record = evaluate_answers(*indexed)
    assert (record.topics, record.answerable, record.unanswerable) == (3, 2, 1)
    assert record.per_topic["containment"] == {"q1": 1.0, "q2": 1.0}
    assert record.em == 0.0, "a sentence is quoted, not the bare answer"
    assert record.per_topic["f1"]["q1"] == pytest.approx(2 * (2 / 8) / (2 / 8 + 1), abs=1e-6), "28 days, of eight words"
    assert (record.citation_precision, record.citation_recall, record.evidence_recall) == (1.0, 1.0, 1.0)
    assert record.by_verifier == {"alignment": 1.0, "entailment": 1.0}
    assert record.citations["checked"] >= 2
    assert record.citations["broken"] == 0
    assert record.overall["em"] == pytest.approx(1 / 3, abs=1e-6), "the refusal is right"
    assert (record.abstention.precision, record.abstention.recall, record.abstention.auroc) == (1.0, 1.0, 1.0)
    assert record.abstention.curve[-1].coverage == 1.0
    assert record.abstention.threshold_for_risk is not None
    assert record.abstention.threshold_for_risk.coverage == pytest.approx(2 / 3)
    assert record.waterfall.counts["answered"] == record.waterfall.answerable == 2
    assert {"generate", "verify", "total"} <= record.latency_ms.keys()
    assert record.tokens["context_tokens"] > 0


def test_a_threshold_of_one_refuses_all_and_the_waterfall_says_so(dataset: Path, tmp_path: Path) -> None:
    data = read_dataset(dataset)
    settings = load_settings(generate={"threshold": 1.0})
    record = evaluate_answers(index_dataset(data, settings, tmp_path), data)
    assert record.waterfall.counts["abstained"] == 2
    assert sum(record.waterfall.counts.values()) == record.answerable
    assert record.abstention.coverage == 0.0
    assert record.abstention.risk is None
    assert record.citation_precision is None
    assert record.evidence_recall == 0.0
    assert record.abstention.auroc == 1.0, "what was held back is still scored"


def test_a_judge_is_heard_and_its_agreement_with_the_labels_told(indexed: tuple[Indexed, Dataset]) -> None:
    heard = []

    def judge(question: str, answer: str, quotes: Sequence[str], accepted: Sequence[str]) -> bool:
        heard.append((question, quotes, accepted))
        return any(a in answer for a in accepted)

    record = evaluate_answers(*indexed, judge=("mine", judge))
    assert record.judge is not None
    assert (record.judge.judged, record.judge.accepted, record.judge.kappa) == (2, 1.0, 1.0)
    assert heard[0][2] == ["28 days"]


def test_a_judge_that_cannot_be_loaded_is_told() -> None:
    for name in ("nothing", "no.such.module:judge", "json:no_such_function", "json:__name__"):
        with pytest.raises(DatasetInvalid, match="judge"):
            load_judge(name)
    assert load_judge("operator:eq") is not None


def test_a_question_is_replayed_with_rank_and_score_at_every_stage(indexed: tuple[Indexed, Dataset]) -> None:
    told = explain(*indexed, "q1")
    (passage,) = told["evidence"]["passages"]
    assert {stage: passage[stage]["rank"] for stage in ("bm25", "dense", "hybrid", "rerank")} == dict.fromkeys(
        ("bm25", "dense", "hybrid", "rerank"), 1
    )
    assert told["stages"]["hybrid"][0]["evidence"]
    assert (told["lost_at"], told["right"]) == ("answered", True)
    assert told["answer"]["context"]["kept"]
    json.dumps(told)
    assert explain(*indexed, "q3")["lost_at"] == ""
    with pytest.raises(DatasetInvalid, match="has no query q9"):
        explain(*indexed, "q9")


def test_a_file_of_questions_that_nobody_judged_is_told(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "bare.jsonl").write_text('{"_id": "q", "text": "annual leave?"}')
    data = read_dataset(tmp_path / "bare.jsonl")
    with pytest.raises(DatasetInvalid, match="of no question it is known"):
        evaluate_answers(index_dataset(read_dataset(dataset), load_settings(), tmp_path), data)


# --- the waterfall, step by step, on hand-made replays

CHUNKS = [make_chunk(f"d{i}", f"passage number {i} of this made-up corpus.") for i in range(6)]
GOLD = Gold("document", frozenset({"d0"}), (), frozenset({CHUNKS[0].chunk_id}))


def ranking(*numbers: int) -> Ranking:
    return rank_by_score(
        "s", {CHUNKS[n].chunk_id: -float(i) for i, n in enumerate(numbers)}, {c.chunk_id: c.doc_id for c in CHUNKS}
    )


def replayed(
    *, bm25: Sequence[int] = (0, 1), dense: Sequence[int] = (), hybrid: Sequence[int] = (0, 1, 2), final: Sequence[int] | None = None,
    ltr: Sequence[int] | None = None, fetched: Sequence[int] = (0, 1, 2), context: Sequence[int] = (0,), dropped: Mapping[int, str] | None = None, cited: int | None = None,
) -> Replay:  # fmt: skip
    """A replay in which the passages with these numbers stand where they are said to."""
    passages = tuple(Passage(m, stored(CHUNKS[n]), 1.0, CHUNKS[n].text) for m, n in enumerate(context, start=1))
    ledger = tuple(LedgerEntry(CHUNKS[n].chunk_id, "u", "dropped", reason) for n, reason in (dropped or {}).items())
    sentences: tuple[Sentence, ...] = ()
    if cited is not None:
        chunk: Chunk = CHUNKS[cited]
        marker = list(context).index(cited) + 1
        sentences = (
            Sentence(
                chunk.text, (Citation(marker, chunk.doc_id, chunk.version, "u", None, 0, len(chunk.text), chunk.text),)
            ),
        )
    answer = Answer(
        "id", "?", "grounded" if sentences else "abstained", sentences, "extractive", Sufficiency(0.3, -0.8), 0.4,
        Context(passages, 1, 10, ledger), "c", "g",
    )  # fmt: skip
    found = Retrieved(
        Query("?"), ranking(*bm25), ranking(*dense), ranking(*hybrid), ranking(*(ltr or hybrid)),
        ranking(*(final or ltr or hybrid)),
        {CHUNKS[n].chunk_id: stored(CHUNKS[n]) for n in fetched}, cast(Snapshot, None),
    )  # fmt: skip
    return Replay(found, (), Draft(sentences, "extractive"), Verified(sentences, ()), answer)


def lost(gold: Gold, played: Replay, *, right: bool = False) -> Loss:
    return blame(gold, played, right=right, in_context=2)


def test_the_first_stage_that_lost_the_evidence_is_blamed() -> None:
    nowhere = Gold("document", frozenset(), (), frozenset(), "not_ingested")
    split = Gold("span", frozenset({"d0"}), (("d0", 0, 99),), frozenset(), "split")
    assert lost(nowhere, replayed()) == Loss("not_ingested")
    assert lost(split, replayed()) == Loss("split")
    assert lost(GOLD, replayed(bm25=(1,), dense=(2,), hybrid=(1, 2))) == Loss("not_retrieved")
    assert lost(GOLD, replayed(hybrid=(1, 2, 3, 0), fetched=(1, 2, 3))) == Loss(
        "fused_out", "rank 4 after fusion, 4 after learning to rank, 3 go on"
    )
    reranked = replayed(
        hybrid=(0, 1, 2), final=(1, 2, 0), context=(1, 2), dropped={0: "beyond context.max_passages = 2"}
    )
    assert lost(GOLD, reranked) == Loss(
        "reranked_out", "rank 1 after fusion, 1 after learning to rank, 3 after the cross-encoder"
    )
    reordered = replayed(
        hybrid=(0, 1, 2), ltr=(1, 2, 0), context=(1, 2), dropped={0: "beyond context.max_passages = 2"}
    )
    assert lost(GOLD, reordered) == Loss(
        "reranked_out", "rank 1 after fusion, 3 after learning to rank, 3 after the cross-encoder"
    )
    dropped = replayed(hybrid=(1, 0, 2), context=(1,), dropped={0: "over the budget of 9 tokens"})
    assert lost(GOLD, dropped) == Loss("dropped", "over the budget of 9 tokens")
    twin = replayed(hybrid=(1, 0, 2), context=(1,), dropped={0: "near-duplicate of [1]"})
    assert lost(GOLD, twin) == Loss("dropped", "near-duplicate of a kept passage")
    assert lost(GOLD, replayed()) == Loss("abstained", "sufficiency 0.30 below 0.40")
    assert lost(GOLD, replayed(context=(0, 1), cited=1)) == Loss("not_cited")
    assert lost(GOLD, replayed(context=(0, 1), cited=0)) == Loss("wrong")
    assert lost(GOLD, replayed(cited=0), right=True) == Loss("answered")
    assert lost(Gold("unknown", frozenset(), (), frozenset()), replayed()) == Loss("unknown")


def test_a_right_answer_from_elsewhere_is_no_loss_and_a_held_back_one_is() -> None:
    nowhere = Gold("document", frozenset(), (), frozenset(), "not_ingested")
    assert lost(nowhere, replayed(cited=0), right=True) == Loss("answered")
    assert lost(GOLD, replayed(), right=True).step == "abstained"


def test_the_counts_of_the_waterfall_add_up() -> None:
    losses = [
        ("a", Loss("dropped", "r1")),
        ("b", Loss("dropped", "r2")),
        ("c", Loss("answered")),
        ("d", Loss("dropped", "r1")),
    ]
    made = waterfall(losses)
    assert made.answerable == sum(made.counts.values()) == 4
    assert made.counts.keys() == STEPS.keys()
    assert made.reasons == {"dropped": {"r1": 2, "r2": 1}}
    assert made.examples == {"dropped": ["a", "b", "d"]}
