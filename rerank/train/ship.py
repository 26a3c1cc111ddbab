"""A trained model as a folder that can be shipped: weights, model card, checksums."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from citewell.core.models import CARD, write_checksums
from citewell.rerank.train.pair_model import PairModel

_CARD = """\
# A cross-encoder that reads

One BERT trunk of {layers} layers and {width} dimensions with three heads: relevance of a passage to a question (`model.safetensors`, a sequence
classifier with one label, loadable by transformers and by sentence-transformers' `CrossEncoder`), start and end of the answer, and whether the
passage holds it (`reader.safetensors`). Weights are stored in half precision.

Started from {start}; trained by `citewell train reranker` on {groups} groups, {pairs} pairs (counted as often as they were seen), in {minutes} minutes of computing in {dtype},
with the seed {seed}. Settings: {settings}.

## On the development slice

| figure | value |
|---|---|
{figures}
"""


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Writes a new folder beside `folder` and puts it in its place; killed at any moment, a whole one is there under either name."""
    part, old = folder.with_name(f"{folder.name}.part"), folder.with_name(f"{folder.name}.old")
    shutil.rmtree(part, ignore_errors=True)
    write(part)
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(part, folder)
    shutil.rmtree(old, ignore_errors=True)


def ship(model: PairModel, tokenizer: PreTrainedTokenizerBase, summary: Mapping[str, Any], folder: Path) -> None:
    """Writes the model with its card. How much its word counts is fitted later: `citewell train blend`."""
    model.save(folder, tokenizer)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    card = _CARD.format(
        layers=config["num_hidden_layers"], width=config["hidden_size"], start=summary["settings"]["start"], groups=summary["groups"],
        pairs=summary["pairs"], minutes=round(summary["seconds"] / 60), dtype=summary["dtype"], seed=summary["settings"]["seed"],
        settings=", ".join(f"{k} {v}" for k, v in summary["settings"].items() if k not in {"start", "seed", "threads"}),
        figures="\n".join(f"| {name} | {value:.4f} |" for name, value in summary["figures"].items()),
    )  # fmt: skip
    (folder / CARD).write_text(card, encoding="utf-8")
    write_checksums(folder, without={CARD})
