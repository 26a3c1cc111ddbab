"""Groups to token ids, and batches of like length in an order that depends on the seed alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from citewell.core.types import headed
from citewell.rerank.train.groups import Group, TrainingPassage

MAX_QUESTION_TOKENS = 64
POOL = 40  # batches are filled from so many batches' worth of groups, sorted by length


@dataclass(frozen=True, slots=True)
class Encoded:
    """A group as token ids: one row a passage, `boundary` is where the passage begins; spans are token positions in the first row."""

    rows: tuple[tuple[int, ...], ...]
    boundaries: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    group: Group

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        return max(map(len, self.rows))


@dataclass(frozen=True, slots=True)
class Batch:
    """Groups with as many passages each, as tensors of `(groups * passages, tokens)`."""

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor
    encoded: tuple[Encoded, ...]


def passage_text(passage: TrainingPassage) -> str:
    """What the model reads of a passage; the text begins at `len(header) + 1` where there is a header."""
    return headed(passage.header, passage.text)


def encode(groups: Sequence[Group], tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> list[Encoded]:
    """Token ids of every group, passages cut to the window. A span that the cut removes is dropped."""
    longest = min(MAX_QUESTION_TOKENS, max_tokens // 2)
    questions = tokenizer(
        [g.question for g in groups], truncation=True, max_length=longest + 2, add_special_tokens=True
    )["input_ids"]
    texts = [passage_text(p) for g in groups for p in g.passages]
    passages = tokenizer(
        texts, truncation=True, max_length=max_tokens, add_special_tokens=False, return_offsets_mapping=True
    )
    encoded: list[Encoded] = []
    at = 0
    for group, question in zip(groups, questions, strict=True):
        room = max_tokens - len(question) - 1
        rows = [
            (*question, *ids[:room], tokenizer.sep_token_id)
            for ids in passages["input_ids"][at : at + len(group.passages)]
        ]
        shift = len(group.passages[0].header) + 1 if group.passages[0].header else 0
        spans = _token_spans(group.spans, shift, passages["offset_mapping"][at][:room], len(question))
        encoded.append(Encoded(tuple(rows), (len(question),) * len(rows), spans, group))
        at += len(group.passages)
    return encoded


def _token_spans(
    spans: Sequence[tuple[int, int]], shift: int, offsets: Sequence[tuple[int, int]], first: int
) -> tuple[tuple[int, int], ...]:
    found = []
    for start, end in spans:
        inside = [i for i, (a, b) in enumerate(offsets) if a < end + shift and b > start + shift]
        if inside and offsets[inside[-1]][1] >= end + shift:
            found.append((inside[0] + first, inside[-1] + first))
    return tuple(found)


def batches(encoded: Sequence[Encoded], size: int, seed: int) -> list[list[int]]:
    """Indices of groups in batches of at most `size`, groups of like length and as many passages together."""
    chance = random.Random(seed)  # noqa: S311 (an order, not a secret)
    order = list(range(len(encoded)))
    chance.shuffle(order)
    made: list[list[int]] = []
    for at in range(0, len(order), size * POOL):
        pool = sorted(order[at : at + size * POOL], key=lambda i: (len(encoded[i].rows), encoded[i].length))
        run: list[int] = []
        for index in pool:
            if run and (len(run) == size or len(encoded[run[0]].rows) != len(encoded[index].rows)):
                made.append(run)
                run = []
            run.append(index)
        if run:
            made.append(run)
    chance.shuffle(made)
    return made


def collate(encoded: Sequence[Encoded], pad_id: int) -> Batch:
    """The groups as one padded batch."""
    rows = [row for item in encoded for row in item.rows]
    boundaries = [boundary for item in encoded for boundary in item.boundaries]
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    types = torch.zeros((len(rows), width), dtype=torch.long)
    for i, (row, boundary) in enumerate(zip(rows, boundaries, strict=True)):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
        types[i, boundary : len(row)] = 1
    return Batch(ids, mask, types, tuple(encoded))
