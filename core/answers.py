"""What is said: sentences with their citations, how sure it is, and the answer with every decision that led to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from citewell.core.types import Citation, Context
from citewell.core.verdicts import Check

AnswerStatus = Literal["grounded", "partial", "abstained"]
REFUSAL = "The documents do not say."


@dataclass(frozen=True, slots=True)
class Lean:
    """What a quoted sentence leans on and would mislead without: what a pronoun in it stands for, the condition that it is under, the list that
    it is an item of, or the question that it answers there."""

    kind: Literal["antecedent", "condition", "list", "question"]
    citation: Citation


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer and the citations that support it.

    `[start, end)` of `highlight` are the words of the text that answer in short; `heading` stands above a quoted sentence, `columns`
    names the columns of a quoted row. `share` is the probability that this sentence holds the answer, given that one of the context does.
    """

    text: str
    citations: tuple[Citation, ...]
    highlight: tuple[int, int] | None = None
    heading: str = ""
    columns: str = ""
    leans_on: tuple[Lean, ...] = ()
    share: float = 0.0

    @property
    def short_answer(self) -> str:
        """The highlighted words; empty where there are none."""
        return self.text[slice(*self.highlight)] if self.highlight else ""


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """The probability that a context answers the question, the log odds before calibration, and what they come from.

    `uncalibrated` says why the number is an estimate and no probability; empty where it is one. `thresholds` are pairs of a stated risk and
    the probability at and above which answers were wrong no more often, rising in risk.
    """

    probability: float
    log_odds: float
    uncalibrated: str = ""
    thresholds: tuple[tuple[float, float], ...] = ()
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, of those read the ones that a prefix cache spared, the calls that it took, what they cost in the currency of
    the price table, and the tokens that were guessed ahead, with how many of them were right."""

    prompt_tokens: int = 0
    answer_tokens: int = 0
    cached_tokens: int = 0
    calls: int = 0
    cost: float = 0.0
    drafted_tokens: int = 0
    accepted_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Draft:
    """What a generator proposes, before verification; `notes` are codes (core/reasons.py)."""

    sentences: tuple[Sentence, ...]
    route: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """What another document says against the sentence of this number, and the code of what differs (core/reasons.py)."""

    sentence: int
    citation: Citation
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a question: checked sentences, or an abstention, with every decision that led to it.

    `answer_id` is the same whenever the same question meets the same index, settings and rights. `reasons` are codes of
    core/reasons.py; `checks` say what became of each drafted sentence; `missing` are the parts of the question that nothing answers;
    `looked_for` are the words that were searched for; `cost` is what language models took for it, in the currency of the price table.
    """

    answer_id: str

    question: str
    status: AnswerStatus
    sentences: tuple[Sentence, ...]
    route: str
    sufficiency: Sufficiency
    threshold: float
    context: Context
    config_hash: str
    generation: str
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    cost: float = 0.0
    trace: tuple[Mapping[str, object], ...] = ()
    reasons: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    missing: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    looked_for: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        cited = all(sentence.citations for sentence in self.sentences)
        if self.status == "abstained" and self.sentences:
            raise ValueError("an abstention has no sentences")
        if self.status != "abstained" and not (self.sentences and cited):
            raise ValueError("every sentence of an answer must carry a citation")

    @property
    def text(self) -> str:
        """The answer as one text with its markers, or the refusal."""
        if self.status == "abstained":
            return REFUSAL
        return " ".join(_told(sentence) for sentence in self.sentences)

    @property
    def short_answer(self) -> str:
        """The highlighted words of the likeliest sentence; empty where it has none."""
        likeliest = max(self.sentences, key=lambda sentence: (sentence.share, bool(sentence.highlight)), default=None)
        return likeliest.short_answer if likeliest else ""


def _told(sentence: Sentence) -> str:
    """A sentence with its markers, after the condition that it is under."""
    before = [lean.citation.quote for lean in sentence.leans_on if lean.kind in {"condition", "list"}]
    return " ".join([*before, sentence.text, "".join(f"[{c.marker}]" for c in sentence.citations)])
