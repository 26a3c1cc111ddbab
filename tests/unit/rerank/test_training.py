"""Training: what it reads, that it is repeatable, that it goes on after a kill, and that what it leaves can be loaded."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from twins import REFERENCE_ENCODERS, make_chunk

from citewell.core.errors import DatasetInvalid, ModelMismatch, ModelUnavailable, SettingsError
from citewell.core.models import (
    BUNDLED_EMBEDDER,
    CHECKSUMS,
    model_folder,
    require_checksums,
    write_checksums,
)
from citewell.core.scores import auroc
from citewell.core.settings import RerankSettings
from citewell.core.types import Query
from citewell.rerank.reader import READER_FILE, ReadingCrossEncoder
from citewell.rerank.train.encode import Encoded, batches, collate, encode
from citewell.rerank.train.groups import Group, TrainingPassage, bucket, read_groups, write_groups
from citewell.rerank.train.loop import TrainSettings, split, train
from citewell.rerank.train.losses import (
    ANSWERABLE_WEIGHT,
    BINARY_WEIGHT,
    JOINT_WEIGHT,
    PRIOR_SHARE,
    PRIOR_SHARPNESS,
    SPAN_WEIGHT,
    losses,
)
from citewell.rerank.train.pair_model import Outputs, PairModel
from citewell.rerank.train.ship import replace_folder

COLOURS = ("red", "blue", "green", "grey", "brown", "pink", "white", "black")


def group(number: int, split: str = "train", **values: Any) -> Group:
    """Which thing has which colour: only the first passage says."""
    colour, other = COLOURS[number % 8], COLOURS[(number + 3) % 8]
    text = f"The house on the hill is {colour} and has two doors."
    at = text.index(colour)
    facts: dict[str, Any] = {
        "source": "made", "kind": "asked", "split": split, "question": f"Which house is {colour}, the one numbered {number}?",
        "passages": (TrainingPassage(header="Houses", text=text), TrainingPassage(header="", text=f"The car is {other}.")),
        "prior": (0.5, 0.4), "spans": ((at, at + len(colour)),), "answerable": True,
    }  # fmt: skip
    return Group.model_validate(facts | values)


GROUPS = [*(group(i) for i in range(24)), *(group(i, "dev") for i in range(24, 32))]


@pytest.fixture
def recipe(tiny_cross_encoder: Path) -> TrainSettings:
    """A model of one layer, in seconds."""
    return TrainSettings(
        start=str(tiny_cross_encoder), max_tokens=48, batch_groups=4, epochs=2, asked_repeats=1, learning_rate=1e-3, dtype="float32",
        threads=1, checkpoint_steps=2, evaluate_steps=6,
    )  # fmt: skip


def test_groups_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert write_groups(GROUPS, tmp_path / "groups.jsonl") == len(GROUPS)
    assert list(read_groups(tmp_path / "groups.jsonl")) == GROUPS
    (tmp_path / "groups.jsonl").write_text(GROUPS[0].model_dump_json() + "\n{}\n")
    with pytest.raises(DatasetInvalid, match="line 2"):
        list(read_groups(tmp_path / "groups.jsonl"))


def test_a_span_outside_its_passage_is_refused() -> None:
    with pytest.raises(ValueError, match="spans"):
        group(1, spans=((0, 10_000),))


def test_parts_are_those_that_the_data_names() -> None:
    assert (bucket("Normans"), bucket("1973 oil crisis")) == (4, 14)


def test_answers_are_found_again_among_the_tokens() -> None:
    tokenizer = AutoTokenizer.from_pretrained(model_folder(BUNDLED_EMBEDDER))
    for item in encode(GROUPS, tokenizer, 48):
        first, last = item.spans[0]
        word = tokenizer.decode(item.rows[0][first : last + 1])
        assert word == item.group.passages[0].text[slice(*item.group.spans[0])]
        assert item.rows[0][item.boundaries[0] - 1] == tokenizer.sep_token_id


def test_a_span_that_the_window_cuts_off_is_dropped() -> None:
    tokenizer = AutoTokenizer.from_pretrained(model_folder(BUNDLED_EMBEDDER))
    assert encode([group(1)], tokenizer, 20)[0].spans == ()


def test_every_group_is_in_one_batch_and_the_order_is_the_seeds() -> None:
    encoded = encode(GROUPS, AutoTokenizer.from_pretrained(model_folder(BUNDLED_EMBEDDER)), 48)
    made = batches(encoded, 5, 1)
    assert sorted(i for batch in made for i in batch) == list(range(len(GROUPS)))
    assert made == batches(encoded, 5, 1) != batches(encoded, 5, 2)


def test_auroc_by_hand() -> None:
    assert auroc([3.0, 1.0], [2.0, 1.0]) == pytest.approx((1 + 1 + 0 + 0.5) / 4)


def run(out: Path, recipe: TrainSettings) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    train(GROUPS, out, recipe, events.append)
    return events


@pytest.mark.slow
def test_the_same_run_gives_the_same_weights_and_can_be_loaded(tmp_path: Path, recipe: TrainSettings) -> None:
    first, second = run(tmp_path / "a", recipe), run(tmp_path / "b", recipe)
    assert first[-1]["figures"] == second[-1]["figures"]
    weights = "best/model.safetensors"
    assert (tmp_path / "a" / weights).read_bytes() == (tmp_path / "b" / weights).read_bytes()
    folder = tmp_path / "a" / "best"
    pair = ("Which house is red?", "Houses\nThe house on the hill is red and has two doors.")
    by_library = CrossEncoder(str(folder), local_files_only=True).predict([pair])[0]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        by_hand = model(**tokenizer(*pair, return_tensors="pt")).logits.item()
    settings = RerankSettings()
    text = pair[1].partition("\n")[2]
    reading = ReadingCrossEncoder(folder, settings, REFERENCE_ENCODERS).read(
        Query(pair[0]), [make_chunk("1", text, title="Houses")]
    )[0]
    assert by_library == pytest.approx(by_hand, abs=1e-4)
    assert reading.relevance == pytest.approx(by_hand, abs=1e-4)
    assert 0 <= reading.answerable <= 1
    assert 0 <= reading.start_char < reading.end_char <= len(text)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path, recipe: TrainSettings) -> None:
    whole = run(tmp_path / "whole", recipe)[-1]
    write_groups(GROUPS, tmp_path / "groups.jsonl")
    program = (
        "import sys, json; from pathlib import Path; from citewell.rerank.train.groups import read_groups;"
        "from citewell.rerank.train.loop import TrainSettings, train;"
        "train(list(read_groups(Path(sys.argv[1]))), Path(sys.argv[2]), TrainSettings(**json.loads(sys.argv[3])),"
        " lambda event: print(json.dumps(event), flush=True))"
    )
    arguments = [str(tmp_path / "groups.jsonl"), str(tmp_path / "killed"), recipe.model_dump_json()]
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if json.loads(line).get("step", 0) >= 4:
                break
        child.kill()
    resumed: list[dict[str, Any]] = []
    train(GROUPS, tmp_path / "killed", recipe, resumed.append)
    assert 2 <= resumed[0]["step"] < resumed[0]["steps"], "the child was to be killed before its end"
    assert resumed[-1]["figures"] == whole["figures"]
    best = "best/model.safetensors"
    assert (tmp_path / "killed" / best).read_bytes() == (tmp_path / "whole" / best).read_bytes()


def test_a_folder_with_another_run_is_refused(tmp_path: Path, recipe: TrainSettings) -> None:
    short = recipe.model_copy(update={"epochs": 0.3})
    run(tmp_path / "run", short)
    with pytest.raises(SettingsError, match="other groups or settings"):
        run(tmp_path / "run", short.model_copy(update={"learning_rate": 1e-5}))


def test_without_a_development_slice_each_twentieth_group_is_one(recipe: TrainSettings) -> None:
    groups = [group(i) for i in range(45)]
    training, dev = split(groups, recipe)
    assert dev == [groups[19], groups[39]]
    assert training == [g for g in groups if g not in dev]


def test_too_few_groups_are_refused(tmp_path: Path, recipe: TrainSettings) -> None:
    with pytest.raises(DatasetInvalid, match="0 to develop on"):
        train([group(1)], tmp_path, recipe, lambda _: None)


def test_checksums_are_verified(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(ModelMismatch, match=CHECKSUMS):
        require_checksums(folder)
    (folder / CHECKSUMS).write_text(
        "9d64b9e9a1fbc5ff4ce4ae8ff7ed5e7ba7b5ae1ea34ea2a8dc3ff8f9a9f8cd8b  model.safetensors\n"
    )
    with pytest.raises(ModelMismatch, match=r"model\.safetensors of the model model has the checksum"):
        require_checksums(folder)
    (folder / CHECKSUMS).write_text("0" * 64 + f"  {READER_FILE}\n")
    with pytest.raises(ModelMismatch, match="has no file"):
        require_checksums(folder)


def test_damaged_heads_are_told(tmp_path: Path, tiny_cross_encoder: Path) -> None:
    folder = Path(shutil.copytree(tiny_cross_encoder, tmp_path / "model"))
    (folder / READER_FILE).write_bytes(b"damaged")
    with pytest.raises(ModelUnavailable, match="reader"):
        ReadingCrossEncoder(folder, RerankSettings(), REFERENCE_ENCODERS).read(
            Query("q"), [make_chunk("1", "a passage")]
        )


def outputs(relevance: list[float], answerable: list[float], start: list[float], end: list[float]) -> Outputs:
    places = torch.tensor([start, [0.0] * len(start)]), torch.tensor([end, [0.0] * len(end)])
    return Outputs(torch.tensor(relevance), torch.tensor(answerable), *places)


def test_losses_by_hand() -> None:
    encoded = Encoded(((1, 2, 3), (1, 2, 3)), (1, 1), ((1, 2),), group(1, prior=(0.5, 0.5)))
    batch = collate([encoded], 0)
    found = losses(outputs([1.0, 0.0], [2.0, -1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0]), batch)
    own = math.log(1 + math.exp(-1.0))  # -log of the first passage's share
    target = PRIOR_SHARE / 2
    assert found.rank.item() == pytest.approx((1 - target) * own + target * (own + 1.0), abs=1e-5)
    start = -(1.0 - math.log(math.e + 2))
    end = -(3.0 - math.log(math.exp(3.0) + 2))
    assert found.span.item() == pytest.approx((start + end) / 2, abs=1e-5)
    known = (math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(-1.0))) / 2
    assert found.answerable.item() == pytest.approx(known, abs=1e-5)
    assert found.joint.item() == pytest.approx(own, abs=1e-5)
    total = found.rank + JOINT_WEIGHT * found.joint + BINARY_WEIGHT * found.binary
    total = total + SPAN_WEIGHT * found.span + ANSWERABLE_WEIGHT * found.answerable
    assert found.total.item() == pytest.approx(total.item())


def test_what_the_bi_encoder_gets_wrong_counts_more() -> None:
    found = []
    for prior in ((0.6, 0.5), (0.5, 0.6)):
        encoded = Encoded(((1, 2, 3), (1, 2, 3)), (1, 1), ((1, 2),), group(1, prior=prior))
        found.append(losses(outputs([1.0, 0.0], [0.0, 0.0], [0.0] * 3, [0.0] * 3), collate([encoded], 0)).joint.item())
    ahead, behind = (1 + PRIOR_SHARPNESS * 0.1, 1 - PRIOR_SHARPNESS * 0.1)
    assert found == pytest.approx([math.log(1 + math.exp(-ahead)), math.log(1 + math.exp(-behind))], abs=1e-4)


def test_training_goes_on_from_a_trained_model_with_its_heads(tiny_reader: Path) -> None:
    model = PairModel.from_encoder(tiny_reader)
    kept = load_file(tiny_reader / READER_FILE)
    assert torch.equal(model.heads.span.weight, kept["span.weight"].float())
    scorer = AutoModelForSequenceClassification.from_pretrained(tiny_reader, local_files_only=True)
    assert torch.equal(model.trunk.classifier.weight, scorer.classifier.weight)  # type: ignore[union-attr]


def test_a_question_without_an_answer_trains_only_that() -> None:
    encoded = Encoded(((1, 2, 3), (1, 2, 3)), (1, 1), (), group(1, spans=(), answerable=False, ranked=False))
    found = losses(outputs([1.0, 0.0], [2.0, -1.0], [0.0] * 3, [0.0] * 3), collate([encoded], 0))
    assert (found.rank.item(), found.binary.item(), found.span.item()) == (0.0, 0.0, 0.0)
    assert found.answerable.item() > 0


def test_answers_are_read_only_in_the_text_and_never_across_a_cut(tiny_reader: Path) -> None:
    text = "The archive lies in Bern. " + "Nothing of note happened there. " * 30 + "Badges open the side door."
    passage = make_chunk("1", text, title="A title with many words that could be an answer")
    reader = ReadingCrossEncoder(tiny_reader, RerankSettings(max_tokens=64), REFERENCE_ENCODERS)
    window = reader.windows(Query("Which door do badges open?"), [passage])[0]
    assert len(window.parts) > 1
    for number in range(20):
        reading = reader.read(Query(f"Which door do badges open, number {number}?"), [passage])[0]
        span = (reading.start_char + passage.header_length, reading.end_char + passage.header_length)
        assert 0 <= reading.start_char < reading.end_char <= len(text)
        assert any(start <= span[0] and span[1] <= end for start, end in window.parts)


def test_a_replaced_folder_is_whole(tmp_path: Path) -> None:
    def write(word: str) -> Callable[[Path], None]:
        def into(folder: Path) -> None:
            folder.mkdir()
            (folder / "file").write_text(word)

        return into

    replace_folder(tmp_path / "best", write("one"))
    replace_folder(tmp_path / "best", write("two"))
    assert [p.name for p in tmp_path.iterdir()] == ["best"]
    assert (tmp_path / "best" / "file").read_text() == "two"


def test_a_trained_model_that_was_changed_is_not_loaded(tmp_path: Path, tiny_reader: Path) -> None:
    folder = Path(shutil.copytree(tiny_reader, tmp_path / "model"))
    write_checksums(folder)
    assert model_folder(str(folder)) == folder.resolve()
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    with pytest.raises(ModelMismatch, match=r"model\.safetensors of the model model has the checksum"):
        model_folder(str(folder))
