"""What is chosen from what was measured, and what is refused for what it computes."""

from __future__ import annotations

import numpy as np
import pytest

from citewell.core.machine import Machine
from citewell.encoders.batching import batches
from citewell.encoders.runtimes import NAMES, REFERENCE, family_of, suits
from citewell.encoders.slices import NEAR_TIES, pairs, slices
from citewell.encoders.tuning import Agreement, Measured, choose, compare_scores, compare_vectors, refusal

CHANCE = np.random.default_rng(5)


def measured(runtime: str, texts_per_s: float, question_ms: float, refused: str = "") -> Measured:
    return Measured(runtime=runtime, texts_per_s=texts_per_s, question_ms=question_ms, refused=refused)


def rows(width: int) -> dict[str, np.ndarray]:
    return {kind: CHANCE.standard_normal((len(texts), width)).astype(np.float32) for kind, texts in slices().items()}


def test_the_fastest_is_chosen_for_each_of_both_ways() -> None:
    bulk, question, reason = choose(
        [
            measured(REFERENCE, 10, 10),
            measured("openvino-bfloat16", 40, 2),
            measured("openvino-int8", 60, 4),
            measured("onnx-int8", 99, 1, refused="it differs"),
        ],
        "texts",
    )
    assert (bulk, question) == ("openvino-int8", "openvino-bfloat16")
    assert "6.0 times as many texts" in reason
    assert "5.0 times as fast" in reason


def test_a_more_exact_one_is_taken_that_is_nearly_as_fast() -> None:
    candidates = [measured(REFERENCE, 10, 10), measured("openvino-bfloat16", 52, 2.1), measured("openvino-int8", 60, 2)]
    assert choose(candidates, "texts")[:2] == ("openvino-bfloat16", "openvino-bfloat16")


def test_pairs_are_always_read_many_at_a_time() -> None:
    candidates = [measured(REFERENCE, 10, 1), measured("openvino-bfloat16", 40, 9)]
    assert choose(candidates, "pairs")[:2] == ("openvino-bfloat16", "openvino-bfloat16")


def test_where_nothing_else_may_be_used_the_reference_is() -> None:
    candidates = [measured(REFERENCE, 10, 10), measured("openvino-int8", 60, 2, refused="it differs")]
    assert choose(candidates, "texts")[:2] == (REFERENCE, REFERENCE)


def test_equal_vectors_agree_and_turned_ones_do_not() -> None:
    reference = rows(32)
    agreement, order = compare_vectors(reference, reference)
    assert (order, refusal("texts", agreement, order)) == (1.0, "")
    other = dict(reference, identifiers=-reference["identifiers"])
    agreement, order = compare_vectors(reference, other)
    assert agreement["identifiers"].least == -1
    assert "identifiers" in refusal("texts", agreement, order)


def test_near_ties_in_another_order_are_told() -> None:
    reference = rows(32)
    swapped = reference[NEAR_TIES].reshape(-1, 2, 32)[:, ::-1].reshape(-1, 32)
    _, order = compare_vectors(reference, dict(reference, **{NEAR_TIES: swapped}))
    assert order == 0
    assert "order" in refusal("texts", {}, order)


def test_scores_agree_in_what_they_say_and_in_their_order() -> None:
    reference = {kind: CHANCE.standard_normal((len(texts), 1)).astype(np.float32) for kind, texts in pairs().items()}
    agreement, order = compare_scores(reference, reference)
    assert refusal("pairs", agreement, order) == ""
    other = {kind: -values for kind, values in reference.items()}
    agreement, order = compare_scores(reference, other)
    assert refusal("pairs", agreement, order)
    assert order <= -0.9


@pytest.mark.parametrize("reads", ["texts", "pairs"])
def test_what_is_no_number_is_refused(reads: str) -> None:
    agreement = {"passages": Agreement(mean=float("nan"), least=float("nan"))}
    assert "passages" in refusal(reads, agreement, 1.0)


def test_bfloat16_needs_a_processor_that_has_it() -> None:
    plain, new = Machine("a laptop", ("avx2",)), Machine("a server", ("avx2", "avx512f", "avx512_bf16"))
    assert [name for name in NAMES if not suits(name, plain)] == ["torch-bfloat16", "openvino-bfloat16"]
    assert all(suits(name, new) for name in NAMES)


def test_runtimes_of_one_family_share_the_converted_model() -> None:
    families = [family_of(name) for name in NAMES]
    assert families == ["", "", "openvino", "openvino", "openvino-int8", "onnx", "onnx-int8"]


def test_batches_hold_texts_of_like_length_and_little_padding() -> None:
    lengths = [int(length) for length in CHANCE.integers(3, 257, 500)]
    made = list(batches(lengths, 2048))
    assert sorted(place for batch in made for place in batch) == list(range(500))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 2048 for batch in made)
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in made)
    assert padded < 1.05 * sum(lengths)


def test_a_text_longer_than_a_batch_is_a_batch() -> None:
    assert list(batches([5000, 10], 2048)) == [[0], [1]]


def test_the_texts_of_comparison_are_the_same_everywhere_and_of_every_kind() -> None:
    slices.cache_clear()
    first = slices()
    slices.cache_clear()
    assert first == slices()
    assert {"long passages", "rare words", "identifiers", "other languages", NEAR_TIES} <= set(first)
    assert all(one != other for one, other in zip(first[NEAR_TIES][::2], first[NEAR_TIES][1::2], strict=True))
