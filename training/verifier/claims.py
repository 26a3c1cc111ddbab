"""Claims with their evidence and what it makes of them: public judgements, and claims made of texts by rule."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from citewell.core.sentences import sentence_spans
from citewell.core.types import headed
from citewell.core.verdicts import VERDICTS
from citewell.rerank.train.groups import bucket
from citewell.training.questions import refuse_measured
from citewell.training.spoil import spoil
from citewell.training.verifier.rewrite import change, reword

SUPPORTED, NOT_SUPPORTED, CONTRADICTED = range(len(VERDICTS))
# What a public label can mean: where a set does not tell what is contradicted from what is not said, either.
TARGETS = {
    "entailment": (SUPPORTED,),
    "neutral": (NOT_SUPPORTED,),
    "partial": (NOT_SUPPORTED,),
    "generic": (NOT_SUPPORTED,),
    "contradiction": (CONTRADICTED,),
    "not_entailment": (NOT_SUPPORTED, CONTRADICTED),
}
CLAIM_WORDS = (6, 45)
COVERED = 0.6  # share of a sentence's words that the rest of its passage may hold, for it not to be said there
NEAR = 0.5  # of made claims, those that see only the sentences around
_WORD = re.compile(r"\w{3,}")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'’-]+(?: (?:of |the )?[A-Z][\w'’-]+)*")
_NUMBER = re.compile(r"\$?\b\d[\d,.]*\d\b|\b\d\b")


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement, the text that it is to be read against, and which of VERDICTS may be right; `judged` by people, or made by rule."""

    source: str
    part: int
    evidence: str
    text: str
    target: tuple[int, ...]
    judged: bool = True


def judged_claims(folder: Path) -> list[Claim]:
    """The claims of every `*.jsonl` in `folder`: `premise`, `hypothesis`, `label`. Raises DatasetInvalid for what is measured."""
    refuse_measured(folder)
    return list(read_judged(folder))


def read_judged(folder: Path) -> Iterator[Claim]:
    """The same, of any folder."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                row = json.loads(line)
                yield Claim(path.stem, bucket(row["premise"]), row["premise"], row["hypothesis"], TARGETS[row["label"]])


def made_claims(folder: Path, seed: int) -> Iterator[Claim]:
    """Claims made of a dataset's texts and questions, a few a passage. Raises DatasetInvalid for what is measured."""
    refuse_measured(folder)
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    passages = {row["_id"]: row for row in rows}
    for row in rows:
        chance = random.Random(f"{seed} {row['_id']}")  # noqa: S311 (a sample, not a secret)
        for evidence, text, target in _of_passage(row["text"], chance):
            header = row["title"] if chance.random() < 0.5 else ""
            yield Claim(
                f"{folder.name} text", bucket(row["title"]), headed(header, evidence), text, (target,), judged=False
            )
    answers = {
        a["_id"]: a for a in map(json.loads, (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines())
    }
    for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        answer = answers.get(question["_id"])
        if not answer or not answer.get("answers") or not answer.get("evidence"):
            continue
        row = passages[answer["evidence"][0]]
        chance = random.Random(f"{seed} {question['_id']}")  # noqa: S311
        for text, target in _of_question(question["text"], answer["answers"], row["text"], chance):
            yield Claim(f"{folder.name} questions", bucket(row["title"]), row["text"], text, (target,), judged=False)


def _of_passage(text: str, chance: random.Random) -> Iterator[tuple[str, str, int]]:
    spans = sentence_spans(text)
    usable = [i for i, (a, b) in enumerate(spans) if CLAIM_WORDS[0] <= len(text[a:b].split()) <= CLAIM_WORDS[1]]
    for index in chance.sample(usable, min(2, len(usable))):
        start, end = spans[index]
        sentence = text[start:end]
        evidence = text
        if chance.random() < NEAR:
            evidence = text[spans[max(0, index - 1)][0] : spans[min(len(spans) - 1, index + 1)][1]]
        said = reword(sentence, chance) or sentence
        yield evidence, said, SUPPORTED
        changed = change(said, chance) if chance.random() < 0.5 else None
        if changed is None:
            spoilt = spoil(said, evidence, chance)
            changed = spoilt[0] if spoilt else change(said, chance)
        if changed is not None:
            yield evidence, changed, CONTRADICTED
        rest = (text[:start] + text[end:]).strip()
        if chance.random() < 0.5 and len(spans) > 2 and _covered(sentence, rest) < COVERED:
            yield rest, said, NOT_SUPPORTED


def _of_question(question: str, answers: Sequence[str], text: str, chance: random.Random) -> Iterator[tuple[str, int]]:
    """The question with its answer, or with another name or number of the passage."""
    right = chance.random() < 0.5
    answer = max(answers, key=len)
    if right:
        yield _stated(question, answer), SUPPORTED
        return
    pattern = _NUMBER if _NUMBER.search(answer) else _NAME
    lowered = [a.casefold() for a in answers]
    others = sorted(
        {m[0] for m in pattern.finditer(text) if not any(m[0].casefold() in a or a in m[0].casefold() for a in lowered)}
    )
    others = [other for other in others if other not in question]
    if others:
        yield _stated(question, chance.choice(others)), CONTRADICTED


def _stated(question: str, answer: str) -> str:
    """The question and its answer as one statement where that is easy, else one after the other."""
    subject = re.match(r"(?:Who|What|Which \w+) ((?!did|do|does|is|are|was|were)\w+(?:ed|s) .+)\?$", question)
    if subject:
        return f"{answer} {subject[1]}."
    copula = re.match(r"(?:Who|What) (is|was|are|were) (the .+)\?$", question)
    if copula:
        return f"{copula[2][0].upper()}{copula[2][1:]} {copula[1]} {answer}."
    return f"{question} {answer}."


def _covered(sentence: str, rest: str) -> float:
    words = {w.casefold()[:6] for w in _WORD.findall(sentence)}
    held = {w.casefold()[:6] for w in _WORD.findall(rest)}
    return len(words & held) / max(1, len(words))
