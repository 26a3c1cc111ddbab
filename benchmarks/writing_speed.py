"""How fast models write: tokens a second, and seconds until the first checked sentence, in one run on the same questions.

    python benchmarks/writing_speed.py DATASET [--questions N] [--variants FOLDER] [--without-transformers] [--cache DIR]

The questions, their contexts and the evidence come from one index, so that only the writing differs. Each question is asked twice: first with
the instructions kept from the question before, then with the whole prompt kept. SmolLM2's file is of four bits; the other variants are encoded
from it into FOLDER, so f16 and Q8_0 hold the same weights in more bits, and their speed is what differs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np
from measuring import describe_machine

from citewell.core.answers import Sentence, Usage
from citewell.core.errors import ModelFailed
from citewell.core.language import LanguageModel, Message
from citewell.core.settings import GenerateSettings, load_settings
from citewell.core.types import Context, Query
from citewell.evaluation.answers import askable
from citewell.evaluation.indexing import index_dataset
from citewell.evaluation.measures.answers import contains, token_f1
from citewell.evaluation.topics.datasets import read_dataset
from citewell.generate.language.choose import model_for, smollm2_file
from citewell.generate.language.generator import LanguageGenerator
from citewell.pipeline.ask import replay
from citewell.pipeline.audience import Audience
from citewell.pipeline.part import Part
from citewell.pipeline.wiring import Engine
from citewell.pipeline.write import write

KINDS = {
    "Q4_0": gguf.GGMLQuantizationType.Q4_0,
    "Q8_0": gguf.GGMLQuantizationType.Q8_0,
    "F16": gguf.GGMLQuantizationType.F16,
}
ANSWER_TOKENS, CONTEXT_TOKENS = 96, 640
COPY = "\n\nCopy the first two sentences of the text above, word for word."


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all that comes before it is written."""

    query: Query
    context: Context
    parts: tuple[Part, ...]
    answers: tuple[str, ...]


@dataclass(slots=True)
class First(Audience):
    """When the first checked sentence came."""

    began: float = field(default_factory=time.perf_counter)
    seconds: float | None = None

    def sentence(self, sentence: Sentence, *, checked: bool) -> None:
        """One more."""
        del sentence, checked
        if self.seconds is None:
            self.seconds = time.perf_counter() - self.began


@dataclass(slots=True)
class Pace:
    """Hears when the first piece of a reply comes."""

    began: float = field(default_factory=time.perf_counter)
    first: float | None = None

    def take(self, piece: str) -> bool:
        """One more piece; while the prompt is read they are empty."""
        if piece:
            self.first = self.first or time.perf_counter() - self.began
        return True

    def restart(self) -> bool:
        """Never."""
        return False


