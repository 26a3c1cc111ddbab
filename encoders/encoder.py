"""A network as a stage uses it: texts in, outputs back, run by what was chosen for this machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import Encoding

from citewell.core.machine import available_threads, free_threads, this_machine
from citewell.core.models import go_offline
from citewell.core.settings import EncoderSettings
from citewell.core.threads import release_threads
from citewell.encoders import forms
from citewell.encoders.batching import Turns, batches
from citewell.encoders.kept import Kept, vocabulary_in
from citewell.encoders.network import Loaded, Network, Outputs, Text, Vocabulary
from citewell.encoders.runtimes import REFERENCE, Runtime, family_of, missing_for, run_with, suits
from citewell.encoders.tuning import Tuning

LARGE_JOB = 64  # texts
SLAB = 256  # texts whose tokens are made while others are run
UNMEASURED = "nothing was measured on such a machine yet"
_log = logging.getLogger("citewell.encoders")


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that were run together: their places in what was given, their tokens, and the outputs, `(texts, …)` each."""

    places: Sequence[int]
    encodings: Sequence[Encoding]
    outputs: Outputs


@dataclass(frozen=True, slots=True)
class Decision:
    """What runs a network here, for many texts and for a few, and why; `fallback` when that was not what was wanted."""

    bulk: str
    question: str
    reason: str
    fallback: str = ""


