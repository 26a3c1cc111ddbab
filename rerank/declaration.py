"""What the folder of a cross-encoder declares of it in `rerank.json`: how much its word counts, and the languages that it reads."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from citewell.core.errors import ModelMismatch
from citewell.core.languages import UNKNOWN, language_of
from citewell.core.models import CARD, CHECKSUMS, write_checksums
from citewell.rerank.blend import blend_of

FILE = "rerank.json"
FEW = 3


class Declaration(BaseModel):
    """`blend` are the terms of rerank/blend.py, None where they were not fitted; `languages` are empty where it may read all."""

    model_config = ConfigDict(frozen=True)

    blend: dict[str, FiniteFloat] | None = None
    languages: tuple[str, ...] = ()


def declared(folder: Path) -> Declaration:
    """What `folder` declares, nothing where it does not. Raises ModelMismatch."""
    path = folder / FILE
    if not path.is_file():
        return Declaration()
    try:
        found = Declaration.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError):
        raise ModelMismatch(
            f"{path} declares neither how much the model's word counts nor what it reads",
            hint="Remove the file, or fit it anew: citewell train blend.",
        ) from None
    blend_of(found.blend)  # names a trait that it does not know
    return found


def declare_blend(folder: Path, terms: Mapping[str, float]) -> None:
    """Writes the terms of the blend into the folder's declaration, and its checksums anew where it has some."""
    made = declared(folder).model_copy(update={"blend": dict(terms)})
    (folder / FILE).write_text(json.dumps(made.model_dump(exclude_defaults=True)) + "\n", encoding="utf-8")
    if (folder / CHECKSUMS).is_file():
        write_checksums(folder, without={CARD})


def can_read(languages: Collection[str], question: str, passages: Sequence[str]) -> bool:
    """Whether a model of these languages (none: of all) reads this question with these passages, the likeliest first.

    It does where the question or the first passage is in one of them. A few words do not tell their language; then one of the first passages
    is enough, and where these do not tell theirs either.
    """
    asked = language_of(question)
    found = {asked, *map(language_of, passages[: FEW if asked == UNKNOWN else 1])} - {UNKNOWN}
    return not languages or not found or not found.isdisjoint(languages)
