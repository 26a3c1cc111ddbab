"""Models that transformers loads: from a local folder, a hub name, or a GGUF file. Slow on a processor; for what llama.cpp does not know."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from citewell.core.answers import Usage
from citewell.core.errors import CitewellError, ModelFailed, ModelUnavailable
from citewell.core.language import Completion, Listener, Message
from citewell.core.models import model_folder
from citewell.core.threads import release_threads

INSTALL = "pip install 'citewell[transformers]'"
COUNTED = 4096  # texts whose length in tokens is remembered
_HALF = "\ufffd"  # stands for a character of which a token is still to come
_log = logging.getLogger("citewell.language")


class TransformersModel:
    """A causal language model with its chat template, on the accelerator where there is one. One conversation at a time; the prefix that it
    shares with the last one is not read again.

    It is held to a schema by llguidance, which llama.cpp uses as well: the tokens that no valid reply could go on with are masked before each
    choice. Without that package it is asked for lines of text.
    """

    takes_any_schema = True

    def __init__(self, name: str, window: int, find: Callable[[], Path] | None = None) -> None:
        """`find` gives a GGUF file, and may raise ModelUnavailable when the model is first used; without it the name says what to load."""
        self._name = name
        self._find = find
        self._window = window
        self._turn, self._loading = threading.Lock(), threading.Lock()
        self._both: tuple[Any, Any] | None = None
        self._prefix = _Prefix()
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
    def is_structured(self) -> bool:
        """Whether llguidance is installed and knows the tokenizer."""
        try:
            return self._vocabulary is not None
        except CitewellError:
            return False

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
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, max_tokens: int, seconds: float, listener: Listener | None = None
    ) -> Completion:  # fmt: skip
        """Greedy, so that the same conversation has the same answer. Raises ModelUnavailable or ModelFailed."""
        ends = time.monotonic() + seconds
        if not self._turn.acquire(timeout=max(0.0, seconds)):
            raise ModelUnavailable(f"{self.name} is busy with other questions", hint="Ask again later.")
        try:
            text, usage, whole = self._written(self.render(messages), schema, max_tokens, ends, listener)
        except CitewellError:
            raise
        except Exception as error:  # out of memory, or a model that is none
            raise ModelFailed(f"{self.name} fails: {type(error).__name__}: {str(error)[:200]}") from error
        finally:
            self._turn.release()
            release_threads()
        if time.monotonic() > ends:
            raise ModelFailed(
                f"{self.name} took longer than {seconds:.0f} s",
                hint="Raise generate.timeout_s, or take a smaller model.",
            )
        return Completion(text, usage, whole)

    def _written(
        self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int, ends: float, listener: Listener | None
    ) -> tuple[str, Usage, bool]:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        tokenizer, model = self._loaded
        asked = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).to(model.device)
        read = int(asked["input_ids"].shape[1])
        cache, spared = self._prefix.lend(asked["input_ids"][0].tolist())
        told, wanted = "", True

        def text_of(ids: Any) -> str:
            return str(tokenizer.decode(ids[0, read:], skip_special_tokens=True))

        def over(ids: Any, scores: Any) -> Any:
            """Tells what stays as it is, and stops in time."""
            nonlocal told, wanted
            del scores
            text = text_of(ids)
            if listener is not None and wanted and len(text) > len(told) and not text.endswith(_HALF):
                told, wanted = text, listener.take(text[len(told) :])
            return torch.full((len(ids),), not wanted or time.monotonic() > ends, device=ids.device)

        masks = [] if schema is None or not self.is_structured else [_Mask(self._vocabulary, schema, read)]
        with torch.inference_mode():
            out = model.generate(
                input_ids=asked["input_ids"], attention_mask=asked["attention_mask"], max_new_tokens=max_tokens, do_sample=False,
                stopping_criteria=StoppingCriteriaList([over]), logits_processor=LogitsProcessorList(masks), past_key_values=cache,
                pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
                return_dict_in_generate=True,
            )  # fmt: skip
        ids = out.sequences[0].tolist()
        self._prefix.keep(ids, out.past_key_values)
        text, fresh = text_of(out.sequences), ids[read:]
        if listener is not None and wanted and text != told:
            wanted = listener.take(text[len(told) :])
        whole = wanted and (len(fresh) < max_tokens or fresh[-1] == tokenizer.eos_token_id)
        return text, Usage(read, len(fresh), spared, 1), whole

    def _count(self, text: str) -> int:
        tokenizer, _ = self._loaded
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    @cached_property
    def _vocabulary(self) -> Any:
        """The tokenizer as llguidance reads it; None where it is not installed or does not know it."""
        try:
            import llguidance.hf
        except ImportError:
            return None
        tokenizer, _ = self._loaded
        try:
            return llguidance.hf.from_tokenizer(tokenizer)
        except Exception as error:  # it knows fast tokenizers alone, and says so in many ways
            _log.warning("%s is not held to a schema: %s", self.name, str(error)[:200])
            return None

    @property
    def _loaded(self) -> tuple[Any, Any]:
        """Tokenizer and model; the first that asks loads them, and others wait for it."""
        with self._loading:
            if self._both is None:
                self._both = self._load()
            return self._both

    def _load(self) -> tuple[Any, Any]:
        path = self._find() if self._find else Path(self._name).expanduser()
        as_file = {"gguf_file": path.name} if path.suffix == ".gguf" else {}
        if as_file and not path.is_file():
            raise ModelUnavailable(f"there is no file {path}", hint="Check generate.model.")
        folder = path.parent if as_file else model_folder(self._name)
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]  # its bars would stand between the lines of an answer
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, **as_file)
            model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, **as_file)
            model.to(torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu"))  # type: ignore[arg-type]  # its wrapper hides what it takes
        except ImportError as error:
            raise ModelUnavailable(
                f"{self.name} needs more packages: {str(error)[:200]}", hint=f"Install them: {INSTALL}"
            ) from error
        except Exception as error:  # every way in which loading fails means the same to the user
            raise ModelUnavailable(
                f"{self._name} cannot be loaded as a language model: {type(error).__name__}: {str(error)[:200]}",
                hint="Check generate.model; it needs a causal language model with its tokenizer.",
            ) from error
        model.train(mode=False)
        return tokenizer, model


class _Prefix:
    """Keys and values of the conversation that was written last: as far as another begins alike, it is not read again."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._cache: Any = None

    def lend(self, ids: Sequence[int]) -> tuple[Any, int]:
        """The cache cut to what these tokens begin with alike, the last of them left to read, and how many that are; None and 0 where there is
        none. It is gone until it is kept again, so that a conversation that fails leaves nothing behind."""
        cache, known = self._cache, self._ids
        self._cache, self._ids = None, []
        alike = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(known, ids[:-1], strict=False)))
        if cache is None or not alike:
            return None, 0
        cache.crop(alike - len(known))
        return cache, alike

    def keep(self, ids: Sequence[int], cache: Any) -> None:
        """Remembers what was read and written; caches that cannot be cut (sliding windows, states) are not kept."""
        from transformers.cache_utils import DynamicCache, DynamicLayer

        if type(cache) is DynamicCache and all(type(layer) is DynamicLayer for layer in cache.layers):
            self._cache, self._ids = cache, list(ids[: cache.get_seq_length()])


class _Mask:
    """Lets through the tokens alone with which a valid reply can go on."""

    def __init__(self, vocabulary: Any, schema: Mapping[str, Any], read: int) -> None:
        import llguidance

        grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), {"whitespace_flexible": False})
        self._matcher = llguidance.LLMatcher(vocabulary, grammar)
        self._read = read
        self._mask: Any = None

    def __call__(self, ids: Any, scores: Any) -> Any:
        """The scores, those of impossible tokens at minus infinity."""
        import llguidance.numpy as masks
        import torch

        fresh = ids[0, self._read :].tolist()
        if fresh:
            self._matcher.consume_token(fresh[-1])
        if self._matcher.is_error():
            raise ModelFailed(f"a reply left its form: {str(self._matcher.get_error())[:200]}")
        if self._mask is None:
            self._mask = masks.allocate_token_bitmask(1, scores.shape[-1])
        masks.fill_next_token_bitmask(self._matcher, self._mask, 0)
        bits = np.unpackbits(self._mask.view(np.uint8), bitorder="little")[: scores.shape[-1]]
        return scores.masked_fill(torch.from_numpy(bits == 0).to(scores.device), float("-inf"))
