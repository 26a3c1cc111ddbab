"""The prompts: files beside this module, checked when they are loaded, filled with text that was made harmless before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from citewell.core.errors import SettingsError
from citewell.core.language import Message
from citewell.core.resources import package_path
from citewell.core.types import Passage
from citewell.core.verdicts import Check
from citewell.generate.language.reply import Form
from citewell.generate.language.untrusted import neutral

# Every template, and all that it may name.
TEMPLATES = {
    "answer": {"most_sentences", "form"},
    "question": {"passages", "question"},
    "rewrite": {"refused"},
    "repair": {"problem", "markers"},
}
MOST_ORIGIN = 120  # characters of a passage's origin


@dataclass(frozen=True, slots=True)
class _Shown:
    marker: int
    origin: str
    text: str


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    """The templates. Raises SettingsError for one that is missing, broken, or names what it will not be given."""
    folder = package_path("generate", "language", "prompts")
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
    )
    for name, known in TEMPLATES.items():
        try:
            source = (folder / f"{name}.jinja").read_text(encoding="utf-8")
            named = meta.find_undeclared_variables(environment.parse(source))
        except (OSError, TemplateError) as error:
            raise SettingsError(f"the prompt {name}.jinja cannot be read: {error}") from error
        if named != known:
            raise SettingsError(f"the prompt {name}.jinja names {sorted(named ^ known)} wrongly")
    return environment


def _filled(name: str, **values: Any) -> str:
    return _environment().get_template(f"{name}.jinja").render(**values).strip()


def messages_for(question: str, passages: Sequence[Passage], most_sentences: int, form: Form) -> list[Message]:
    """What a model is asked: instructions, then passages in their order, then the question."""
    shown = [_Shown(p.marker, _origin(p), neutral(p.text)) for p in passages]
    return [
        Message("system", _filled("answer", most_sentences=most_sentences, form=form)),
        Message("user", _filled("question", passages=shown, question=neutral(question))),
    ]


def asking_again(said: str, problem: str, markers: Sequence[int]) -> list[Message]:
    """What follows a reply that could not be used."""
    told = ", ".join(str(marker) for marker in markers)
    return [Message("assistant", said), Message("user", _filled("repair", problem=problem, markers=told))]


def asking_to_rewrite(said: str, refused: Sequence[tuple[Check, str]]) -> list[Message]:
    """What follows a reply whose sentences were not accepted; each with the reason in words."""
    shown = [{"text": check.text, "why": why} for check, why in refused]
    return [Message("assistant", said), Message("user", _filled("rewrite", refused=shown))]


def _origin(passage: Passage) -> str:
    header = passage.chunk.header or passage.stored.uri
    return " ".join(neutral(header).replace('"', "'").split())[:MOST_ORIGIN]
