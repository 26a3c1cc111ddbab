"""The loop that trains the verifier: low-rank changes of the trunk and a head, on claims in batches of like length; it can be killed."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from citewell.core.tokens import ModelTokenizer
from citewell.encoders.window import cut
from citewell.generate.verification.uniform import uniform
from citewell.training.verifier.claims import SUPPORTED, Claim
from citewell.training.verifier.model import RANK, EntailmentModel, load_tokenizer

CHECKPOINT = "checkpoint.pt"
SPECIAL_TOKENS = 3
POOL = 40
KEEP_EVERY, MEASURE_EVERY = 100, 500  # steps
Tell = Callable[[dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class VerifierTraining:
    """How it is trained; `most` claims of one source an epoch, and those of a small source `repeat` times at most."""

    epochs: int = 2
    batch: int = 32
    learning_rate: float = 8e-4
    head_learning_rate: float = 1e-3
    warmup: float = 0.06
    max_tokens: int = 192
    most: int = 4000
    least: int = 1000
    repeat: int = 4
    seed: int = 13


@dataclass(frozen=True, slots=True)
class Row:
    """A claim as token ids; `boundary` is where its evidence begins."""

    ids: tuple[int, ...]
    boundary: int
    target: tuple[int, ...]
    source: str


def encode(claims: Sequence[Claim], trunk: Path, max_tokens: int) -> list[Row]:
    """Token ids, dates and numbers in one form; of long evidence the sentences that share most with the claim."""
    own, tokenizer = ModelTokenizer(trunk), load_tokenizer(trunk)
    rows = []
    for claim in claims:
        text = uniform(claim.text)
        first = tokenizer(text, truncation=True, max_length=max_tokens // 2)["input_ids"]
        window = cut(text, uniform(claim.evidence), own, max_tokens - len(first) - 1)
        rest = tokenizer(window.text, add_special_tokens=False)["input_ids"][: max_tokens - len(first) - 1]
        rows.append(Row((*first, *rest, tokenizer.sep_token_id), len(first), claim.target, claim.source))
    return rows


def train(
    rows: Sequence[Row], dev: Sequence[Row], trunk: Path, out: Path, settings: VerifierTraining, tell: Tell
) -> tuple[EntailmentModel, int]:
    """Trains from where the checkpoint in `out` left off, or from the beginning; the model of the last step, and how many there were."""
    torch.manual_seed(settings.seed)
    model = EntailmentModel.to_train(trunk, RANK)
    model.train()
    plan = [batch for epoch in range(settings.epochs) for batch in _batches(rows, settings, epoch)]
    trained = model.changes()
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in trained.items() if not n.startswith("head")], "lr": settings.learning_rate},
            {"params": [p for n, p in trained.items() if n.startswith("head")], "lr": settings.head_learning_rate},
        ],
        weight_decay=0.01,
    )
    rates = [group["lr"] for group in optimizer.param_groups]
    step = _restore(out / CHECKPOINT, model, optimizer)
    began, losses = time.monotonic(), list[float]()
    out.mkdir(parents=True, exist_ok=True)
    while step < len(plan):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * _schedule(step, len(plan), settings.warmup)
        batch = [rows[i] for i in plan[step]]
        loss = _loss(model(*collate(batch)), batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(list(trained.values()), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        losses.append(loss.item())
        if step % KEEP_EVERY == 0 or step == len(plan):
            _keep(out / CHECKPOINT, model, optimizer, step)
            tell(
                {
                    "step": step,
                    "steps": len(plan),
                    "seconds": round(time.monotonic() - began),
                    "loss": round(sum(losses) / len(losses), 4),
                }
            )
            losses.clear()
        if step % MEASURE_EVERY == 0 or step == len(plan):
            tell({"step": step, "dev": measure(model, dev)})
    model.eval()
    return model, step


def collate(rows: Sequence[Row]) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, mask and token types, `(rows, longest)` each."""
    width = max(len(row.ids) for row in rows)
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        mask[number, : len(row.ids)] = 1
        types[number, row.boundary : len(row.ids)] = 1
    return ids, mask, types


def _loss(logits: Tensor, rows: Sequence[Row]) -> Tensor:
    """Minus the log of the probability of any verdict that may be right."""
    allowed = torch.full_like(logits, -torch.inf)
    for number, row in enumerate(rows):
        allowed[number, list(row.target)] = 0.0
    return -(torch.logsumexp(logits.log_softmax(-1) + allowed, -1)).mean()


def _batches(rows: Sequence[Row], settings: VerifierTraining, epoch: int) -> list[list[int]]:
    """Indices of one epoch in batches of like length: large sources are sampled, small ones repeated."""
    chance = random.Random(settings.seed + epoch)  # noqa: S311 (an order, not a secret)
    by_source: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        by_source[row.source].append(index)
    order: list[int] = []
    for _, own in sorted(by_source.items()):
        times = min(settings.repeat, max(1, settings.least // len(own)))
        order += chance.sample(own, settings.most) if len(own) > settings.most else own * times
    chance.shuffle(order)
    made = []
    for at in range(0, len(order), settings.batch * POOL):
        pool = sorted(order[at : at + settings.batch * POOL], key=lambda i: len(rows[i].ids))
        made += [pool[i : i + settings.batch] for i in range(0, len(pool), settings.batch)]
    chance.shuffle(made)
    return made


def measure(model: EntailmentModel, rows: Sequence[Row]) -> dict[str, float]:
    """Balanced accuracy of `supported` by source, at an even threshold."""
    model.eval()
    right: dict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    with torch.inference_mode():
        for at in range(0, len(order), 64):
            batch = [rows[i] for i in order[at : at + 64]]
            supported = model(*collate(batch)).softmax(-1)[:, SUPPORTED] > 0.5
            for row, said in zip(batch, supported.tolist(), strict=True):
                right[row.source][row.target == (SUPPORTED,), said] += 1
    model.train()
    return {source: round(_balanced(counts), 3) for source, counts in sorted(right.items())}


def _balanced(counts: Counter[tuple[bool, bool]]) -> float:
    shares = [
        counts[side, side] / total for side in (True, False) if (total := counts[side, True] + counts[side, False])
    ]
    return sum(shares) / len(shares)


def _schedule(step: int, steps: int, warmup: float) -> float:
    warm = max(1, int(steps * warmup))
    return (step + 1) / warm if step < warm else max(0.02, (steps - step) / max(1, steps - warm))


def _keep(path: Path, model: EntailmentModel, optimizer: torch.optim.Optimizer, step: int) -> None:
    part = path.with_suffix(".part")
    state = {name: value.detach() for name, value in model.changes().items()}
    torch.save({"step": step, "changes": state, "optimizer": optimizer.state_dict()}, part)
    os.replace(part, path)


def _restore(path: Path, model: EntailmentModel, optimizer: torch.optim.Optimizer) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    with torch.no_grad():
        for name, value in model.changes().items():
            value.copy_(state["changes"][name])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def log_to(path: Path) -> Tell:
    """Appends each event to a file, a line of JSON each."""

    def tell(event: dict[str, object]) -> None:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(event) + "\n")

    return tell
