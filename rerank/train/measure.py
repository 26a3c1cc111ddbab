"""How well the network does on the development slice: ranking, reading, and telling what has no answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from citewell.rerank.pair_model import PairModel, best_span
from citewell.rerank.train.encode import Encoded, collate

BATCH = 16
SCORE_PERCENTILES = (1, 99)  # what the model declares as the range of its scores


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The probability that a positive is above a negative, ties counting half; nan without either."""
    if not len(positive) or not len(negative):
        return float("nan")
    values = np.concatenate([np.asarray(positive), np.asarray(negative)])
    order = values.argsort(kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = np.arange(1, len(values) + 1)
    for value in np.unique(values):
        same = values == value
        ranks[same] = ranks[same].mean()
    n, m = len(positive), len(negative)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


@torch.inference_mode()
def measure(model: PairModel, encoded: Sequence[Encoded], pad_id: int, dtype: torch.dtype) -> dict[str, float]:
    """Accuracy@1 by source and kind, token F1 of answers, AUROC of the no-answer score; `score` is the mean of what there is."""
    model.eval()
    hits: dict[str, list[float]] = defaultdict(list)
    f1: list[float] = []
    known: dict[str, list[float]] = defaultdict(list)
    scores: list[float] = []
    order = sorted(range(len(encoded)), key=lambda i: (len(encoded[i].rows), encoded[i].length))
    for at in _runs(encoded, order):
        batch = collate([encoded[i] for i in at], pad_id)
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            outputs = model(batch.input_ids, batch.attention_mask, batch.token_type_ids)
        passages = len(batch.encoded[0].rows)
        relevance = outputs.relevance.view(-1, passages).numpy()
        answerable = outputs.answerable.view(-1, passages).numpy()
        scores.extend(relevance.ravel().tolist())
        for number, item in enumerate(batch.encoded):
            group = item.group
            if group.ranked and passages > 1:
                hits[f"{group.source}/{group.kind}"].append(float(relevance[number].argmax() == 0))
            if group.answerable is not None:
                known["yes" if group.answerable else "no"].append(float(answerable[number, 0]))
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
        if not np.isnan(value):
            figures[name] = value
            parts.append(value)
    low, high = np.percentile(scores, SCORE_PERCENTILES) if scores else (0.0, 0.0)
    return figures | {
        "score": float(np.mean(parts)) if parts else 0.0,
        "lowest relevance": float(low),
        "highest relevance": float(high),
    }


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
