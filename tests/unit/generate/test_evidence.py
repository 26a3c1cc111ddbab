"""Sentences and contexts in numbers, and what follows from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from twins import HashingEmbedder, shown

from citewell.core.evidence import Signals
from citewell.core.types import Block, Query, Reading
from citewell.generate.evidence.context import ALL_CONTEXT_FEATURES
from citewell.generate.evidence.model import Configuration, EvidenceModel, Linear
from citewell.generate.evidence.sentences import ALL_FEATURES, describe
from citewell.generate.evidence.weigh import ASKED_THERE, ROW_BEHIND, Scales, asked_there, named_rows
from citewell.generate.quotables import quotable_sentences
from citewell.index.analysis import analyse


def weights_of(question: str) -> dict[str, float]:
    return dict.fromkeys(analyse(question), 1.0)


def described(question: str, *sentences: str, signals: Signals | None = None) -> dict[str, list[float]]:
    context = shown(*sentences)
    quotables = [q for p in context.passages for q in quotable_sentences(p)]
    flat = np.zeros(len(quotables), dtype=np.float32)
    rows = describe(question, quotables, flat, weights_of(question), analyse, signals or Signals())
    return {name: rows[:, i].tolist() for i, name in enumerate(ALL_FEATURES)}


def configuration(**changes: object) -> Configuration:
    plain = {
        "generator": "extractive", "embedder": "e", "reranker": "r", "language": "en",
        "sentence": Linear(weights={"similarity": 2.0}, intercept=0.0), "context": Linear(weights={"cosine": 1.0}, intercept=0.0),
    }  # fmt: skip
    return Configuration.model_validate(plain | changes)


def test_coverage_is_the_share_of_the_questions_weight() -> None:
    assert described("pump inlet pressure", "The pump has an inlet.")["passage_coverage"] == [pytest.approx(2 / 3)]


@pytest.mark.parametrize(
    ("question", "fits", "does_not"),
    [
        ("How many litres are pumped?", "It moves 12 litres.", "It moves much water."),
        ("When does it end?", "It ends on 31 March.", "It ends very well."),
        ("Who signs contracts?", "Contracts are signed by Maria Holt.", "contracts are signed there."),
        ("Wie viele Tage Urlaub?", "Es sind 28 Tage.", "Es gibt mehr Urlaub."),
    ],
)
def test_the_expected_form_of_an_answer_is_seen(question: str, fits: str, does_not: str) -> None:
    assert described(question, fits, does_not)["expected_form"] == [1.0, -1.0]


def test_a_reader_says_where_the_answer_stands_and_how_sure_it_is() -> None:
    context = shown("Leave is 28 days. Nobody works then.")
    key = context.passages[0].chunk.chunk_id
    told = described("q", context.passages[0].text, signals=Signals(readings={key: Reading(1.5, 0.5, 9, 16, 4.0)}))
    assert told["read_here"] == [1.0, 0.0]
    assert told["answerable"] == [pytest.approx(0.0), pytest.approx(0.0)]
    assert told["relevance"] == [1.5, 1.5]
    assert described("q", context.passages[0].text)["relevance"] == [0.0, 0.0]


def test_a_context_is_described_by_raw_scores_their_leads_and_agreement() -> None:
    context = shown("Leave is 28 days.", "Hotels in Graz cost 145 euros.")
    first, second = (p.chunk.chunk_id for p in context.passages)
    signals = Signals(
        {first: 1.0, second: 3.0},
        {first: 0.2, second: 0.6},
        {first: Reading(1.0, 0.2, 0, 5, 1.0), second: Reading(3.0, 0.8, 10, 14, 5.0)},
    )
    scales = Scales(HashingEmbedder(), analyse, weights_of)
    evidence = scales.weigh(
        Query("What is the price in Graz and Linz?"), context, signals, EvidenceModel(source="x", configurations=(configuration(),)).choose("extractive", "e", "r", "en")
    )  # fmt: skip
    features = evidence.sufficiency.features
    assert list(features) == list(ALL_CONTEXT_FEATURES)
    assert features["cosine"] == 0.6
    assert features["cosine_lead"] == pytest.approx(0.4)
    assert features["relevance_lead"] == 2.0
    assert features["names_absent"] == 0.5  # Linz stands nowhere
    assert features["agree_first"] == 0.0
    assert evidence.sufficiency.log_odds == pytest.approx(0.6)
    assert evidence.sufficiency.probability == pytest.approx(1 / (1 + np.exp(-0.6)))


FAQ = "Q: When is it closed? A: Until January.", "Q: When is it not closed? A: In spring. It opens late."


def test_what_stands_below_the_very_question_is_ahead_of_all_else() -> None:
    quotables = [q for p in shown(*FAQ).passages for q in quotable_sentences(p)]
    assert [q.text for q in quotables] == ["A: Until January.", "A: In spring.", "It opens late."]
    weighed = np.array([1.0, 3.0, -9.0])
    assert asked_there("when is it closed", quotables, weighed).tolist() == [1.0, 1.0 - ASKED_THERE, -9.0]
    assert asked_there("When is it NOT closed?", quotables, weighed).tolist() == [3.0 - ASKED_THERE, 3.0, -9.0]
    for other in ("When was it closed?", "it closed", "closed", "?"):
        assert asked_there(other, quotables, weighed).tolist() == weighed.tolist()


def test_nothing_to_quote_is_no_evidence() -> None:
    scales = Scales(HashingEmbedder(), analyse, weights_of)
    chosen = EvidenceModel(source="x", configurations=(configuration(),)).choose("extractive", "e", "r", "en")
    assert scales.weigh(Query("q"), shown(), Signals(), chosen).sufficiency.probability == 0.0


def test_knots_are_interpolated_and_must_rise() -> None:
    calibrated = configuration(knots=((-1.0, 0.1), (1.0, 0.5)))
    assert [calibrated.probability(x) for x in (-5.0, 0.0, 5.0)] == [0.1, pytest.approx(0.3), 0.5]
    with pytest.raises(ValidationError, match="rise"):
        configuration(knots=((1.0, 0.5), (0.0, 0.6)))
    with pytest.raises(ValidationError, match="not known"):
        configuration(sentence=Linear(weights={"charm": 1.0}, intercept=0.0))


def test_the_nearest_configuration_is_taken_and_what_it_was_not_calibrated_for_is_said() -> None:
    knots = ((-1.0, 0.1), (1.0, 0.5))
    english, plain = configuration(knots=knots), configuration(reranker="", language="*", knots=knots)
    model = EvidenceModel(source="shipped", configurations=(english, plain))
    assert model.choose("extractive", "e", "r", "en").uncalibrated == ""
    assert model.choose("extractive", "e", "", "de").uncalibrated == ""
    assert model.choose("extractive", "e", "r", "de").uncalibrated == "not calibrated for language de"
    assert model.choose("llm", "e", "other", "en").uncalibrated == "not calibrated for generator llm, reranker other"
    assert model.choose("extractive", "e", "", "en").configuration == plain
    own = EvidenceModel(source="own", configurations=(configuration(knots=((0.0, 0.2), (1.0, 0.9))),))
    assert model.with_own(own).choose("extractive", "e", "r", "en").configuration == own.configurations[0]


def test_the_shipped_model_is_read_and_knows_its_features() -> None:
    shipped = EvidenceModel.bundled()
    assert shipped.choose("extractive", "all-MiniLM-L6-v2", "citewell-reader", "en").uncalibrated == ""
    assert shipped.choose("extractive", "all-MiniLM-L6-v2", "", "en").uncalibrated == ""
    assert "language" in shipped.choose("extractive", "all-MiniLM-L6-v2", "citewell-reader", "ja").uncalibrated


def test_of_the_rows_of_a_table_those_that_hold_what_is_asked_are_ahead() -> None:
    text = "DX18 drill | 189\nDX24 drill | 249\nDX36 drill | 350"
    (passage,) = shown(text).passages
    ends = [text.index("\n"), text.index("\n", 20), len(text)]
    blocks = tuple(Block(a, b, "table_row") for a, b in zip([0, ends[0] + 1, ends[1] + 1], ends, strict=True))
    table = replace(passage, stored=replace(passage.stored, blocks=blocks))
    quotables = quotable_sentences(table)
    logits = np.array([5.0, 3.0, 1.0])
    asked = {"dx24": 3.0, "drill": 1.0, "cost": 1.0}
    assert named_rows(quotables, logits, asked, analyse).tolist() == [5.0 - ROW_BEHIND, 5.0, 1.0]
    assert named_rows(quotables, logits, {"drill": 1.0, "cost": 1.0}, analyse).tolist() == logits.tolist()
    assert named_rows(quotables, logits, asked | {"dx24": 0.1}, analyse).tolist() == logits.tolist()