def main() -> None:
    """Prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--variants", type=Path, default=Path(".cache/variants"))
    parser.add_argument("--without-transformers", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(".cache/datasets"))
    arguments = parser.parse_args()
    print(describe_machine())
    engine, asked = prepare(arguments.dataset, arguments.questions, arguments.cache)
    names = {"llama.cpp Q4_1": "smollm2", "with prompt lookup": "smollm2", "transformers f32": "transformers:smollm2"}
    names |= {f"llama.cpp {kind}": str(variant(kind, arguments.variants)) for kind in KINDS}
    if arguments.without_transformers:
        del names["transformers f32"]
    print(
        "\nanswers from passages      first sentence s   whole answer s   read tok/s   written tok/s   kept again   drafts F1   contain"
    )
    for label, name in names.items():
        draft = "prompt" if label == "with prompt lookup" else ""
        settings = GenerateSettings(model=name, answer_tokens=ANSWER_TOKENS, timeout_s=300, draft=draft)
        with closing(model_for(settings, engine.tokenizer, 0)) as model:
            tell_answers(label, engine, model, settings, asked)
        with closing(model_for(settings, engine.tokenizer, 0)) as model:  # anew, as guessing may have been given up
            tell_copies(model, asked)


def prepare(dataset: Path, questions: int, cache: Path) -> tuple[Engine, list[Asked]]:
    """The first questions that the documents answer, with their contexts."""
    found = read_dataset(dataset)
    indexed = index_dataset(found, load_settings(context={"tokens": CONTEXT_TOKENS}), cache, cache)
    asked: list[Asked] = []
    for topic in askable(found)[0]:
        replayed = replay(indexed.engine, topic.query)
        if topic.answerable and topic.answers and any(part.is_answered for part in replayed.parts):
            asked.append(Asked(topic.query, replayed.answer.context, replayed.parts, topic.answers))
        if len(asked) == questions:
            break
    return indexed.engine, asked


def tell_answers(
    label: str, engine: Engine, model: LanguageModel, settings: GenerateSettings, asked: list[Asked]
) -> None:
    """How soon the first checked sentence of an answer is there, the first time and again; and what was drafted."""
    generator = LanguageGenerator(model, settings)
    engine.__dict__["generators"] = (generator, engine.generators[-1])
    generator.warm_up(300)
    rows: dict[str, list[tuple[float | None, float]]] = {"first": [], "again": []}
    read, written, f1, held = [], [], [], []
    kept, used = Usage(), Usage()
    for one in asked:
        for time_asked, found in rows.items():
            audience = First()
            write(engine, engine.generators, one.query, one.context, one.parts, audience)
            found.append((audience.seconds, time.perf_counter() - audience.began))
            pace = Pace()
            completion = model.complete(generator._asked(one.query, one.context.passages), None, 48, 300, pace)
            used += completion.usage
            kept += completion.usage if time_asked == "again" else Usage()
        pace = Pace()
        completion = model.complete(
            [Message("user", f"{one.query.text}\n{one.context.passages[0].text}")], None, 48, 300, pace
        )
        fresh = completion.usage.prompt_tokens - completion.usage.cached_tokens
        used += completion.usage
        read.append(fresh / (pace.first or 1e9))
        written.append(completion.usage.answer_tokens / max(1e-6, time.perf_counter() - pace.began - (pace.first or 0)))
        draft = drafted(generator, one)
        f1.append(token_f1(draft, one.answers))
        held.append(float(contains(draft, one.answers)))
    times = " / ".join(
        f"{statistics.median(s if s is not None else w for s, w in found):.1f}" for found in rows.values()
    )
    whole = " / ".join(f"{statistics.median(w for _, w in found):.1f}" for found in rows.values())
    print(
        f"{label:<26} {times:>15} {whole:>16} {statistics.median(read):>12.0f} {statistics.median(written):>15.1f} "
        f"{kept.cached_tokens / max(1, kept.prompt_tokens):>12.2f} {statistics.fmean(f1):>11.3f} {statistics.fmean(held):>9.3f}{guesses(used)}",
        flush=True,
    )


def drafted(generator: LanguageGenerator, one: Asked) -> str:
    """What it writes; nothing where that cannot be read."""
    try:
        return " ".join(sentence.text for sentence in generator.generate(one.query, one.context, []).sentences)
    except ModelFailed:
        return ""


def guesses(used: Usage) -> str:
    """How many tokens were guessed ahead, and the share of them that was right (acceptance rate)."""
    return (
        f", guessed {used.drafted_tokens}, right {used.accepted_tokens / used.drafted_tokens:.2f}"
        if used.drafted_tokens
        else ""
    )


def tell_copies(model: LanguageModel, asked: list[Asked]) -> None:
    """How fast a text is written that stands in the prompt, which is what prompt lookup guesses."""
    model.complete([Message("user", "Say yes.")], None, 1, 300)
    used, seconds = Usage(), 0.0
    for one in asked:
        pace = Pace()
        done = model.complete([Message("user", one.context.passages[0].text[:900] + COPY)], None, 72, 300, pace)
        seconds += time.perf_counter() - pace.began - (pace.first or 0.0)
        used += done.usage
    print(f"{'':<26} copying: {used.answer_tokens / seconds:.1f} tok/s{guesses(used)}", flush=True)


def variant(kind: str, folder: Path) -> Path:
    """SmolLM2's file with its matrices in another encoding; made once."""
    path = folder / f"SmolLM2-135M-Instruct.{kind}.gguf"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(smollm2_file())
    architecture = reader.fields[gguf.Keys.General.ARCHITECTURE].contents()
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(part, architecture)
    for name, value in reader.fields.items():
        if name.startswith("GGUF.") or name in {gguf.Keys.General.ARCHITECTURE, gguf.Keys.General.FILE_TYPE}:
            continue
        inner = value.types[-1] if value.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, value.contents(), value.types[0], sub_type=inner)
    for tensor in reader.tensors:
        plain = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if tensor.tensor_type == gguf.GGMLQuantizationType.F32:
            writer.add_tensor(tensor.name, plain)
        else:
            encoded = gguf.quants.quantize(plain, KINDS[kind])
            writer.add_tensor(tensor.name, encoded, raw_dtype=KINDS[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return part.rename(path)


if __name__ == "__main__":
    main()
