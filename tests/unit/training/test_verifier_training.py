"""A verifier is trained on claims, can be killed, and is what was trained when its weights are merged."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from citewell.core.errors import DatasetInvalid
from citewell.generate.verification.network import load_verifier
from citewell.generate.verification.weights import ALIGNED, FEATURES, VerifierWeights
from citewell.training.verifier.claims import CONTRADICTED, NOT_SUPPORTED, SUPPORTED, Claim, judged_claims, made_claims
from citewell.training.verifier.fit import Described, figures, fit_weights
from citewell.training.verifier.loop import VerifierTraining, collate, encode, train
from citewell.training.verifier.rewrite import change, reword

SENTENCE = "In 1990, the company began to build 12 large pumps because of a flood on 3 March 1989."
CLAIMS = [
    Claim(
        "s",
        i,
        f"The pump of hall {i} is {colour}.",
        f"Hall {i} has a {said} pump.",
        (SUPPORTED if colour == said else CONTRADICTED,),
    )
    for i in range(6)
    for colour, said in (("red", "red"), ("red", "blue"))
]
RECIPE = VerifierTraining(epochs=3, batch=4, max_tokens=32, least=1, repeat=1)


def test_a_rewritten_sentence_says_the_same_in_other_words() -> None:
    said = {reword(SENTENCE, random.Random(i)) for i in range(20)}
    assert None not in said
    assert any("twelve" in text for text in said if text)
    assert any("1989-03-03" in text or "March 3, 1989" in text for text in said if text)
    assert reword("Nothing to do.", random.Random(1)) is None


def test_a_changed_sentence_says_something_else() -> None:
    changed = {change(SENTENCE, random.Random(i)) for i in range(20)}
    assert SENTENCE not in changed
    assert any(text and "March" not in text for text in changed)


def test_claims_are_read_with_what_their_labels_can_mean_and_nothing_that_is_measured(tmp_path: Path) -> None:
    rows = [
        {"premise": "p", "hypothesis": "h", "label": label} for label in ("entailment", "not_entailment", "partial")
    ]
    folder = tmp_path / "train"
    folder.mkdir()
    (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert [claim.target for claim in judged_claims(folder)] == [
        (SUPPORTED,),
        (NOT_SUPPORTED, CONTRADICTED),
        (NOT_SUPPORTED,),
    ]
    measured = tmp_path / "measure"
    measured.mkdir()
    with pytest.raises(DatasetInvalid):
        judged_claims(measured)


def test_claims_are_made_of_texts_and_questions(tmp_path: Path) -> None:
    text = f"{SENTENCE} Maria Holt led the works in Graz for seven years. Nobody knows what became of the second hall of the town."
    (tmp_path / "corpus.jsonl").write_text(
        json.dumps({"_id": "d", "title": "Pumps", "text": text}) + "\n", encoding="utf-8"
    )
    (tmp_path / "queries.jsonl").write_text(
        json.dumps({"_id": "q", "text": "Who led the works?"}) + "\n", encoding="utf-8"
    )
    answer = {"_id": "q", "answers": ["Maria Holt"], "evidence": ["d"], "answerable": True}
    (tmp_path / "answers.jsonl").write_text(json.dumps(answer) + "\n", encoding="utf-8")
    claims = [claim for seed in range(8) for claim in made_claims(tmp_path, seed)]
    assert {claim.target for claim in claims} >= {(SUPPORTED,), (CONTRADICTED,)}
    assert any("Maria Holt" in claim.text and claim.source.endswith("questions") for claim in claims)
    assert list(made_claims(tmp_path, 3)) == list(made_claims(tmp_path, 3))


def test_training_learns_goes_on_where_it_was_killed_and_ships_what_it_trained(
    tiny_cross_encoder: Path, tmp_path: Path
) -> None:
    rows = encode(CLAIMS, tiny_cross_encoder, RECIPE.max_tokens)
    told: list[dict[str, object]] = []
    model, steps = train(rows, rows, tiny_cross_encoder, tmp_path / "whole", RECIPE, told.append)
    assert steps == 9
    assert told[-1]["dev"]

    class Killed(Exception):
        pass

    def kill(event: dict[str, object]) -> None:
        raise Killed

    from citewell.training.verifier import loop

    kept = loop.KEEP_EVERY
    loop.KEEP_EVERY = 4
    try:
        with pytest.raises(Killed):
            train(rows, rows, tiny_cross_encoder, tmp_path / "killed", RECIPE, kill)
        again, _ = train(rows, rows, tiny_cross_encoder, tmp_path / "killed", RECIPE, told.append)
    finally:
        loop.KEEP_EVERY = kept
    for name, value in model.changes().items():
        torch.testing.assert_close(again.changes()[name], value)

    model.save(tmp_path / "shipped")
    shipped = load_verifier(tiny_cross_encoder, tmp_path / "shipped", RECIPE.max_tokens).module
    with torch.inference_mode():
        supported, silent, contradicted = model(*collate(rows)).unbind(-1)
        odds = supported - torch.logaddexp(silent, contradicted), contradicted - torch.logaddexp(supported, silent)
        torch.testing.assert_close(shipped(*collate(rows)), odds, atol=2e-2, rtol=2e-2)


def test_the_threshold_is_chosen_on_what_people_judged_and_no_finding_speaks_for_a_claim() -> None:
    chance = np.random.default_rng(2)
    supported, judged = chance.random(1200) < 0.5, np.arange(1200) < 400
    table = np.zeros((1200, len(FEATURES)))
    table[:, FEATURES.index("odds")] = np.where(supported, 1.0, -1.0) * np.where(judged, 0.4, 3.0) + chance.normal(
        size=1200
    )
    table[:, FEATURES.index("number")] = supported & (chance.random(1200) < 0.3)  # by chance beside what is supported
    sources = tuple("people" if one else "rule" for one in judged)
    claims = Described(table, supported, ~supported, sources, np.zeros(1200, dtype=bool), judged)
    found = fit_weights(claims, claims)
    by_people = claims.of(judged)
    called = found.probability(by_people.rows) >= found.threshold
    assert supported[judged][called].mean() >= 0.9
    easier = fit_weights(
        claims, Described(table, supported, ~supported, sources, claims.exact, np.ones(1200, dtype=bool))
    )
    assert easier.threshold < found.threshold
    assert found.weights["number"] == 0.0


def test_weights_keep_their_promise_and_alignment_alone_does_without_the_model() -> None:
    chance = np.random.default_rng(1)
    supported = chance.random(800) < 0.5
    table = chance.normal(scale=0.3, size=(800, len(FEATURES)))
    table[:, FEATURES.index("odds")] += np.where(supported, 1.0, -1.0)
    table[:, FEATURES.index("coverage")] += np.where(supported, 0.2, -0.2)
    claims = Described(table, supported, ~supported, ("s",) * 800, np.zeros(800, dtype=bool), np.ones(800, dtype=bool))
    full, alone = fit_weights(claims, claims, FEATURES), fit_weights(claims, claims, ALIGNED)
    assert figures(full, claims)["s"]["precision"] >= 0.9
    assert figures(full, claims)["s"]["balanced_accuracy"] > figures(alone, claims)["s"]["balanced_accuracy"] > 0.6
    assert "odds" not in alone.weights
    shipped = VerifierWeights(trunk="t", trunk_fingerprint="f", full=full, alignment=alone)
    assert VerifierWeights.model_validate_json(shipped.model_dump_json()) == shipped
