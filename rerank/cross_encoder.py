"""A cross-encoder from any local path or hub name, through sentence-transformers; torch is loaded at the first pair."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import FiniteFloat, TypeAdapter

from citewell.core.errors import CitewellError, ModelFailed, ModelMismatch, ModelUnavailable
from citewell.core.models import CARD, CHECKSUMS, available_threads, weights_fingerprint, write_checksums
from citewell.core.settings import RerankSettings
from citewell.core.tokens import ModelTokenizer
from citewell.core.types import Chunk, Query
from citewell.rerank.blend import blend_of
from citewell.rerank.window import Window, cut

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

T = TypeVar("T")
BATCH_SIZE = 16
SPECIAL_TOKENS = 3  # [CLS], and [SEP] after question and passage
DECLARATION = "rerank.json"
_TERMS = TypeAdapter(dict[str, FiniteFloat])
_HINT = "Name a cross-encoder with rerank.model, or leave it empty to do without."


class CrossEncoderReranker:
    """Scores question and passage together; raw model scores, higher is better.

    Raises ModelUnavailable or ModelMismatch when the folder holds no cross-encoder with one score, ModelFailed when it cannot score.
    """

    name = "cross-encoder"

    def __init__(self, folder: Path, settings: RerankSettings, threads: int = 0) -> None:
        self._folder = folder
        self._settings = settings
        self._threads = threads
        require_scoring_head(folder)
        self.blend = declared_blend(folder)
        self._lock = threading.Lock()

    @cached_property
    def fingerprint(self) -> str:
        """Names the weights, the tokenizer, the window and the precision."""
        return f"{weights_fingerprint(self._folder)}-{self._settings.max_tokens}-{self._settings.dtype}"

    @cached_property
    def _tokenizer(self) -> ModelTokenizer:
        return ModelTokenizer(self._folder)

    @cached_property
    def _model(self) -> CrossEncoder:
        import torch
        from sentence_transformers import CrossEncoder
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.set_num_threads(available_threads(self._threads))
        try:
            model: CrossEncoder = CrossEncoder(
                str(self._folder), max_length=self._settings.max_tokens, local_files_only=True
            )
        except Exception as error:  # every way in which loading fails means the same to the user
            what = f"the cross-encoder in {self._folder} cannot be loaded: {type(error).__name__}"
            raise ModelUnavailable(what, hint=_HINT) from error
        known, words = getattr(getattr(model.model, "config", None), "vocab_size", None), len(model.tokenizer)
        if known is not None and words > known:
            what = (
                f"the tokenizer in {self._folder} has {words} words and the model {known}: it belongs to another model"
            )
            raise ModelMismatch(what, hint=_HINT)
        return model

    def score(self, query: Query, passages: Sequence[Chunk]) -> Sequence[float]:
        """A relevance score per passage, in their order; the passage is read with its title and headings, cut to the window."""
        if not passages:
            return []
        pairs = [(query.text, window.text) for window in self.windows(query, passages)]
        return self._checked(lambda: self._predict(self._model, pairs), lambda scores: scores)

    def _checked(self, forward: Callable[[], list[T]], numbers: Callable[[list[T]], Iterable[float]]) -> list[T]:
        """What `forward` gives, one at a time; raises ModelFailed when it fails or when one of its numbers is none."""
        with self._lock:
            self._model  # noqa: B018 (loaded first: what is wrong with the folder is said as that)
            try:
                made = forward()
            except CitewellError:
                raise
            except Exception as error:  # out of memory, or a model that does not fit its own configuration
                what = f"the cross-encoder in {self._folder} cannot score: {type(error).__name__}"
                raise ModelFailed(what, hint=_HINT) from error
        if not all(map(math.isfinite, numbers(made))):
            raise ModelFailed(f"the cross-encoder in {self._folder} gives scores that are no numbers", hint=_HINT)
        return made

    def windows(self, query: Query, passages: Sequence[Chunk]) -> list[Window]:
        """What the model reads of each passage, title and headings included."""
        question = min(self._tokenizer.count(query.text), self._settings.max_tokens // 2)
        room = self._settings.max_tokens - question - SPECIAL_TOKENS
        return [cut(query.text, p.headed_text, self._tokenizer, room) for p in passages]

    def _predict(self, model: CrossEncoder, pairs: list[tuple[str, str]]) -> list[float]:
        import torch

        from citewell.rerank.pair_model import compute_dtype

        dtype = compute_dtype(self._settings.dtype)
        with torch.autocast(model.device.type, dtype, enabled=dtype != torch.float32):
            scores = model.predict(
                pairs, batch_size=BATCH_SIZE, show_progress_bar=False, activation_fn=torch.nn.Identity()
            )
        return [float(score) for score in scores]


def declared_blend(folder: Path) -> Mapping[str, float] | None:
    """The terms of the blend that `folder` declares in rerank.json; None where it does not. Raises ModelMismatch."""
    path = folder / DECLARATION
    if not path.is_file():
        return None
    try:
        terms = _TERMS.validate_python(json.loads(path.read_text(encoding="utf-8"))["blend"])
    except (ValueError, KeyError, TypeError):
        raise ModelMismatch(f"{path} does not declare how much the model's word counts", hint=_HINT) from None
    blend_of(terms)  # names a trait that it does not know
    return terms


def declare_blend(folder: Path, terms: Mapping[str, float]) -> None:
    """Writes the terms of the blend into the folder's declaration, and its checksums anew where it has some."""
    (folder / DECLARATION).write_text(json.dumps({"blend": dict(terms)}) + "\n", encoding="utf-8")
    if (folder / CHECKSUMS).is_file():
        write_checksums(folder, without={CARD})


def require_scoring_head(folder: Path) -> None:
    """Raises ModelUnavailable or ModelMismatch unless the configuration in `folder` is that of a model with one score a pair.

    Without this, a plain encoder would be given a head of random weights, and an entailment model a score that means something else.
    """
    config = _config(folder)
    architectures = config.get("architectures") or []
    if (folder / "modules.json").is_file():  # sentence-transformers' own layout names its head there
        try:
            modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        except ValueError:
            raise ModelUnavailable(f"{folder} holds no readable modules.json", hint=_HINT) from None
        if any("pooling" in str(module.get("type", "")).lower() for module in modules):
            raise ModelMismatch(f"{folder} holds a bi-encoder, which scores no pairs", hint=_HINT)
        return
    if not any(str(name).endswith("ForSequenceClassification") for name in architectures):
        named = ", ".join(map(str, architectures)) or "an unnamed architecture"
        raise ModelMismatch(f"the model in {folder} has no scoring head: it is {named}", hint=_HINT)
    labels = len(config.get("id2label") or {"0": ""})
    if labels != 1:
        raise ModelMismatch(f"the model in {folder} gives {labels} scores a pair, and one is needed", hint=_HINT)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ModelUnavailable(f"{folder} holds no readable config.json of a model", hint=_HINT) from None
    return config if isinstance(config, dict) else {}
