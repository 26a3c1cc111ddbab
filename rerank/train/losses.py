"""What the network is asked for, all on one forward pass."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from citewell.rerank.train.encode import Batch, Encoded
from citewell.rerank.train.pair_model import Outputs

PRIOR_SHARE = 0.15  # of the listwise target: what the bi-encoder says, so that its knowledge is kept
PRIOR_SHARPNESS = 20.0  # per unit of cosine similarity
JOINT_WEIGHT = 0.5  # of the listwise loss of relevance and prior together: what the bi-encoder gets wrong counts most
BINARY_WEIGHT = 0.2
SPAN_WEIGHT = 0.5
ANSWERABLE_WEIGHT = 0.5
ADVERSARIAL_WEIGHT = 2.0  # of a question that its own passage does not answer; the other passages are easily told


@dataclass(frozen=True, slots=True)
class Losses:
    """The parts of the loss, each a mean over what it applies to; 0 where it applies to nothing."""

    rank: Tensor
    joint: Tensor
    binary: Tensor
    span: Tensor
    answerable: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum."""
        ranking = self.rank + JOINT_WEIGHT * self.joint + BINARY_WEIGHT * self.binary
        return ranking + SPAN_WEIGHT * self.span + ANSWERABLE_WEIGHT * self.answerable


def losses(outputs: Outputs, batch: Batch) -> Losses:
    """Listwise softmax and binary cross-entropy of the relevance, and of the reader what its labels allow."""
    groups = batch.encoded
    passages = len(groups[0].rows)
    relevance = outputs.relevance.view(len(groups), passages)
    ranked = torch.tensor([item.group.ranked for item in groups])
    zero = outputs.relevance.sum() * 0
    rank = joint = binary = zero
    if bool(ranked.any()) and passages > 1:
        prior = torch.tensor([item.group.prior for item in groups])[ranked] * PRIOR_SHARPNESS
        target = PRIOR_SHARE * F.softmax(prior, dim=1)
        target[:, 0] += 1 - PRIOR_SHARE
        rank = -(target * F.log_softmax(relevance[ranked], dim=1)).sum(1).mean()
        joint = -F.log_softmax(relevance[ranked] + prior, dim=1)[:, 0].mean()
        wanted = torch.zeros_like(relevance[ranked])
        wanted[:, 0] = 1
        weight = torch.full_like(wanted, 1 / (passages - 1))
        weight[:, 0] = 1
        binary = F.binary_cross_entropy_with_logits(relevance[ranked], wanted, weight)
    return Losses(
        rank,
        joint,
        binary,
        _span_loss(outputs, groups, passages, zero),
        _answerable_loss(outputs, groups, passages, zero),
    )


def _span_loss(outputs: Outputs, groups: tuple[Encoded, ...], passages: int, zero: Tensor) -> Tensor:
    """-log of the probability of any accepted start, and of any accepted end."""
    parts = []
    for number, item in enumerate(groups):
        if item.spans:
            row = number * passages
            starts = torch.tensor(sorted({start for start, _ in item.spans}))
            ends = torch.tensor(sorted({end for _, end in item.spans}))
            parts.append(
                -torch.logsumexp(F.log_softmax(outputs.start[row], dim=0)[starts], 0)
                - torch.logsumexp(F.log_softmax(outputs.end[row], dim=0)[ends], 0)
            )
    return torch.stack(parts).mean() / 2 if parts else zero


def _answerable_loss(outputs: Outputs, groups: tuple[Encoded, ...], passages: int, zero: Tensor) -> Tensor:
    logits = outputs.answerable.view(len(groups), passages)
    wanted, weight = torch.zeros_like(logits), torch.zeros_like(logits)
    for number, item in enumerate(groups):
        known = item.group.answerable
        if known is None:
            continue
        wanted[number, 0] = float(known)
        weight[number, 0] = 1.0 if known else ADVERSARIAL_WEIGHT
        weight[number, 1:] = 1 / max(1, passages - 1)
    if not bool(weight.any()):
        return zero
    total = F.binary_cross_entropy_with_logits(logits, wanted, weight, reduction="sum")
    return total / weight.sum()
