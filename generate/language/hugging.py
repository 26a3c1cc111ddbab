"""Models that transformers loads, from a local folder or by a hub name. Slow on a processor; for what llama.cpp does not know."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from citewell.core.answers import Usage
from citewell.core.errors import CitewellError, ModelFailed, ModelUnavailable
from citewell.core.language import Completion, Message, Told
from citewell.core.models import model_folder

COUNTED = 4096  # texts whose length in tokens is remembered


class TransformersModel:
    """A causal language model with its chat template. One conversation at a time."""

    is_structured = False  # it is asked for lines that end in markers

    def __init__(self, name: str, window: int) -> None:
        self._name = name
        self._window = window
        self._turn, self._loading = threading.Lock(), threading.Lock()
        self._both: tuple[Any, Any] | None = None
        self._counted = lru_cache(COUNTED)(self._count)

    @property
    def name(self) -> str:
        """The last part of its path or hub name."""
        return self._name.rstrip("/").rpartition("/")[2]

    @property
    def window(self) -> int:
        """Tokens of prompt and answer together."""
        return self._window

    @property
    def tokens(self) -> TransformersModel:
        """Counts by itself."""
        return self

    def count(self, text: str) -> int:
        """How many tokens the text has."""
        return self._counted(text)

    def close(self) -> None:
        """Nothing stays open."""

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation by the model's own template, or turn by turn where it has none."""
        tokenizer, _ = self._loaded
        turns = [{"role": message.role, "content": message.content} for message in messages]
        if getattr(tokenizer, "chat_template", None):
            return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        return "\n\n".join([*(message.content for message in messages), ""])

    def complete(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, tell: Told | None = None
    ) -> Completion:  # fmt: skip
        """Greedy, so that the same conversation has the same answer; the schema is not used. Raises ModelUnavailable or ModelFailed."""
        del schema
        ends = time.monotonic() + seconds
        if not self._turn.acquire(timeout=max(0.0, seconds)):
            raise ModelUnavailable(f"{self.name} is busy with other questions", hint="Ask again later.")
        try:
            text, usage, whole = self._written(self.render(messages), max_tokens, ends)
        except CitewellError:
            raise
        except Exception as error:  # out of memory, or a model that is none
            raise ModelFailed(f"{self.name} fails: {type(error).__name__}: {str(error)[:200]}") from error
        finally:
            self._turn.release()
        if time.monotonic() > ends:
            raise ModelFailed(
                f"{self.name} took longer than {seconds:.0f} s",
                hint="Raise generate.timeout_s, or take a smaller model.",
            )
        if tell is not None and text:
            tell(text)
        return Completion(text, usage, whole)

    def _written(self, prompt: str, max_tokens: int, ends: float) -> tuple[str, Usage, bool]:
        import torch
        from transformers import StoppingCriteriaList

        tokenizer, model = self._loaded
        asked = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        read = int(asked["input_ids"].shape[1])
        late = StoppingCriteriaList([lambda ids, scores: torch.full((len(ids),), time.monotonic() > ends)])
        with torch.inference_mode():
            out = model.generate(
                input_ids=asked["input_ids"], attention_mask=asked["attention_mask"], max_new_tokens=max_tokens, do_sample=False,
                stopping_criteria=late, pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
            )  # fmt: skip
        fresh = out[0, read:].tolist()
        whole = len(fresh) < max_tokens or (bool(fresh) and fresh[-1] == tokenizer.eos_token_id)
        return str(tokenizer.decode(fresh, skip_special_tokens=True)), Usage(read, len(fresh), 0, 1), whole

    def _count(self, text: str) -> int:
        tokenizer, _ = self._loaded
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    @property
    def _loaded(self) -> tuple[Any, Any]:
        """Tokenizer and model; the first that asks loads them, and others wait for it."""
        with self._loading:
            if self._both is None:
                self._both = self._load()
            return self._both

    def _load(self) -> tuple[Any, Any]:
        folder = model_folder(self._name)
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # every way in which loading fails means the same to the user
            raise ModelUnavailable(
                f"{self._name} cannot be loaded as a language model: {type(error).__name__}: {str(error)[:200]}",
                hint="Check generate.model; it needs a causal language model with its tokenizer.",
            ) from error
        model.train(mode=False)
        return tokenizer, model