class Encoder:
    """Runs one network. Callers from several threads take turns after each batch: a question does not wait for a long ingestion.

    What cannot be used here (a library that is missing, a file that cannot be converted, a result unlike the reference) is said in the
    log and in `decision`, and the reference is used.
    """

    def __init__(self, network: Network, settings: EncoderSettings, kept: Kept) -> None:
        self.network = network
        self._settings = settings
        self._kept = kept
        self._turns = Turns()
        self._opening = threading.RLock()
        self._ready: dict[tuple[str, int], Runtime] = {}
        self._loaded: Loaded | None = None
        self._vocabulary: Vocabulary | None = None
        self._folders: dict[str, Path | None] = {}

    @cached_property
    def decision(self) -> Decision:
        """What runs the network, found out by opening it: converts it where that was not done, and compares it where that was not done."""
        with self._opening:
            return self._unless(self._wanted, self._why_not)

    @property
    def outlook(self) -> Decision:
        """What will run the network, as far as that can be told without opening anything."""
        return self.__dict__.get("decision") or self._unless(self._wanted, self._known_why_not)

    @cached_property
    def tuning(self) -> Tuning | None:
        """What was measured on such a machine; None where nothing was."""
        return self._kept.tuning(self.network.key, this_machine().name)

    @property
    def _wanted(self) -> Decision:
        """What the settings name, what was measured, or the reference where nothing was."""
        if self._settings.runtime != "auto":
            return Decision(self._settings.runtime, self._settings.runtime, "encoders.runtime names it")
        if self.tuning is not None:
            return Decision(self.tuning.bulk, self.tuning.question, self.tuning.reason)
        return Decision(REFERENCE, REFERENCE, UNMEASURED)

    def _unless(self, wanted: Decision, why_not: Callable[[str], str]) -> Decision:
        """What is wanted, or the reference where something speaks against that."""
        for name in dict.fromkeys((wanted.bulk, wanted.question)):
            against = why_not(name)
            if against:
                return Decision(REFERENCE, REFERENCE, wanted.reason, f"{name} cannot be used: {against}")
        return wanted

    def _known_why_not(self, name: str) -> str:
        """What is known to speak against a runtime; empty where nothing is."""
        if not suits(name, this_machine()):
            return f"the processor, {this_machine().name}, has no bfloat16"
        if not family_of(name):
            return ""
        missing = missing_for(name, converted=self.folder(name) is not None)
        if missing:
            return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed: pip install {' '.join(missing)}"
        return self._kept.refusal(self.network.key, this_machine().name, name) or ""

    def _why_not(self, name: str) -> str:
        """Why a runtime cannot run the network here, said in the log; empty when it can, and then it is ready."""
        against = self._known_why_not(name)
        if not against and family_of(name):
            try:
                against = self._made_ready(name)
            except Exception as error:  # whatever a converter or a library raises, the reference still works
                told = str(error).strip().splitlines()
                against = f"{type(error).__name__}: {told[0][:200] if told else 'no reason given'}"
        if against:
            _log.warning("%s cannot be used: %s; %s is used instead", name, against, REFERENCE)
        return against

    def _made_ready(self, name: str) -> str:
        """Converts the network where that was not done, opens it, and compares it with the reference where that was not done."""
        if self.folder(name) is None:
            _log.warning("%s is made ready for %s once, which takes some seconds", self.network.key, name)
        self.convert(name)
        runtime = self.runtime(name, self.most_threads)
        found = self._kept.refusal(self.network.key, this_machine().name, name)
        if found is None:
            found = forms.unlike(self.network, self.loaded(), runtime, self.most_threads)
            self.note(name, found)
        return found

    @property
    def most_threads(self) -> int:
        """Threads that may be used when nobody else computes."""
        return available_threads(self._settings.threads)

    def convert(self, name: str) -> None:
        """Brings the network into the form that this runtime reads, unless it is kept in it. Raises what the converter raises."""
        family = family_of(name)
        if family and self.folder(name) is None:
            self._folders[family] = forms.convert(self.network, self.loaded(), family, self._kept)

    def note(self, name: str, refused: str) -> None:
        """Keeps why a runtime is not to be used for this network here, or that it may be."""
        self._kept.note_refusal(self.network.key, this_machine().name, name, refused)

    def adopt(self) -> bool:
        """Whether it is known what runs the network here; what is known is kept beside the index from now on."""
        return self._kept.adopt(self.network.key, this_machine().name) is not None

    def remember(self, tuning: Tuning) -> None:
        """Keeps what was measured and uses what follows from it from now on."""
        with self._opening:
            self._kept.remember(tuning)
            for name in ("decision", "tuning"):
                self.__dict__.pop(name, None)
            self.__dict__["tuning"] = tuning  # also where nothing can be kept
            used = {self.decision.bulk, self.decision.question}
            self._ready = {key: runtime for key, runtime in self._ready.items() if key[0] in used}
            if all(family_of(name) for name in used):
                self._loaded = None

    def loaded(self) -> Loaded:
        """The network in PyTorch. Raises what its loading raises."""
        with self._opening:
            if self._loaded is None:
                go_offline()
                self._loaded = self.network.load()
                self._vocabulary = self._loaded.vocabulary
            return self._loaded

    def vocabulary(self) -> Vocabulary:
        """How texts become numbers; from the converted form where there is one."""
        with self._opening:
            if self._vocabulary is None:
                folder = self.folder(self.decision.bulk)
                self._vocabulary = self.loaded().vocabulary if folder is None else vocabulary_in(folder)
            return self._vocabulary

    def folder(self, name: str) -> Path | None:
        """Where the converted form for this runtime lies; None for PyTorch, or where there is none."""
        family = family_of(name)
        if family and family not in self._folders:
            self._folders[family] = self._kept.converted(self.network.key, family)
        return self._folders.get(family)

    def runtime(self, name: str, threads: int) -> Runtime:
        """The network, ready to run."""
        with self._opening:
            if (name, threads) not in self._ready:
                folder = self.folder(name)
                self._ready[name, threads] = run_with(name, folder, None if folder else self.loaded(), threads)
            return self._ready[name, threads]

    def run(self, texts: Sequence[Text]) -> Iterator[Batch]:
        """The outputs of all texts, batch by batch; texts of like length share a batch, so that little is spent on padding.

        The same texts in the same call give the same bits.
        """
        single = len(texts) == 1 and self.network.reads == "texts"
        runtime = self._single() if single else self._many(len(texts))
        step = runtime.step if single else 1
        try:
            for places, encodings in self._encoded(texts):
                for batch in batches([len(encoding) for encoding in encodings]):
                    chosen = [encodings[i] for i in batch]
                    with self._turns:
                        outputs = runtime.run(*self.vocabulary().arrays(chosen, step))
                    yield Batch([places[i] for i in batch], chosen, outputs)
        finally:
            release_threads()  # a language model in this process writes three times as fast then

    def _many(self, count: int) -> Runtime:
        """On all cores that are free; to look for those is worth it only for a large job."""
        threads = free_threads(self._settings.threads) if count >= LARGE_JOB else self.most_threads
        return self.runtime(self.decision.bulk, threads)

    def _single(self) -> Runtime:
        """For one question, which more threads may slow down."""
        tuned = self.tuning.question_threads if self.tuning is not None else self.most_threads
        return self.runtime(self.decision.question, min(self.most_threads, tuned))

    def _encoded(self, texts: Sequence[Text]) -> Iterator[tuple[list[int], list[Encoding]]]:
        """Tokens of slabs of texts, longest first; those of the next slab are made while this one is run."""
        order = sorted(range(len(texts)), key=lambda i: (-_characters(texts[i]), i))
        slabs = [order[at : at + SLAB] for at in range(0, len(order), SLAB)]
        vocabulary = self.vocabulary()

        def encode(slab: list[int]) -> list[Encoding]:
            return vocabulary.encode([texts[i] for i in slab])

        if len(slabs) == 1:
            yield slabs[0], encode(slabs[0])
        elif slabs:
            with ThreadPoolExecutor(1, "tokens") as helper:
                coming = helper.submit(encode, slabs[0])
                for number, slab in enumerate(slabs):
                    encodings = coming.result()
                    if number + 1 < len(slabs):
                        coming = helper.submit(encode, slabs[number + 1])
                    yield slab, encodings


def _characters(text: Text) -> int:
    return len(text) if isinstance(text, str) else len(text[0]) + len(text[1])
