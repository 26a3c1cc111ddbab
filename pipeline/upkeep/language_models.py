"""What `citewell doctor` says of the model that writes answers, and of those that this machine serves already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import httpx

from citewell.core.language import Message
from citewell.generate.language.endpoint import PRESETS, is_endpoint
from citewell.generate.language.generator import LanguageGenerator
from citewell.generate.language.guard import GuardedModel, Health
from citewell.generate.language.replicas import Replicas
from citewell.generate.language.typed import Undecided, decide
from citewell.pipeline.wiring import Engine

LOCAL = ("ollama", "llamacpp", "vllm", "sglang")
LOOK_S = 0.5  # for a port of this machine
PROBE_S = 120.0  # a model on a slow disk is loaded first
MOST_NAMED = 5
PROBE = [Message("user", "The hall has five pumps. Are there five pumps in the hall? Reply with yes or no.")]


def try_writer(engine: Engine) -> str:
    """That each chosen model writes, in which form, and how much it reads at most. Raises the errors of models."""
    told = []
    for model in _each(engine.language_models):
        form = "held to a schema" if model.is_structured else "asked for lines of text"
        try:
            decide(model, PROBE, bool, PROBE_S)
        except Undecided:
            form += ", and does not keep to what it is asked for: expect quotations"
        told.append(f"{model.name} writes, {form}; window {model.window} tokens")
    return "; ".join(told) or "none is configured: answers are quoted from the documents"


def health_of_writers(engine: Engine) -> list[Health]:
    """How the models do that this process has asked; none where it has asked none."""
    return [model.health for model in _each(engine.__dict__.get("language_models", ()))]


def _each(models: Iterable[GuardedModel | Replicas]) -> Iterator[GuardedModel]:
    return chain.from_iterable(model.models if isinstance(model, Replicas) else (model,) for model in models)


def warm_up_writers(engine: Engine) -> None:
    """Loads the chosen model where it runs in this process, and has it read the instructions with which every prompt begins.

    An endpoint is left alone: it may cost money.
    """
    writer = engine.generator
    if isinstance(writer, LanguageGenerator) and not is_endpoint(engine.settings.generate.model):
        writer.warm_up(PROBE_S)


def local_models() -> dict[str, list[str]]:
    """The models that servers on this machine's usual ports offer, by preset; nothing else is asked, and nothing is sent to them."""
    found: dict[str, list[str]] = {}
    with httpx.Client(timeout=LOOK_S, trust_env=False, follow_redirects=False) as client:
        for name in LOCAL:
            try:
                answer = client.get(f"{PRESETS[name].url}/models")
                rows = answer.json()["data"] if answer.status_code == httpx.codes.OK else []
                models = [str(row["id"])[:100] for row in rows][:MOST_NAMED]
            except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError):
                continue
            if models:
                found[name] = models
    return found


def hints_for_local(engine: Engine) -> list[tuple[str, str]]:
    """What this machine serves and is not used, each with the setting that would use it."""
    if engine.settings.generate.model:
        return []
    return [
        (
            f"{name} serves {', '.join(models)} on this machine",
            f'To let it write answers: generate.model = "{name}:{models[0]}".',
        )
        for name, models in local_models().items()
    ]
