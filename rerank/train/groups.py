"""What the cross-encoder is trained on: a question, a passage that answers it, and passages that look as if they did."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from citewell.core.errors import DatasetInvalid

Split = Literal["train", "dev"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingPassage(_Frozen):
    """A passage as the model reads it: what stands above it, and its text."""

    header: str
    text: str = Field(min_length=1)


class Group(_Frozen):
    """One question with its passages; the first is the one it belongs to, the others were found by retrieval and do not answer it.

    `prior` is what the first stages give to each passage, in [0, 1]. `spans` are the places of the answer in the first passage's
    text, in characters. `answerable` says whether the first passage holds the answer; None where nobody knows, or asked for none.
    `ranked` is False where the first passage is no better than the others, as for a question that nothing answers.
    """

    source: str
    kind: str
    split: Split
    question: str = Field(min_length=1)
    passages: tuple[TrainingPassage, ...] = Field(min_length=1)
    prior: tuple[float, ...]
    spans: tuple[tuple[int, int], ...] = ()
    answerable: bool | None = None
    ranked: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Group:
        if len(self.prior) != len(self.passages):
            raise ValueError("each passage needs its prior")
        if any(not 0 <= start < end <= len(self.passages[0].text) for start, end in self.spans):
            raise ValueError("spans must lie in the first passage")
        return self


def write_groups(groups: Iterable[Group], path: Path) -> int:
    """Writes one group a line; the file is there whole or not at all. Returns how many."""
    part = path.with_name(path.name + ".part")
    count = 0
    with part.open("w", encoding="utf-8") as stream:
        for group in groups:
            stream.write(group.model_dump_json() + "\n")
            count += 1
    os.replace(part, path)
    return count


def read_groups(path: Path) -> Iterator[Group]:
    """The groups that `write_groups` left. Raises DatasetInvalid, naming the line."""
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield Group.model_validate_json(line)
            except ValidationError as error:
                raise DatasetInvalid(f"{path}, line {number}: {error.errors()[0]['msg']}") from None


def bucket(title: str) -> int:
    """One of twenty parts, by the name of what a question belongs to: 0 to 13 train weights, 14 to 16 fit blends, 17 to 19 calibrate."""
    return int(hashlib.sha256(title.encode()).hexdigest(), 16) % 20
