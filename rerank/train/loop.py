"""The training run: groups in, weights out; killed at any moment, it goes on from its last checkpoint."""

from __future__ import annotations

import hashlib
import math
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from transformers import AutoTokenizer

from citewell.core.errors import DatasetInvalid, ModelFailed, SettingsError
from citewell.core.machine import available_threads
from citewell.core.models import model_folder, weights_fingerprint
from citewell.rerank.train.encode import batches, collate, encode
from citewell.rerank.train.groups import Group
from citewell.rerank.train.losses import losses
from citewell.rerank.train.measure import measure
from citewell.rerank.train.pair_model import PairModel, compute_dtype
from citewell.rerank.train.ship import replace_folder, ship

CHECKPOINT = "checkpoint.pt"
BEST = "best"
LOG = "training.jsonl"
DEV_EVERY = 20
Tell = Callable[[dict[str, Any]], None]


class TrainSettings(BaseModel):
    """The recipe; every field is written beside the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: str = Field(
        "all-MiniLM-L6-v2", description="Encoder, or trained cross-encoder, whose weights training starts from."
    )
    max_tokens: int = Field(192, ge=16, le=512, description="Most tokens of question and passage together.")
    batch_groups: int = Field(12, ge=1, description="Groups in a step.")
    epochs: float = Field(1.0, gt=0, description="Times that every group is seen.")
    asked_repeats: int = Field(2, ge=1, description="Times in an epoch that a question which people asked is seen.")
    learning_rate: float = Field(8e-5, gt=0)
    head_learning_rate: float = Field(5e-4, gt=0)
    warmup: float = Field(0.06, ge=0, lt=1, description="Share of the steps in which the rate rises.")
    weight_decay: float = Field(0.01, ge=0)
    dtype: str = Field("auto", description="float32, bfloat16, or auto: bfloat16 where the processor computes in it.")
    threads: int = Field(0, ge=0)
    seed: int = 13
    checkpoint_steps: int = Field(100, ge=1)
    evaluate_steps: int = Field(300, ge=1)
    dev_groups: int = Field(600, ge=1, description="Most groups of the development slice, chosen by the seed.")
    patience: int = Field(6, ge=1, description="Evaluations without gain after which the run ends.")


def train(groups: Sequence[Group], out: Path, settings: TrainSettings, tell: Tell) -> dict[str, Any]:
    """Trains into `out`, or goes on with the run that is there; the best weights of the development slice end in `out/best`.

    Returns the last line of the log. Raises DatasetInvalid without a training or a development group, SettingsError when `out` holds
    a run of other groups or settings.
    """
    run = _Run(groups, out, settings)
    run.restore()
    tell({"event": "start", "step": run.step, "steps": run.steps, "pairs": run.pairs})
    while run.step < run.steps and run.stale < settings.patience:
        run.advance(tell)
    run.finish(tell)
    return run.summary()


class _Run:
    def __init__(self, groups: Sequence[Group], out: Path, settings: TrainSettings) -> None:
        self.settings, self.out = settings, out
        out.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(available_threads(settings.threads))
        _seed(settings.seed)
        start = model_folder(settings.start)
        self.tokenizer = AutoTokenizer.from_pretrained(start, local_files_only=True)
        self.dtype = compute_dtype(settings.dtype)
        training, dev = split(groups, settings)
        self.groups = len(training)
        training += [g for g in training if g.kind == "asked"] * (settings.asked_repeats - 1)
        if not training or not dev:
            raise DatasetInvalid(
                f"there are {len(training)} groups to train on and {len(dev)} to develop on: both are needed"
            )
        self.fingerprint = _fingerprint(training, dev, settings, f"{weights_fingerprint(start)} {self.dtype}")
        self.training = encode(training, self.tokenizer, settings.max_tokens)
        self.dev = encode(dev, self.tokenizer, settings.max_tokens)
        self.model = PairModel.from_encoder(start)
        self.model.train()
        self.plan = self._plan()
        self.steps = len(self.plan)
        self.pairs = sum(len(self.training[i].rows) for batch in self.plan for i in batch)
        self.optimizer = self._optimizer()
        self.step, self.stale, self.best, self.best_step, self.seconds = 0, 0, -math.inf, 0, 0.0
        self.best_figures: dict[str, float] = {}

    def _plan(self) -> list[list[int]]:
        plan: list[list[int]] = []
        for epoch in range(math.ceil(self.settings.epochs)):
            share = min(1.0, self.settings.epochs - epoch)
            made = batches(self.training, self.settings.batch_groups, self.settings.seed + epoch)
            plan += made[: math.ceil(len(made) * share)]
        return plan

    def _optimizer(self) -> torch.optim.AdamW:
        heads = ("heads.", "trunk.classifier.")
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        rates = {True: self.settings.head_learning_rate, False: self.settings.learning_rate}
        parts = [
            {
                "params": [p for n, p in named if n.startswith(heads) == head and (p.ndim > 1) == decayed],
                "lr": rates[head],
                "weight_decay": self.settings.weight_decay if decayed else 0.0,
            }
            for head in (True, False)
            for decayed in (True, False)
        ]
        self.rates = [float(part["lr"]) for part in parts]  # type: ignore[arg-type]
        return torch.optim.AdamW(parts)

    def advance(self, tell: Tell) -> None:
        """One step, and what is due after it."""
        began = time.monotonic()
        batch = collate([self.training[i] for i in self.plan[self.step]], self.tokenizer.pad_token_id)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * self._schedule()
        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            outputs = self.model(batch.input_ids, batch.attention_mask, batch.token_type_ids)
        parts = losses(outputs, batch)
        parts.total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.seconds += time.monotonic() - began
        if self.step % self.settings.checkpoint_steps == 0 or self.step == self.steps:
            tell({"event": "step", "step": self.step, "steps": self.steps, "seconds": round(self.seconds), "loss": round(parts.total.item(), 4),
                  "rank": round(parts.rank.item(), 4), "joint": round(parts.joint.item(), 4), "span": round(parts.span.item(), 4), "answerable": round(parts.answerable.item(), 4)})  # fmt: skip
        if self.step % self.settings.evaluate_steps == 0 or self.step == self.steps:
            self._evaluate(tell)
        if self.step % self.settings.checkpoint_steps == 0 or self.step == self.steps:
            self.keep()

    def _schedule(self) -> float:
        """Rises over the warm-up, then falls in a straight line to a fiftieth."""
        warm = max(1, int(self.steps * self.settings.warmup))
        if self.step < warm:
            return (self.step + 1) / warm
        return max(0.02, (self.steps - self.step) / max(1, self.steps - warm))

    def _evaluate(self, tell: Tell) -> None:
        figures = measure(self.model, self.dev, self.tokenizer.pad_token_id, self.dtype)
        tell({"event": "dev", "step": self.step, **{k: round(v, 4) for k, v in figures.items()}})
        if not math.isfinite(figures["score"]):
            raise ModelFailed(
                "the network's scores are no longer numbers: the run ends", hint="Take a lower learning rate."
            )
        if figures["score"] > self.best:
            self.best, self.best_step, self.stale = figures["score"], self.step, 0
            self.best_figures = figures
            replace_folder(self.out / BEST, lambda folder: ship(self.model, self.tokenizer, self.summary(), folder))
        else:
            self.stale += 1

    def keep(self) -> None:
        """Writes the checkpoint; it is whole or the last one stays."""
        state = {
            "fingerprint": self.fingerprint, "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step,
            "stale": self.stale, "best": self.best, "best_step": self.best_step, "best_figures": self.best_figures, "seconds": self.seconds,
            "chance": torch.get_rng_state(),
        }  # fmt: skip
        part = self.out / f"{CHECKPOINT}.part"
        torch.save(state, part)
        os.replace(part, self.out / CHECKPOINT)

    def restore(self) -> None:
        """Takes up the checkpoint, where there is one."""
        path = self.out / CHECKPOINT
        if not path.is_file():
            return
        state = torch.load(path, weights_only=True)
        if state["fingerprint"] != self.fingerprint:
            raise SettingsError(
                f"{self.out} holds a run of other groups or settings",
                hint="Choose another folder with --out, or remove it.",
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.stale, self.best = state["step"], state["stale"], state["best"]
        self.best_step, self.best_figures, self.seconds = state["best_step"], state["best_figures"], state["seconds"]
        torch.set_rng_state(state["chance"])

    def finish(self, tell: Tell) -> None:
        """Says how it ended."""
        tell({"event": "end", **self.summary()})

    def summary(self) -> dict[str, Any]:
        """What the weights in `best` were trained with, and what they reach."""
        return {
            "step": self.best_step, "steps": self.steps, "groups": self.groups, "dev_groups": len(self.dev),
            "pairs": sum(len(self.training[i].rows) for batch in self.plan[: self.best_step] for i in batch),
            "seconds": round(self.seconds), "score": round(self.best, 4),
            "figures": {k: round(v, 4) for k, v in self.best_figures.items()}, "dtype": str(self.dtype).removeprefix("torch."),
            "settings": self.settings.model_dump(),
        }  # fmt: skip


def split(groups: Sequence[Group], settings: TrainSettings) -> tuple[list[Group], list[Group]]:
    """The groups to train on and at most `dev_groups` to develop on; where none is named for that, each DEV_EVERY-th is taken."""
    training = [g for g in groups if g.split == "train"]
    dev = [g for g in groups if g.split == "dev"]
    if not dev:
        dev = training[DEV_EVERY - 1 :: DEV_EVERY]
        training = [g for number, g in enumerate(training, start=1) if number % DEV_EVERY]
    if len(dev) > settings.dev_groups:
        dev = random.Random(settings.seed).sample(dev, settings.dev_groups)  # noqa: S311 (a sample, not a secret)
    return training, dev


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _fingerprint(training: Sequence[Group], dev: Sequence[Group], settings: TrainSettings, start: str) -> str:
    digest = hashlib.sha256(f"{settings.model_dump_json(exclude={'threads'})} {start}".encode())
    for group in (*training, *dev):
        digest.update(group.model_dump_json().encode())
    return digest.hexdigest()[:16]
