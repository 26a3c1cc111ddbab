"""How well the network does on the development slice: ranking, reading, and telling what has no answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from citewell.core.scores import auroc
from citewell.rerank.spans import best_span
from citewell.rerank.train.encode import Encoded, collate
from citewell.rerank.train.pair_model import PairModel

BATCH = 16
SPOILED = "spoiled"  # questions changed by rule are easier to see through than those that people made


@torch.inference_mode()
def measure(model: PairModel, encoded: Sequence[Encoded], pad_id: int, dtype: torch.dtype) -> dict[str, float]:
    """Accuracy@1 by source and kind, token F1 of answers, AUROC of the no-answer score; `score` is the mean of what there is."""
    model.eval()
    hits: dict[str, list[float]] = defaultdict(list)
    f1: list[float] = []
    known: dict[str, list[float]] = defaultdict(list)
    order = sorted(range(len(encoded)), key=lambda i: (len(encoded[i].rows), encoded[i].length))
    for at in _runs(encoded, order):
        batch = collate([encoded[i] for i in at], pad_id)
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            outputs = model(batch.input_ids, batch.attention_mask, batch.token_type_ids)
        passages = len(batch.encoded[0].rows)
        relevance = outputs.relevance.view(-1, passages).numpy()
        answerable = outputs.answerable.view(-1, passages).numpy()
        for number, item in enumerate(batch.encoded):
            group = item.group
            if group.ranked and passages > 1:
                own, others = relevance[number, 0], relevance[number, 1:]
                hits[f"{group.source}/{group.kind}"].append(float((own > others).all()))
            if group.answerable is not None:
                known["yes" if group.answerable else "made" if group.kind == SPOILED else "no"].append(
                    float(answerable[number, 0])
                )
                known["other"].extend(answerable[number, 1:].tolist())
            if item.spans:
                row = number * passages
                first, last, _ = best_span(outputs.start[row].numpy(), outputs.end[row].numpy())
                f1.append(max(_overlap_f1((first, last), span) for span in item.spans))
    model.train()
    figures = {f"accuracy@1 {name}": float(np.mean(values)) for name, values in sorted(hits.items())}
    kinds: dict[str, list[float]] = defaultdict(list)
    for name, values in hits.items():
        kinds[name.rpartition("/")[2]].append(float(np.mean(values)))
    parts = [float(np.mean(values)) for values in kinds.values()]
    if f1:
        figures["token F1"] = float(np.mean(f1))
        parts.append(figures["token F1"])
    for name, wrong in (("AUROC adversarial", "no"), ("AUROC other passages", "other")):
        value = auroc(known["yes"], known[wrong])
        if value is not None:
            figures[name] = value
            parts.append(value)
    return figures | {"score": float(np.mean(parts)) if parts else 0.0}


def _runs(encoded: Sequence[Encoded], order: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for index in order:
        if runs and len(runs[-1]) < BATCH and len(encoded[runs[-1][0]].rows) == len(encoded[index].rows):
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _overlap_f1(found: tuple[int, int], wanted: tuple[int, int]) -> float:
    common = min(found[1], wanted[1]) - max(found[0], wanted[0]) + 1
    if common <= 0:
        return 0.0
    precision, recall = common / (found[1] - found[0] + 1), common / (wanted[1] - wanted[0] + 1)
    return 2 * precision * recall / (precision + recall)
